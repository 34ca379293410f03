"""URLs of this feature, mounted by `authkit.urls`. Those of OAuth stand beside `api/`, since they take forms."""

from __future__ import annotations

from importlib.util import find_spec

from django.urls import URLPattern, path

from authkit.oauth import app_pages, app_views

urlpatterns: list[URLPattern] = [
    path("account/apps/", app_pages.AppsPage.as_view(), name="account-apps"),
    path("account/apps/<str:client_id>/remove/", app_pages.RemoveApp.as_view(), name="account-app-remove"),
]
api_urlpatterns: list[URLPattern] = [
    path("grants/", app_views.GrantsView.as_view(), name="grants"),
    path("grants/<str:client_id>/", app_views.GrantView.as_view(), name="grant-detail"),
]

# Without Authlib the views can't be imported. `manage.py check` has to come far enough to say so (E300).
if find_spec("authlib") is not None:
    from authkit.oauth import authorize_pages, call_views, end_session_pages, token_views

    urlpatterns += [
        path("oauth/authorize", authorize_pages.AuthorizePage.as_view(), name="oauth-authorize"),
        path("oauth/consent", authorize_pages.ConsentPage.as_view(), name="oauth-consent"),
        path("oauth/token", token_views.TokenView.as_view(), name="oauth-token"),
        path("oauth/revoke", call_views.RevokeView.as_view(), name="oauth-revoke"),
        path("oauth/introspect", call_views.IntrospectView.as_view(), name="oauth-introspect"),
        path("oauth/userinfo", call_views.UserInfoView.as_view(), name="oauth-userinfo"),
        path("oauth/end-session", end_session_pages.EndSessionPage.as_view(), name="oauth-end-session"),
        path("oauth/logout", end_session_pages.ConfirmLogoutPage.as_view(), name="oauth-logout"),
    ]
