"""Serializers of request bodies that hold credentials."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from authkit.core.hidden import Hidden


class BodySerializer(serializers.Serializer[Any]):
    """A body whose repr hides its data: DRF's repr prints it, in each error report that holds it."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class HiddenField(serializers.CharField):
    """A credential. Blanks around it are kept where `trim_whitespace` is False."""

    def to_internal_value(self, data: Any) -> Hidden:
        return Hidden(super().to_internal_value(data))
