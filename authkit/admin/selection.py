"""The objects that were chosen on a page, carried through the confirmation."""

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
"""Objects in one confirmation: the page lists all of them, and one request deals with all of them."""

_BATCH = 500


class SelectionForm(forms.Form):
    """Primary keys in one hidden field.

    It is one field, because Django refuses a form of more than DATA_UPLOAD_MAX_NUMBER_FIELDS (1,000) fields. It holds
    keys and not the list's filter: other objects may match the filter by the time of the answer, and only those that
    were shown count. The keys prove nothing: the view that reads them asks the admin's own queryset for the objects.
    """

    chosen = forms.CharField(widget=forms.HiddenInput)

    @classmethod
    def of(cls, objects: Iterable[Model]) -> SelectionForm:
        """The form that holds these objects."""
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
    """The chosen objects that (still) exist and that this admin may see.

    Args:
        queryset: the objects that the ModelAdmin shows to this request.
        keys: from the form, so they may be anything. A text that is no key of this model is left out.
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
