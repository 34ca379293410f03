"""The pages of registration and verification. Their JSON twins are in `authkit.accounts.registration.views`."""

from __future__ import annotations

from typing import Any, ClassVar, cast
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import AbstractBaseUser
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext

from authkit import conf
from authkit.accounts.forms import CodeForm
from authkit.accounts.registration.forms import ConfirmCodeForm, ConfirmKeyForm, RegisterForm
from authkit.accounts.registration.people import AddressTaken
from authkit.accounts.registration.serializers import register_serializer
from authkit.accounts.registration.services import can_mail, confirm, register
from authkit.accounts.registration.verifying import can_request, request_verification, verify
from authkit.accounts.settings import AccountsSettings, is_by_code
from authkit.core.hidden import Hidden
from authkit.core.redirects import is_safe_target, safe_next
from authkit.core.refusals import page_of
from authkit.exceptions import InvalidGrant, NotFound, SignupClosed, Throttled, UsernameTaken
from authkit.pages.keys import KeyPage
from authkit.pages.states import StatePage
from authkit.pages.views import SignedInPage
from authkit.sessions.receivers import client_of


def sign_in_url(request: HttpRequest, target: str = "") -> str:
    """The sign-in page, and from there to `target` if that is of this site."""
    page = reverse("authkit:login")
    return f"{page}?{urlencode({'next': target})}" if is_safe_target(request, target) else page


@method_decorator(login_not_required, name="dispatch")
class RegisterPage(StatePage):
    """Asks for an account. The page that follows is the same whatever there is about the address."""

    template = "authkit/register.html"
    is_invited: ClassVar[bool] = False
    """Whether the page asks for the link of an invitation."""

    def context(self, request: HttpRequest) -> dict[str, Any]:
        return {"is_invited": self.is_invited, "signup": conf.section(AccountsSettings).signup}

    def get(self, request: HttpRequest) -> HttpResponse:
        # A link to an invitation leads nowhere else: a browser keeps `#key=` at a redirect, and a page of the project
        # would have the key in its address.
        if request.user.is_authenticated and not self.is_invited:
            return HttpResponseRedirect(safe_next(request))
        if not self._is_open():
            return self.show(request, "closed")
        return self.show(request, "form", form=self._form(initial={"next": request.GET.get("next", "")}))

    def post(self, request: HttpRequest) -> HttpResponse:
        if not self._is_open():
            return self.show(request, "closed", status=SignupClosed.status)
        form = self._form(request.POST)
        body = register_serializer()(data=_hidden(request, form))
        if not (form.is_valid() & body.is_valid()):
            form.take_errors(body)
            return self.show(request, "form", form=form, status=400)
        wish = body.wish()
        try:
            registered = register(
                wish=wish,
                password=body.validated_data["password"],
                invitation=form.cleaned_data.get("invitation", ""),
                client=client_of(request),
            )
        except (SignupClosed, NotFound) as refused:
            return self.show(request, "closed", status=refused.status)
        except InvalidGrant as refused:
            return self.show(request, "spent", status=refused.status)
        except UsernameTaken as refused:
            return self.refuse(request, "form", form, refused, field=form.field_named("username"))
        except AddressTaken as refused:
            return self.refuse(request, "form", form, refused, field=form.field_named("email"))
        except Throttled as refused:
            return self.refuse(request, "form", form, refused)
        if registered is not None:
            return self.show(request, "done", sign_in=sign_in_url(request, registered.next))
        return self.show(request, "sent", email=wish.email, by_code=is_by_code(), code_form=CodeForm())

    def _form(self, data: Any = None, **kwargs: Any) -> RegisterForm:
        return RegisterForm(data, serializer=register_serializer()(), is_invited=self.is_invited, **kwargs)

    def _is_open(self) -> bool:
        section = conf.section(AccountsSettings)
        if self.is_invited:
            return True
        return section.signup not in (False, "invitation") and (section.verification == "off" or can_mail())


class InvitedPage(RegisterPage):
    """The same for an invited person, behind the link of the invitation, whose key is the proof of the address."""

    is_invited = True


class ConfirmPage(KeyPage):
    """Behind the link of the mail, or with its code: opens the account. Signs no person in."""

    template = "authkit/register_confirm.html"

    def new_form(self, data: Any = None) -> Any:
        return ConfirmCodeForm(data) if is_by_code() else ConfirmKeyForm(data)

    def act(self, request: HttpRequest, form: Any) -> HttpResponse:
        try:
            registered = confirm(**form.proof(), client=client_of(request))
        except UsernameTaken as refused:
            form.ask_for_username()
            form.add_error("username", refused.message)
            return self.show(request, "ask", form=form, status=refused.status)
        return self.show(request, "done", sign_in=sign_in_url(request, registered.next))


class VerifyPage(KeyPage):
    """Behind the link of the mail, or with its code for a person who is signed in: notes that the address is theirs."""

    template = "authkit/email_verify.html"

    def context(self, request: HttpRequest) -> dict[str, Any]:
        return {"can_resend": request.user.is_authenticated and can_request(request.user)}

    def new_form(self, data: Any = None) -> Any:
        return CodeForm(data) if is_by_code() else self.form_class(data)

    def act(self, request: HttpRequest, form: Any) -> HttpResponse:
        given = form.cleaned_data
        verify(key=given.get("key", ""), code=given.get("code", ""), user_id=request.user.pk)
        return self.show(request, "done")


class ResendPage(SignedInPage):
    """Mails the person a new link or code that proves their address, as often as its JSON twin does."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(reverse("authkit:email-verify" if is_by_code() else "authkit:account-email"))

    def post(self, request: HttpRequest) -> HttpResponse:
        try:
            request_verification(user=cast("AbstractBaseUser", request.user), client=client_of(request))
        except NotFound as error:
            raise Http404 from error
        except Throttled as refused:
            return page_of(refused, request)
        messages.success(request, gettext("If your address is not confirmed yet, a mail is on its way to it."))
        return self.get(request)


def _hidden(request: HttpRequest, form: RegisterForm) -> Any:
    """The form's data, with its credentials as `Hidden` and the key taken from its link."""
    data = request.POST.copy()
    data["password"] = Hidden(data.get("password", ""))
    if "invitation" in form.fields:
        form.full_clean()
        data["invitation"] = form.cleaned_data.get("invitation", "") or Hidden("-")
    else:
        data.pop("invitation", None)
    return data
