"""URLs of this feature, mounted by `authkit.urls`."""

from __future__ import annotations

from django.urls import URLPattern, path

from authkit.accounts import address_pages, address_views, deletion_pages, deletion_views, export_pages, export_views
from authkit.accounts.invitations import views as invitations
from authkit.accounts.passwords import pages as password_pages
from authkit.accounts.passwords import views as passwords
from authkit.accounts.registration import pages as registration_pages
from authkit.accounts.registration import views as registration

urlpatterns: list[URLPattern] = [
    path("register/", registration_pages.RegisterPage.as_view(), name="register"),
    path("register/invited/", registration_pages.InvitedPage.as_view(), name="register-invited"),
    path("register/confirm/", registration_pages.ConfirmPage.as_view(), name="register-confirm"),
    path("email/verify/", registration_pages.VerifyPage.as_view(), name="email-verify"),
    path("email/verify/resend/", registration_pages.ResendPage.as_view(), name="email-verify-resend"),
    path("account/password/", password_pages.ChangePage.as_view(), name="password-change"),
    path("password/reset/", password_pages.ResetRequestPage.as_view(), name="password-reset"),
    path("password/reset/confirm/", password_pages.ResetConfirmPage.as_view(), name="password-reset-confirm"),
    path("account/email/", address_pages.ChangeAddressPage.as_view(), name="account-email"),
    path("account/email/confirm/", address_pages.ConfirmAddressPage.as_view(), name="account-email-confirm"),
    path("account/email/undo/", address_pages.UndoAddressPage.as_view(), name="account-email-undo"),
    path("account/export/", export_pages.ExportPage.as_view(), name="account-export"),
    path("account/delete/", deletion_pages.DeletePage.as_view(), name="account-delete"),
    path("account/delete/cancel/", deletion_pages.CancelDeletionPage.as_view(), name="account-delete-cancel"),
]
api_urlpatterns: list[URLPattern] = [
    path("account/register/", registration.RegisterView.as_view(), name="account-register"),
    path("account/register/confirm/", registration.ConfirmView.as_view(), name="account-register-confirm"),
    path("account/email/verify/", registration.VerifyView.as_view(), name="account-email-verify"),
    path("account/email/verify/resend/", registration.ResendView.as_view(), name="account-email-resend"),
    path("account/invitations/", invitations.InvitationsView.as_view(), name="account-invitations"),
    path(
        "account/invitations/<str:invitation_id>/",
        invitations.InvitationView.as_view(),
        name="account-invitation-detail",
    ),
    path("account/password/change/", passwords.PasswordChangeView.as_view(), name="account-password-change"),
    path("account/password/reset/", passwords.ResetRequestView.as_view(), name="account-password-reset"),
    path(
        "account/password/reset/confirm/",
        passwords.ResetConfirmView.as_view(),
        name="account-password-reset-confirm",
    ),
    path("account/email/change/", address_views.ChangeAddressView.as_view(), name="account-address"),
    path("account/email/change/confirm/", address_views.ConfirmAddressView.as_view(), name="account-address-confirm"),
    path("account/email/change/undo/", address_views.UndoAddressView.as_view(), name="account-address-undo"),
    path("account/export/", export_views.ExportView.as_view(), name="account-data"),
    path("account/delete/", deletion_views.DeleteView.as_view(), name="account-deletion"),
    path("account/delete/cancel/", deletion_views.CancelDeletionView.as_view(), name="account-deletion-cancel"),
]
