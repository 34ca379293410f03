"""What was chosen on a page, carried through the confirmation."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.utils.translation import gettext_lazy as _

MOST = 10_000
"""Objects in one confirmation: all are listed on the page, and dealt with within one request."""

_BATCH = 500


class SelectionForm(forms.Form):
    """Primary keys in one hidden field.

    One field, because Django refuses a form of more than DATA_UPLOAD_MAX_NUMBER_FIELDS (1,000) fields. Keys and not
    the list's filter, because who matches a filter may change between the question and the answer: what happens is
    what was shown. The keys prove nothing; whoever reads them asks the admin's own queryset for the objects.
    """

    chosen = forms.CharField(widget=forms.HiddenInput)

    @classmethod
    def of(cls, objects: Iterable[Model]) -> SelectionForm:
        """The form that holds these."""
        return cls(initial={"chosen": json.dumps([str(obj.pk) for obj in objects])}, auto_id=False)

    def clean_chosen(self) -> list[str]:
        try:
            keys = json.loads(self.cleaned_data["chosen"])
        except (ValueError, RecursionError) as error:
            raise ValidationError(_("The selection can't be read.")) from error
        if not isinstance(keys, list) or len(keys) > MOST or not all(isinstance(key, str) for key in keys):
            raise ValidationError(_("The selection can't be read."))
        return keys


def chosen_objects(queryset: QuerySet[Any], keys: Iterable[str], *, allowed: Callable[[Any], bool]) -> list[Any]:
    """Those of the chosen objects that (still) exist and that this admin may see.

    Args:
        queryset: what the ModelAdmin shows to this request.
        keys: from the form, so anything; what is no key of this model is left out.
        allowed: whether this object may be seen.
    """
    field = queryset.model._meta.pk
    while field.remote_field:
        field = field.target_field  # a child model's key is its parent's
    valid = (key for raw in keys for key in _valid(field, raw))
    found: list[Any] = []
    while batch := list(islice(valid, _BATCH)):
        found.extend(obj for obj in queryset.filter(pk__in=batch) if allowed(obj))
    return found


def _valid(field: Any, raw: str) -> Iterator[Any]:
    try:
        yield field.clean(raw.replace("\x00", ""), None)
    except ValidationError:
        return
