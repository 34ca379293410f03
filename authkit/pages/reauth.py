"""The page of a step-up: asks a person who is signed in for their password, or sends them to their provider."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from authkit.core.redirects import is_safe_target, safe_next
from authkit.core.refusals import headers_of, sentence_of
from authkit.exceptions import InsufficientAuthentication, InvalidCredentials, LoginEnded, Throttled
from authkit.logins.current import current_login
from authkit.pages.forms import HiddenCharField
from authkit.pages.views import SignedInPage
from authkit.sessions.services import reauthenticate
from authkit.signin.credentials import MAX_PASSWORD_LENGTH
from authkit.signin.methods import PASSWORD
from authkit.signin.step_up import AGAIN, DONE, is_recent, shown_by_password, step_ups_of, way_on


class PasswordForm(forms.Form):
    """The person's own password."""

    password = HiddenCharField(
        label=_("Password"),
        max_length=MAX_PASSWORD_LENGTH,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "autofocus": True}),
    )

    def refuse(self, error_id: str) -> None:
        """Ties the field to the sentence with this HTML id, so that a screen reader reads it with the field."""
        self.fields["password"].widget.attrs.update({"aria-invalid": "true", "aria-describedby": error_id})


class ReauthPage(SignedInPage):
    """Shows the ways that this person has. Afterwards it leads to `next`; where a form was interrupted, by a button."""

    def get(self, request: HttpRequest) -> HttpResponse:
        # Any page can link here with such a query, so it is believed only if true.
        if DONE in request.GET and is_recent(current_login(request), user=request.user):
            return self._show(request, "done")
        return self._show(request, "ask", form=PasswordForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form, login = PasswordForm(request.POST), current_login(request)
        if login is None:
            return self._show(request, "ask", form=PasswordForm(), status=403)
        if not form.is_valid():
            return self._refuse(request, gettext("Enter your password."))
        try:
            with shown_by_password(
                request=request,
                user=request.user,  # type: ignore[arg-type]  # no anonymous user comes this far
                login=login,
                password=form.cleaned_data["password"],
            ) as shown:
                reauthenticate(request=request, shown=shown)
        except InvalidCredentials:
            return self._refuse(request, gettext("This is not your password. Check it and try again."))
        except InsufficientAuthentication as refused:
            return self._show(request, "ask", form=PasswordForm(), status=refused.status)
        except LoginEnded:
            return HttpResponseRedirect(request.get_full_path())  # where the person is asked to sign in
        except Throttled as refused:
            answer = self._refuse(request, sentence_of(refused), status=refused.status)
            for name, value in headers_of(refused.status, refused.retry_after).items():
                answer.headers[name] = value
            return answer
        target = safe_next(request, default="authkit:account")
        return HttpResponseRedirect(way_on(target, interrupted=AGAIN in request.POST))

    def _refuse(self, request: HttpRequest, error: str, *, status: int = 400) -> HttpResponse:
        form = PasswordForm()  # no page sends a password back
        form.refuse("authkit-error")
        return self._show(request, "ask", form=form, error=error, status=status)

    def _show(
        self, request: HttpRequest, state: str, *, form: PasswordForm | None = None, error: str = "", status: int = 200
    ) -> HttpResponse:
        ways = step_ups_of(user=request.user, login=current_login(request))  # type: ignore[arg-type]
        target = request.POST.get(REDIRECT_FIELD_NAME) or request.GET.get(REDIRECT_FIELD_NAME) or ""
        context: dict[str, Any] = {
            "state": state,
            "form": form if any(way.id == PASSWORD.id for way in ways) else None,
            "ways": [way for way in ways if way.url],
            "error": error,
            "next": target if is_safe_target(request, target) else "",
            "again": AGAIN in request.POST or AGAIN in request.GET,
        }
        return render(request, "authkit/reauth.html", context, status=status)
