"""`include("authkit.urls.api")` mounts the JSON doors alone (API.md lists them)."""

from __future__ import annotations

from authkit.api.urls import urlpatterns as every_login
from authkit.sessions.urls import urlpatterns as sessions
from authkit.social.urls import api_urlpatterns as social
from authkit.tokens.urls import urlpatterns as tokens

app_name = "authkit"
urlpatterns = [*sessions, *tokens, *every_login, *social]
