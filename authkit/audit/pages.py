"""The page of a person's own activity, and its link in the account area."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from authkit.audit.timeline import activity
from authkit.features import AccountLink
from authkit.pages.views import SignedInPage


class ActivityPage(SignedInPage):
    """What happened to my account and my logins, newest first."""

    def get(self, request: HttpRequest) -> HttpResponse:
        page = activity(
            user_id=request.user.pk, login_id=_id(request, "login"), before=_id(request, "before")
        )  # fmt: skip
        context = {
            "user": request.user,
            "page": page,
            "login": request.GET.get("login", "") if _id(request, "login") else "",
            "is_first": _id(request, "before") is None,
        }
        return render(request, "authkit/activity.html", context)


def account_links(request: HttpRequest) -> list[AccountLink]:
    """The page of the person's activity."""
    link = AccountLink(
        label=_("Activity"),
        url=reverse("authkit:account-activity"),
        about=_("What happened to your account, newest first."),
        order=20,
    )
    return [link]


def _id(request: HttpRequest, name: str) -> UUID | None:
    # A page leads back to its beginning where an address was written by hand.
    try:
        return UUID(request.GET.get(name, ""))
    except ValueError:
        return None
