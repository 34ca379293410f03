"""The base of this feature's pages that ask for a recent sign-in."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponseBase

from authkit.pages.states import StatePage
from authkit.pages.views import SignedInPage
from authkit.signin.step_up import interruption


class RecentPage(SignedInPage):
    """A page for people who are signed in and showed who they are recently. Others are asked to, and come back."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated:
            answer = interruption(request)
            if answer is not None:
                return answer
        return super().dispatch(request, *args, **kwargs)


class RecentStatePage(RecentPage, StatePage):
    """The same in several states."""
