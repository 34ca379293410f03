"""`path("", include("authkit.oauth.urls.well_known"))` mounts the documents that clients look for at the root."""

from __future__ import annotations

from importlib.util import find_spec

from django.urls import URLPattern, path

urlpatterns: list[URLPattern] = []

# Without Authlib the views can't be imported. `manage.py check` has to come far enough to say so (E300).
if find_spec("authlib") is not None:
    from authkit.oauth.metadata_views import ProviderMetadataView, ServerMetadataView

    urlpatterns += [
        path(
            ".well-known/oauth-authorization-server",
            ServerMetadataView.as_view(),
            name="authkit-oauth-authorization-server",
        ),
        path(".well-known/openid-configuration", ProviderMetadataView.as_view(), name="authkit-openid-configuration"),
    ]
