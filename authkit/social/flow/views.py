"""The pages between here and a provider, and the list of providers for programs."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.http.request import split_domain_port
from django.shortcuts import resolve_url
from django.template.loader import render_to_string
from django.urls import NoReverseMatch, reverse
from django.utils.decorators import method_decorator
from django.utils.http import urlencode
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from rest_framework.request import Request
from rest_framework.response import Response
from social_django.models import DjangoStorage

from authkit import conf
from authkit.core.api import ApiView
from authkit.core.operations import operation
from authkit.core.outages import OUTAGES, outage_of
from authkit.core.redirects import is_safe_target, safe_next
from authkit.core.refusals import headers_of, payload_of
from authkit.exceptions import (
    AuthKitError,
    LoginEnded,
    NotFound,
    RefusedByProject,
    SignInPending,
    SignInRefused,
    SocialLoginFailed,
    TooManyLogins,
    Unavailable,
)
from authkit.logins.reauthentication import Shown
from authkit.sessions.services import reauthenticate, sign_in
from authkit.signin.step_up import way_on
from authkit.social.doors import PAGE
from authkit.social.failures import SENTENCES, STATUSES, Failure, failure_of, refuse
from authkit.social.flow import authorization, round_trip
from authkit.social.flow.codes import issue_code
from authkit.social.flow.strategy import AuthKitStrategy
from authkit.social.links.linking import LINKING_LOGIN, require_still_linked
from authkit.social.providers import registry
from authkit.social.purposes import AGAIN, REAUTH_LOGIN, is_step_up
from authkit.social.serializers import ProviderSerializer

logger = logging.getLogger("authkit")

BY_WAY_OF_CONNECTIONS = frozenset({Failure.ACCOUNT_EXISTS, Failure.SIGNUP_CLOSED, Failure.SIGNUP_REFUSED})
"""Refusals of a person who may have an account already: they sign in to that and connect this one there."""


class ProvidersView(ApiView):
    """`GET social/providers/`."""

    @operation(
        "social_providers",
        "Social",
        "The providers that people may sign in through",
        answers={200: ProviderSerializer},
        many=True,
    )
    def get(self, request: Request) -> Response:
        return Response(ProviderSerializer(registry.configured(), many=True).data)


# Not atomic: a page waits for the provider, and a consumed state has to stay consumed whatever happens afterwards.
@method_decorator([never_cache, csrf_protect, login_not_required, transaction.non_atomic_requests], name="dispatch")
class SocialPage(View):
    """The base of the two pages: transactions, headers, and an error page instead of every refusal."""

    provider: registry.Provider
    strategy: AuthKitStrategy

    def dispatch(self, request: HttpRequest, *args: Any, provider: str, **kwargs: Any) -> HttpResponseBase:
        try:
            self.provider = registry.get(provider)
        except NotFound as error:
            raise Http404 from error
        self.strategy = AuthKitStrategy(DjangoStorage, request)
        try:
            response = super().dispatch(request, *args, **kwargs)
            self.strategy.transactions.write(response)
        except SocialLoginFailed as error:
            response = self._refused(error)
            self.strategy.transactions.write(response)
        except OUTAGES as error:
            # The transaction stays in the cookie: a state that wasn't written wasn't consumed, so a reload may do.
            outage = outage_of(error)
            # Without the request: context processors would ask for the user, and this page would be a 500.
            response = self._error_page(None, payload_of(outage)["detail"], outage.status)
        # The callback's URL holds code and state; not "no-referrer", which would take the Origin from our own forms.
        response.headers.setdefault("Referrer-Policy", "same-origin")
        return response

    @property
    def linking(self) -> bool:
        """Whether an account is being connected to a person who is signed in, instead of a sign-in."""
        return LINKING_LOGIN in self.strategy.notes

    @property
    def confirming(self) -> bool:
        """Whether a person who is signed in shows once more who they are."""
        return is_step_up(self.strategy.notes)

    @property
    def callback(self) -> str:
        return self._page("social-complete", provider=self.provider.id)

    def _page(self, name: str, **kwargs: str) -> str:
        match = self.request.resolver_match
        return reverse(f"authkit:{name}", kwargs=kwargs, current_app=match.namespace if match else None)

    def _refused(self, error: SocialLoginFailed) -> HttpResponse:
        failure = failure_of(error)
        self.log(error)
        return self._error_page(self.request, SENTENCES[failure], STATUSES.get(failure, 400), failure)

    def _not_let_in(self, error: AuthKitError) -> HttpResponse:
        """For a guard's refusal of a person that the provider has vouched for: in the guard's own words."""
        self.log(error)
        return self._error_page(self.request, error.message, 403, Failure.SIGN_IN_REFUSED)

    def log(self, error: Exception) -> None:
        """One line for a refusal; all of an outage."""
        if isinstance(error, AuthKitError) and not isinstance(error, Unavailable):
            logger.warning(
                "sign-in through %r refused: %s (%s)", self.provider.id, error.reason or error.code, error.detail
            )
        else:
            outage_of(error)

    def require_public_host(self) -> None:
        """Refuses to begin where the provider would send the person back to a host without this transaction's cookie.

        Raises:
            SocialLoginFailed: `wrong_host`.
        """
        public_host = urlsplit(conf.current().public_url).hostname
        if public_host and public_host != split_domain_port(self.request.get_host())[0].strip("[]"):
            raise refuse(Failure.WRONG_HOST, "begun on another host than PUBLIC_URL's")

    def _error_page(
        self, request: HttpRequest | None, sentence: Any, status: int, failure: Failure | None = None
    ) -> HttpResponse:
        context = {
            "provider": self.provider,
            "sentence": sentence,
            "reason": failure,
            "way_on": self._way_on(failure),
            "linking": self.linking,
            "confirming": self.confirming,
        }
        body = render_to_string("authkit/social_error.html", context, request)
        return HttpResponse(body, status=status, headers=headers_of(status))

    def _way_on(self, failure: Failure | None) -> str:
        try:
            if self.confirming:
                return self._page("reauth")
            if self.linking or failure is Failure.SIGNED_IN:
                return self._page("account-connections")
            if failure in BY_WAY_OF_CONNECTIONS:
                query = urlencode({REDIRECT_FIELD_NAME: self._page("account-connections")})
                return f"{self._page('login')}?{query}"
            return self._page("login")
        except NoReverseMatch:
            return resolve_url(settings.LOGIN_URL)


class BeginPage(SocialPage):
    """`POST social/login/<provider>/`: 302 to the provider. By GET, any page could begin for its visitors."""

    def post(self, request: HttpRequest) -> HttpResponse:
        self.require_public_host()
        return HttpResponseRedirect(
            round_trip.begin(
                strategy=self.strategy,
                provider=self.provider.id,
                callback=self.callback,
                next_url=self.next_url(request),
                notes=self.notes(request),
            )
        )

    def next_url(self, request: HttpRequest) -> str:
        """Where the person goes afterwards."""
        return safe_next(request)

    def notes(self, request: HttpRequest) -> dict[str, str]:
        """The purpose of the transaction, if that is no sign-in."""
        return {}


class CompletePage(SocialPage):
    """`GET social/complete/<provider>/`: where the provider sends people back to.

    Ends in a session; where a program began, at its redirect URI with a code; where a person who is signed in began to
    link, with one more connected account.
    """

    http_method_names = ["get"]

    def get(self, request: HttpRequest) -> HttpResponse:
        try:
            came = round_trip.complete(strategy=self.strategy, provider=self.provider.id, callback=self.callback)
            asked = authorization.noted(self.strategy.notes)
            if asked is not None:
                return authorization.granted(request, asked, code=issue_code(came=came, asked=asked))
        except (SocialLoginFailed, *OUTAGES) as error:
            asked = authorization.noted(self.strategy.notes)
            if asked is None:
                raise
            self.log(error)
            return authorization.declined(request, asked, error)
        if self.linking:
            query = urlencode({"connected": self.provider.id})
            return HttpResponseRedirect(f"{self._page('account-connections')}?{query}")
        if REAUTH_LOGIN in self.strategy.notes:
            return self._confirmed(request, came)
        try:
            round_trip.open_login(
                came=came,
                door=lambda user, method: sign_in(request=request, user=user, method=method, door=PAGE.id),
            )
        except TooManyLogins as error:
            raise refuse(Failure.TOO_MANY_LOGINS, error.detail) from error
        except SignInPending as pending:
            pending.begin(request)
            return HttpResponseRedirect(pending.page)
        except RefusedByProject as error:
            return self._not_let_in(error)
        except SignInRefused as error:
            raise refuse(Failure.INACTIVE, error.detail) from error
        except (SocialLoginFailed, Unavailable):
            raise
        except AuthKitError as error:
            return self._not_let_in(error)
        if is_safe_target(request, came.next_url):
            return HttpResponseRedirect(came.next_url)
        return HttpResponseRedirect(resolve_url(settings.LOGIN_REDIRECT_URL))

    def _confirmed(self, request: HttpRequest, came: round_trip.SocialSignIn) -> HttpResponse:
        try:
            with transaction.atomic():
                require_still_linked(user_id=came.user.pk, provider=came.provider, uid=came.uid)
                reauthenticate(request=request, shown=Shown(method=came.provider, door=PAGE.id))
        except LoginEnded as error:
            raise refuse(Failure.OTHER_LOGIN, "ended while the provider was asked") from error
        target = came.next_url if is_safe_target(request, came.next_url) else self._page("account")
        return HttpResponseRedirect(way_on(target, interrupted=AGAIN in self.strategy.notes))
