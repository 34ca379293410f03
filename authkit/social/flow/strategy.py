"""How social-core reaches this project: its settings, its providers, its requests. Fed from AUTHKIT["SOCIAL"] alone."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.http import HttpRequest
from django.utils.module_loading import import_string
from social_core.backends.oauth import BaseOAuth2
from social_core.exceptions import AuthConfigurationError
from social_django.strategy import DjangoStrategy

from authkit import conf
from authkit.exceptions import SocialLoginFailed
from authkit.social import token_store
from authkit.social.failures import Failure, refuse
from authkit.social.flow.pipeline import require_linked
from authkit.social.flow.steps import current_steps
from authkit.social.providers import presets
from authkit.social.providers.client_credentials import client_of, public_host
from authkit.social.providers.state_and_pkce import BrowserBound
from authkit.social.providers.transactions import Transactions
from authkit.social.settings import SocialSettings

OWN_SETTINGS = frozenset({"PIPELINE", "KEY", "SECRET", "ISSUER", "NATIVE_CLIENT_IDS"})
"""Of social-core's settings, those that a provider's OPTIONS can't change."""


@cache
def backend_class(provider_id: str, path: str) -> type[BrowserBound]:
    """The class for one provider: the named one, called by the provider's id, with state and PKCE whatever it lacks.

    Args:
        provider_id: the key in SOCIAL.PROVIDERS.
        path: dotted path of a social-core back end for OAuth 2.0 or OpenID Connect.

    Raises:
        AuthConfigurationError: there is no such class, or it speaks another protocol.
    """
    try:
        base = import_string(path)
    except (ImportError, ValueError) as error:  # ValueError: a path that begins with a dot
        raise AuthConfigurationError(None, path, code="invalid_setting", parameter="BACKEND") from error
    if not (isinstance(base, type) and issubclass(base, BaseOAuth2)):
        # OAuth 1, OpenID 2 and SAML know neither PKCE nor our state; each of them needs thought of its own.
        raise AuthConfigurationError(None, path, code="unsupported_feature", parameter="BACKEND")
    bases = (base,) if issubclass(base, BrowserBound) else (BrowserBound, base)
    return type(f"{base.__name__}_{provider_id}", bases, {"name": provider_id, "__module__": base.__module__})


def tells_auth_time(provider_id: str) -> bool:
    """Whether this provider may say when a person signed in there. Asks only the class, and no other server."""
    provider = presets.find(provider_id)
    try:
        return provider is not None and backend_class(provider_id, provider.backend).tells_auth_time
    except AuthConfigurationError:
        return False


class AuthKitStrategy(DjangoStrategy):
    """Django's strategy without SOCIAL_AUTH_* settings, without AUTHENTICATION_BACKENDS, and without the session.

    Nothing is kept between calls: `override_settings(AUTHKIT=...)` reaches everything.
    """

    def __init__(self, storage: Any, request: HttpRequest | None = None, tpl: Any = None) -> None:
        super().__init__(storage, request, tpl)
        self.transactions = Transactions(request)
        self.client_id = ""
        """The app of an earlier sign-in, where a call goes on from that one without the person."""
        self.notes: dict[str, str] = {}
        """The purpose of the sign-in: given at begin, known again once its state was consumed."""
        self.ends_in_session = True
        """Whether the person who signs in gets this browser's session; a program gets tokens instead."""

    @property
    def person_here(self) -> Any:
        """The person who is signed in by session, where the sign-in would replace that session; otherwise anonymous."""
        if self.ends_in_session and "redirect_uri" not in self.notes:
            return getattr(self.request, "user", None) or AnonymousUser()
        return AnonymousUser()

    def setting(self, name: str, default: Any = None, backend: Any = None) -> Any:
        """One of social-core's settings, by its name without SOCIAL_AUTH_ and the provider's prefix."""
        if name == "PIPELINE":
            return current_steps()
        provider = presets.find(backend.name) if backend is not None else None
        if provider is None:
            return default
        match name:
            case "KEY":
                return client_of(provider, host=self._host(), client_id=self.client_id)[0]
            case "SECRET":
                return client_of(provider, host=self._host(), client_id=self.client_id)[1].reveal()
            case "ISSUER":
                return provider.issuer
            case "NATIVE_CLIENT_IDS":
                return provider.native_client_ids
            case "OIDC_ENDPOINT" if provider.issuer:
                return provider.issuer.rstrip("/")
            case "SCOPE" if provider.scope:
                return list(provider.scope)
            case "IGNORE_DEFAULT_SCOPE" if provider.scope:
                return True
        return provider.options.get(name, default)

    def _host(self) -> str:
        return public_host() or ("" if self.request is None else str(self.request.get_host()))

    def get_backends(self) -> list[str]:
        return list(conf.section(SocialSettings).providers)

    def get_backend_class(self, name: str) -> Any:
        provider = presets.find(name)
        if provider is None:
            raise AuthConfigurationError(None, name, code="backend_missing", parameter="backend")
        return backend_class(name, provider.backend)

    def authenticate(self, backend: Any, **kwargs: Any) -> Any:
        """Runs the pipeline, all of it or nothing: no account is left behind whose link was not written.

        Django's `authenticate()` is not asked. It would want an entry in AUTHENTICATION_BACKENDS for each provider,
        and try the other entries with a provider's answer.
        """
        kwargs.pop("request", None)
        kwargs.update(strategy=self, storage=self.storage, backend=backend)
        try:
            person = self._run(backend, kwargs)
        except SocialLoginFailed as error:
            if error.reason != Failure.ACCOUNT_EXISTS:
                raise
            # Perhaps the same person came twice at once, and the account is what the other request has just made, with
            # its link. A new transaction sees both; if there is no link, it refuses for good.
            person = self._run(backend, kwargs)
        if not person.is_active:
            # Refused after the commit: a project whose accounts wait for approval wants to find them.
            raise refuse(Failure.INACTIVE)
        return person

    def _run(self, backend: Any, kwargs: dict[str, Any]) -> Any:
        with transaction.atomic():
            person = backend.authenticate(self.request, **kwargs)
            require_linked(person, provider=backend.name)
            link = person.social_user
            token_store.keep(user=person, backend=backend, uid=link.uid, answer=kwargs.get("response"))
            return person

    def build_absolute_uri(self, path: str | None = None) -> Any:
        """Below PUBLIC_URL where it is set: the Host header then decides nothing about where the code is sent."""
        public = conf.current().public_url.rstrip("/")
        if public and path:
            return f"{public}{path}"
        return super().build_absolute_uri(path)  # type: ignore[no-untyped-call]

    def session_get(self, name: str, default: Any = None) -> Any:
        return self.transactions.get(name, default)

    def session_set(self, name: str, value: Any) -> None:
        self.transactions.put(name, value)

    def session_pop(self, name: str) -> Any:
        return self.transactions.pop(name)

    def session_setdefault(self, name: str, value: Any) -> Any:
        if self.transactions.get(name) is None:
            self.transactions.put(name, value)
        return self.transactions.get(name)
