"""The page of a person's own keys, and its link in the account area."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from authkit.apikeys.forms import MakeKeyForm, RotateKeyForm
from authkit.apikeys.keys import key_of, keys_of, revoke_key
from authkit.apikeys.making import KeyRefused, MadeKey, make_key
from authkit.apikeys.rotating import rotate_key
from authkit.core.refusals import sentence_of
from authkit.exceptions import AuthKitError, LoginEnded, NotFound, Unavailable
from authkit.features import AccountLink
from authkit.logins.current import current_login
from authkit.pages.views import SignedInPage
from authkit.sessions.receivers import client_of
from authkit.signin.step_up import interruption


class KeysPage(SignedInPage):
    """My keys, and a form for one more. A new key is shown by the answer to that form, and by no other page."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return show(request, form=MakeKeyForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        if (answer := interruption(request)) is not None:
            return answer
        form, login = MakeKeyForm(request.POST), current_login(request)
        if not form.is_valid():
            return show(request, form=form, status=400)
        person: Any = request.user
        try:
            made = make_key(
                user=person,
                name=form.cleaned_data["name"],
                scopes=form.scopes(),
                expires_in=form.lifetime(),
                networks=form.network_texts(),
                client=client_of(request),
                maker=None if login is None else login.pk,
            )
        except KeyRefused as refused:
            form.refuse(refused.field, refused.message)
            return show(request, form=form, status=400)
        except (LoginEnded, Unavailable):
            raise
        except AuthKitError as refused:
            form.refuse("", sentence_of(refused))
            return show(request, form=form, status=refused.status)
        return show(request, form=MakeKeyForm(), made=made)


class RotateKeyPage(SignedInPage):
    """Asks for how long the old key goes on, and shows the successor."""

    def get(self, request: HttpRequest, key_id: UUID) -> HttpResponse:
        return self._ask(request, key_id, RotateKeyForm())

    def post(self, request: HttpRequest, key_id: UUID) -> HttpResponse:
        if (answer := interruption(request)) is not None:
            return answer
        form = RotateKeyForm(request.POST)
        if not form.is_valid():
            return self._ask(request, key_id, form, status=400)
        person: Any = request.user
        overlap = timedelta(seconds=form.cleaned_data["overlap"])
        try:
            made = rotate_key(user=person, login_id=key_id, overlap=overlap, client=client_of(request))
        except NotFound as error:
            raise Http404 from error
        except Unavailable:
            raise
        except AuthKitError as refused:
            form.add_error(None, sentence_of(refused))
            return self._ask(request, key_id, form, status=refused.status)
        return show(request, form=MakeKeyForm(), made=made)

    def _ask(self, request: HttpRequest, key_id: UUID, form: RotateKeyForm, *, status: int = 200) -> HttpResponse:
        try:
            key = key_of(user_id=request.user.pk, login_id=key_id)
        except NotFound as error:
            raise Http404 from error
        return render(request, "authkit/key_rotate.html", {"key": key, "form": form}, status=status)


class RevokeKeyPage(SignedInPage):
    """Ends one of my keys. Another person's gets the answer of one that doesn't exist (404)."""

    def post(self, request: HttpRequest, key_id: UUID) -> HttpResponse:
        try:
            revoke_key(login_id=key_id, user_id=request.user.pk)
        except NotFound as error:
            raise Http404 from error
        messages.success(request, _("The key is revoked. Its next request is refused."))
        return HttpResponseRedirect(reverse("authkit:account-keys"))


def show(request: HttpRequest, *, form: MakeKeyForm, made: MadeKey | None = None, status: int = 200) -> HttpResponse:
    """The page of keys.

    Args:
        request: of a person who is signed in.
        form: for one more key.
        made: a key that this request has made, whose text is shown now.
        status: of the answer.
    """
    context = {"user": request.user, "keys": keys_of(user_id=request.user.pk), "form": form, "made": made}
    return render(request, "authkit/keys.html", context, status=status)


def account_links(request: HttpRequest) -> list[AccountLink]:
    """The page of the person's keys."""
    link = AccountLink(
        label=_("API keys"),
        url=reverse("authkit:account-keys"),
        about=_("The keys by which programs of yours call this site."),
        order=40,
    )
    return [link]
