"""The description by drf-spectacular of a view whose methods declare an `Operation`."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiViewExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework.settings import api_settings

from authkit.core.answers import RefusalSerializer
from authkit.core.operations import Operation, operation_of, refusals_of
from authkit.exceptions import AuthKitError
from authkit.openapi.security import bearer_requirements, csrf_requirement, refresh_cookie_requirement
from authkit.signin.restricted import ATTRIBUTE as OPEN_TO_RESTRICTED
from authkit.tokens.authentication import TokenAuthentication

_PREFIX = "authkit_"

_TITLES = {
    400: "The request can't be understood or fulfilled",
    401: "The credential is no good, or there is none",
    403: "The caller is known, and not allowed to do this",
    404: "There is no such thing, or it is another person's",
    409: "It can't be done as things are",
    415: "The body is not JSON",
    429: "Too many requests; see Retry-After",
    503: "This can't be checked at the moment; see Retry-After",
}

_TYPES = {"string": OpenApiTypes.STR, "integer": OpenApiTypes.INT, "uuid": OpenApiTypes.UUID}
_HEADERS = (
    ("WWW-Authenticate", OpenApiTypes.STR, 401, "RFC 9110, section 11.6.1"),
    ("Retry-After", OpenApiTypes.INT, 429, "Seconds"),
    ("Retry-After", OpenApiTypes.INT, 503, "Seconds"),
)


class DeclaredSchema(AutoSchema):
    """A description made of the method's `Operation`, and of nothing else."""

    view: Any

    @property
    def declared(self) -> Operation:
        found = operation_of(self.view, self.method)
        assert found is not None  # noqa: S101  # `DeclaredViews` takes no view with a method that declares nothing
        return found

    @property
    def refusals(self) -> dict[int, tuple[str, ...]]:
        classes = self.view.authentication_classes
        return refusals_of(
            self.declared,
            method=self.method,
            throttled=self.view.throttle_classes is None,
            bearer=self.declared.access_token or any(issubclass(cls, TokenAuthentication) for cls in classes),
            restricted=bool(classes) and not getattr(self.view, OPEN_TO_RESTRICTED, False),
        )

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        found: Any = super().get_operation(*args, **kwargs)
        if "requestBody" in found:
            found["requestBody"]["required"] = self.declared.body_required
        return found

    def get_operation_id(self) -> str:
        ours = type(self.view).__module__.startswith("authkit.")
        return _PREFIX + self.declared.name if ours else self.declared.name

    def get_tags(self) -> list[str]:
        return [self.declared.group]

    def get_summary(self) -> str:
        return self.declared.summary

    def get_description(self) -> str:  # type: ignore[override]  # the stubs' base is DRF's, which asks with arguments
        return self.declared.description

    def get_request_serializer(self) -> Any:
        # A view whose serializer a project may replace says which one is in use.
        chosen = getattr(self.view, "body_serializer", None)
        return self.declared.body if chosen is None else chosen()

    def get_override_parameters(self) -> list[Any]:
        given: list[Any] = [
            OpenApiParameter(
                parameter.name, _TYPES[parameter.type], parameter.location, description=parameter.description
            )
            for parameter in self.declared.parameters
        ]
        for name, kind, status, description in _HEADERS:
            if status in self.refusals:
                header = OpenApiParameter(
                    name, kind, OpenApiParameter.HEADER, description=description, response=[status]
                )
                given.append(header)
        return given

    def get_auth(self) -> list[dict[str, list[str]]]:
        ways: list[dict[str, list[str]]] = super().get_auth()
        proof = csrf_requirement(self)
        if self.declared.access_token:
            ways = [*bearer_requirements(self), *ways]
        if self.declared.refresh_cookie:
            ways += refresh_cookie_requirement(self)
        if self.declared.csrf == "cookies":
            ways.append(proof)
        elif self.declared.csrf == "always":
            ways = [proof]
        return ways

    def get_response_serializers(self) -> Any:
        answers: dict[int, Any] = {}
        for status, serializer in self.declared.answers.items():
            if serializer is None:
                answers[status] = OpenApiResponse(None, "Not modified" if status == 304 else "Done; no body")
            else:
                answers[status] = serializer(many=True) if self.declared.many else serializer
        for status, codes in self.refusals.items():
            title = _TITLES.get(status, "Refused")
            told = ", ".join(f"`{code}`" for code in codes)
            answers[status] = OpenApiResponse(self._refusal(status, codes), f"{title} ({told}).")
        return answers

    def _refusal(self, status: int, codes: tuple[str, ...]) -> dict[str, Any]:
        # The codes stand here and not in components: drf-spectacular gives each set of choices there a name, and warns
        # where a project has a field of the same name with others.
        narrowed = {"type": "object", "properties": {"code": {"type": "string", "enum": list(codes)}}}
        example: dict[str, Any] = {"code": codes[0], "detail": _sentences().get(codes[0], "A sentence for people.")}
        if status == 429:
            example["retry_after"] = 30
        common = self.resolve_serializer(RefusalSerializer, "response").ref
        refusal = {"allOf": [common, narrowed], "example": example}
        if status == 400 and self.declared.body is not None:
            return {"oneOf": [refusal, _FIELD_ERRORS]}
        return refusal


def _sentences(root: type[AuthKitError] = AuthKitError) -> dict[str, str]:
    """The sentence of each code, of the exceptions that are loaded."""
    found = {root.code: root.message}
    for cls in root.__subclasses__():
        # The first one that has a code stands for it: a subclass may say the same in other words.
        found = {**_sentences(cls), **found}
    return found


_FIELD_ERRORS = {
    "type": "object",
    "description": "What is wrong with each field.",
    "minProperties": 1,
    "additionalProperties": {"type": "array", "items": {"type": "string"}},
}


class DeclaredViews(OpenApiViewExtension):
    """authkit's views, and a project's own that derive from `ApiView`, where each of their methods is declared."""

    target_class = "authkit.core.api.ApiView"
    match_subclasses = True

    def view_replacement(self) -> Any:
        view = self.target
        methods = [name for name in view.http_method_names if hasattr(view, name) and name != "options"]
        if not all(operation_of(view, name) for name in methods):
            return view
        # Below ours stands the project's own class, where it has one, for all that no Operation says.
        base: Any = api_settings.DEFAULT_SCHEMA_CLASS
        bases: tuple[type, ...] = (DeclaredSchema,)
        if issubclass(base, AutoSchema) and base is not AutoSchema:
            bases += (base,)
        schema: Any = type("DeclaredSchema", bases, {})
        return type(view.__name__, (view,), {"schema": schema(), "__module__": view.__module__})
