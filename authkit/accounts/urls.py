"""URLs of this feature, mounted by `authkit.urls`."""

from __future__ import annotations

from django.urls import URLPattern, path

from authkit.accounts.passwords import pages as password_pages
from authkit.accounts.passwords import views as passwords

urlpatterns: list[URLPattern] = [
    path("account/password/", password_pages.ChangePage.as_view(), name="password-change"),
    path("password/reset/", password_pages.ResetRequestPage.as_view(), name="password-reset"),
    path("password/reset/confirm/", password_pages.ResetConfirmPage.as_view(), name="password-reset-confirm"),
]
api_urlpatterns: list[URLPattern] = [
    path("account/password/change/", passwords.PasswordChangeView.as_view(), name="account-password-change"),
    path("account/password/reset/", passwords.ResetRequestView.as_view(), name="account-password-reset"),
    path(
        "account/password/reset/confirm/",
        passwords.ResetConfirmView.as_view(),
        name="account-password-reset-confirm",
    ),
]
