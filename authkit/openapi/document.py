"""The document of authkit's endpoints alone, as this project mounts them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.generators import EndpointEnumerator, SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiYamlRenderer

import authkit
from authkit.core.api import ApiView
from authkit.openapi import components, schema, security

EXTENSIONS = (components, schema, security)
"""drf-spectacular knows the extensions in these modules once they are imported."""

FORMATS = {"yaml": OpenApiYamlRenderer, "json": OpenApiJsonRenderer}


class _OurEndpoints(EndpointEnumerator):
    def should_include_endpoint(self, path: str, callback: Any) -> bool:
        view = getattr(callback, "cls", None)
        ours = isinstance(view, type) and issubclass(view, ApiView) and view.__module__.startswith("authkit.")
        return ours and bool(super().should_include_endpoint(path, callback))


class OurSchemaGenerator(SchemaGenerator):
    """drf-spectacular's, for authkit's views alone. `urlconf` is ROOT_URLCONF unless given."""

    endpoint_inspector_cls = _OurEndpoints

    def get_schema(self, request: Any = None, public: bool = False) -> Any:  # noqa: FBT001, FBT002  # the base's
        document: Any = super().get_schema(request=request, public=public)  # type: ignore[no-untyped-call]
        document["info"] = {
            "title": "Sign-in",
            "version": authkit.__version__,
            "description": "Sessions, tokens and social login, by authkit. Every refusal has a stable `code`.",
        }
        return document


def document(*, urlconf: str | None = None) -> dict[str, Any]:
    """The OpenAPI document.

    Args:
        urlconf: a module's dotted path; the project's ROOT_URLCONF unless given.

    Returns:
        With empty "paths" where nothing of authkit's is mounted.
    """
    generator: Any = OurSchemaGenerator
    found: dict[str, Any] = generator(urlconf=urlconf).get_schema(request=None, public=True)
    return found


def written(found: dict[str, Any], *, as_format: str) -> str:
    """The document as text; `as_format` is one of `FORMATS`."""
    rendered: Any = FORMATS[as_format]().render(found, renderer_context={})
    return str(rendered, "utf-8") if isinstance(rendered, bytes) else str(rendered)
