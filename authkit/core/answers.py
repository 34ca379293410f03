"""Serializers of answers. One of them renders what a JSON view answers, so each field of an answer is declared.

`authkit.core.operations` names them for each call, and `authkit.openapi` describes what they declare.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from rest_framework import serializers
from rest_framework.fields import SkipField
from rest_framework.response import Response


class AnswerSerializer(serializers.Serializer[Any]):
    """The base of every answer's serializer. Its fields are only ever rendered, so none of them has validators."""

    @cached_property
    def _rendered_fields(self) -> tuple[tuple[str, serializers.Field[Any, Any, Any, Any]], ...]:
        return tuple(self.fields.items())

    def to_representation(self, instance: Any) -> dict[str, Any]:
        # As DRF's, without its walk through all fields for those that are only written, and of relations.
        shown = {}
        for name, field in self._rendered_fields:
            try:
                value = field.get_attribute(instance)
            except SkipField:
                continue
            shown[name] = None if value is None else field.to_representation(value)
        return shown


class EmptySerializer(AnswerSerializer):
    """`{}`: the call succeeded and there is nothing to say."""


class RefusalSerializer(AnswerSerializer):
    """A refusal. Which fields it has beside `code` and `detail` depends on the code.

    An exception of a feature, or of a project, may add fields of its own in `as_payload()`: they are passed on.
    """

    code = serializers.CharField(help_text="What was refused, for programs; stable.")
    detail = serializers.CharField(help_text="A sentence that may be shown to people; not stable.")
    reason = serializers.CharField(required=False, help_text="A refinement of `code`, where there is one.")
    why = serializers.CharField(required=False, help_text="Why the login is over, where `reason` is `login_ended`.")
    challenge = serializers.DictField(
        required=False, help_text="With `challenge_required`: the challenge, of which `kind` says what it is."
    )
    retry_after = serializers.IntegerField(required=False, help_text="Seconds to wait; also in Retry-After.")
    max_age = serializers.IntegerField(
        required=False,
        help_text="With `insufficient_user_authentication`: for how many seconds a sign-in counts as recent.",
    )
    methods = serializers.ListField(  # without a child: a step of a project's may have more than names here
        required=False,
        help_text="With `insufficient_user_authentication`: the ways in which this person can show it once more.",
    )
    acr_values = serializers.CharField(
        required=False, help_text="The same in the values of TOKENS.ACR_VALUES, divided by blanks, where any has one."
    )

    def to_representation(self, instance: Mapping[str, Any]) -> dict[str, Any]:
        return {**super().to_representation(instance), **{k: v for k, v in instance.items() if k not in self.fields}}


def rendered(serializer: type[serializers.BaseSerializer[Any]], given: Any) -> Any:
    """The data as a serializer that needs no context renders it.

    Uses one instance of each class and keeps it: making one takes several times as long as rendering by it. No call
    leaves anything in it, since `to_representation` is asked and `data` is not.
    """
    kept = _kept.get(serializer)
    if kept is None:
        kept = _kept.setdefault(serializer, serializer())
    return kept.to_representation(given)


_kept: dict[type[serializers.BaseSerializer[Any]], serializers.BaseSerializer[Any]] = {}


def answer(serializer: type[AnswerSerializer], given: Any, *, context: dict[str, Any] | None = None) -> Response:
    """A 200.

    Args:
        serializer: renders it.
        given: a mapping, or an object, that has what the serializer's fields name.
        context: the serializer's, if it needs one.
    """
    if context is None:
        return Response(rendered(serializer, given))
    return Response(serializer(given, context=context).data)


def refused(payload: Mapping[str, Any], *, status: int, headers: dict[str, str] | None = None) -> Response:
    """A refusal with this body, rendered by `RefusalSerializer`."""
    return Response(rendered(RefusalSerializer, payload), status=status, headers=headers)
