"""`include("authkit.urls.api")` mounts the JSON doors alone (docs/http.md lists them)."""

from __future__ import annotations

from authkit import features
from authkit.api.urls import urlpatterns as every_login
from authkit.sessions.urls import urlpatterns as sessions
from authkit.tokens.urls import urlpatterns as tokens

app_name = "authkit"
urlpatterns = [
    *sessions,
    *tokens,
    *every_login,
    *(pattern for module in features.url_modules() for pattern in getattr(module, "api_urlpatterns", ())),
]
