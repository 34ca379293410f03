"""Serializers of request bodies that hold credentials."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from authkit.core.hidden import Hidden

NOT_A_LIST: Any = {"not_a_list": _("Expected a list of items.")}
"""The error message of a ListField: DRF's own names the class of the value, which is `Hidden` for each text."""


class BodySerializer(serializers.Serializer[Any]):
    """A body whose repr hides its data: DRF's repr prints it, in each error report that holds it."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class HiddenField(serializers.CharField):
    """A credential. Blanks around it are kept where `trim_whitespace` is False."""

    def to_internal_value(self, data: Any) -> Hidden:
        return Hidden(super().to_internal_value(data))


def validated(serializer: type[BodySerializer], data: Any) -> dict[str, Any]:
    """The validated values of a body whose serializer needs no context.

    Uses one instance of each class and keeps it: making one, with a deep copy of each of its fields, takes several
    times as long as validating by it. No call leaves anything in it, since `run_validation` is called and `is_valid` is
    not.

    Args:
        serializer: one of authkit's own; none of its validators asks for the request.
        data: as the parser made it.

    Raises:
        ValidationError: as `is_valid(raise_exception=True)` does.
    """
    kept = _kept.get(serializer)
    if kept is None:
        kept = _kept.setdefault(serializer, serializer())
    try:
        values: dict[str, Any] = kept.run_validation(data)
    except ValidationError:
        # DRF's own words and shape, for a body that is null as well.
        refused = serializer(data=data)
        refused.is_valid(raise_exception=True)
        raise
    return values


_kept: dict[type[BodySerializer], BodySerializer] = {}
