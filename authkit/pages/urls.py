"""URLs of this room, mounted by `authkit.urls`."""

from __future__ import annotations

from django.urls import URLPattern, path

from authkit.pages import account, mailed_links, reauth, views

urlpatterns: list[URLPattern] = [
    path("login/", views.LoginPage.as_view(), name="login"),
    path("logout/", views.LogoutPage.as_view(), name="logout"),
    path("reauth/", reauth.ReauthPage.as_view(), name="reauth"),
    path("ended/", views.EndedPage.as_view(), name="ended"),
    path("account/", account.AccountPage.as_view(), name="account"),
    path("account/logins/", account.LoginsPage.as_view(), name="account-logins"),
    path("account/security/", account.SecurityPage.as_view(), name="account-security"),
    path("not-me/", mailed_links.NotMePage.as_view(), name="not-me"),
    path("unlock/", mailed_links.UnlockPage.as_view(), name="unlock"),
    path("unlock/confirm/", mailed_links.UnlockConfirmPage.as_view(), name="unlock-confirm"),
    path("account/logins/end/", account.EndAllLogins.as_view(), name="account-end-all"),
    path("account/logins/<uuid:login_id>/end/", account.EndLogin.as_view(), name="account-end-login"),
    path("account/devices/<uuid:device_id>/forget/", account.ForgetDevice.as_view(), name="account-forget-device"),
]
