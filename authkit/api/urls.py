"""URLs of this room, mounted by `authkit.urls`."""

from __future__ import annotations

from django.urls import path

from authkit.api import reauth, views
from authkit.sessions.views import SessionView

urlpatterns = [
    # Mounted here, because its own room knows nothing of tokens: an Authorization header decides on this door too.
    path("session/", SessionView.as_view(authentication_classes=views.EVERY_CREDENTIAL), name="session"),
    path("me/", views.MeView.as_view(), name="me"),
    path("logout/", views.LogoutView.as_view(), name="logout-any"),
    path("logout/all/", views.LogoutAllView.as_view(), name="logout-all"),
    path("logins/", views.LoginsView.as_view(), name="logins"),
    path("logins/<str:login_id>/", views.LoginView.as_view(), name="login-detail"),
    path("reauth/", reauth.ReauthView.as_view(), name="reauth-api"),
    path("devices/", views.DevicesView.as_view(), name="devices"),
    path("devices/<str:device_id>/", views.DeviceView.as_view(), name="device-detail"),
]
