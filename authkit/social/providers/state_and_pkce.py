"""State and PKCE for every OAuth 2.0 back end, bound to this browser and this transaction, and good once."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from django.utils import timezone
from requests import ConnectionError as RequestsConnectionError
from requests import HTTPError, RequestException, Response, Timeout
from requests.exceptions import InvalidSchema, InvalidURL, MissingSchema, SSLError
from social_core.backends.open_id_connect import OpenIdConnectAssociation
from social_core.exceptions import AuthConfigurationError, AuthProviderError, SocialAuthBaseException
from social_core.utils import http_error, redact_request_error, user_agent

from authkit import conf
from authkit.core.hidden import Hidden
from authkit.social.failures import Failure, refuse
from authkit.social.providers import base_classes, presets
from authkit.social.providers.fetching import send
from authkit.social.providers.transactions import LIFETIME_SECONDS, claim
from authkit.social.settings import SocialSettings
from authkit.social.upstream import UpstreamSession

MAX_STATE_LENGTH = 128
_ONCE = ("state", "code", "iss", "error")
_TOKENS = frozenset({"access_token", "refresh_token", "id_token"})
# In this order: the first two are kinds of the third.
_UNREACHABLE = {SSLError: "tls_error", Timeout: "timeout", RequestsConnectionError: "connection_failed"}


class BrowserBound(base_classes.OAuth2PKCE):
    """Mixed into every provider's class (ASVS 10.1.2, 10.2.1; RFC 9700 sections 2.1.1 and 4.7).

    PKCE is absent from or off in most of social-core's back ends. A provider that can't do it takes
    `OPTIONS = {"USE_PKCE": False}`; the state stays.
    """

    STATE_PARAMETER = True
    # The redirect URI is matched exactly (RFC 9700 section 4.1.3), so nothing is appended to it.
    REDIRECT_STATE = False
    DEFAULT_USE_PKCE = True
    PKCE_DEFAULT_CODE_CHALLENGE_METHOD = "S256"

    next_url = ""
    """Where the person goes afterwards: given at begin, known again once the state was consumed."""
    identity_is_digest = False
    """Whether `get_user_id` answers a key that compares equal exactly for equal identities on every database."""
    vouches_for_email = False
    """Whether `get_user_details` leaves out every address that the provider doesn't call verified."""
    tells_auth_time = False
    """Whether it may say when the person signed in there, so that it can be asked for a step-up."""
    form_post = False
    """Whether the provider answers by a form; see `authkit.social.flow.form_post`."""
    asked_at: datetime | None = None
    """When the callback's code was about to be exchanged, by our clock: what the provider answers is younger."""
    _consumed: str | None = None
    _waited = 0.0

    @property
    def email_trusted(self) -> bool:
        """Whether an address counts as verified where the provider doesn't say: EMAIL_TRUSTED of its entry."""
        provider = presets.find(self.name)
        return provider is not None and provider.email_trusted

    @property
    def _strategy_of_ours(self) -> Any:
        # AuthKitStrategy, whose module imports this one.
        return self.strategy

    def transaction_key(self, state: str) -> str:
        # With the provider's id: an answer that comes back through another provider's callback finds nothing (mix-up).
        return f"{self.name}.{state}"

    def get_or_create_state(self) -> str:
        state: str = self.state_token()  # type: ignore[no-untyped-call]
        transaction = {"state": state, "timestamp": int(time.time()), "next": self.next_url}
        if self._strategy_of_ours.notes:
            transaction["notes"] = self._strategy_of_ours.notes
        self.strategy.session_set(self.transaction_key(state), transaction)
        return state

    def validate_state(self) -> str:
        """Consumes the state on the first call; the same answer afterwards, for back ends that ask again.

        Raises:
            SocialLoginFailed: this browser has begun no such sign-in, or it was finished, or is too old.
        """
        if self._consumed is None:
            self._consumed = self._consume_state()
        return self._consumed

    def _consume_state(self) -> str:
        state = self.data.get("state")
        if not isinstance(state, str) or not 0 < len(state) <= MAX_STATE_LENGTH:
            raise refuse(Failure.NOT_OURS, "no usable state")
        # Found by its full value in what we signed, so a guess learns nothing from the time that this takes.
        transaction = self.strategy.session_pop(self.transaction_key(state))
        if not isinstance(transaction, dict) or transaction.get("state") != state:
            raise refuse(Failure.NOT_OURS, "this browser has begun no sign-in with this state")
        begun_at = int(transaction["timestamp"])
        if not 0 <= time.time() - begun_at < LIFETIME_SECONDS:
            raise refuse(Failure.NOT_OURS, "the state is too old")
        if not claim(scope=f"authkit.social.{self.name}", state=state, begun_at=begun_at):
            raise refuse(Failure.NOT_OURS, "the state was consumed before")
        self._oauth2_transaction = transaction
        self.next_url = str(transaction.get("next", ""))
        self._strategy_of_ours.notes = transaction.get("notes", {})
        return state

    def auth_complete(self, *args: Any, **kwargs: Any) -> Any:
        """Nothing of the callback is believed, errors included, before the state was consumed."""
        repeated = [name for name in _ONCE if len(self.strategy.request_get().getlist(name)) > 1]  # type: ignore[no-untyped-call]
        if repeated:  # RFC 6749 section 3.1
            raise refuse(Failure.NOT_OURS, f"repeated parameters: {repeated}")
        self.validate_state()
        self.check_issuer_parameter()
        self.asked_at = timezone.now()
        return super().auth_complete(*args, **kwargs)

    def check_issuer_parameter(self) -> None:
        """Where a back end knows its issuer, the callback's `iss` has to be it (RFC 9207)."""

    def get_json(self, url: str, *args: Any, **kwargs: Any) -> Any:
        # The steps from here to a person are many, a project's own among them, and each has the answer in its frame.
        answer = super().get_json(url, *args, **kwargs)
        if not isinstance(answer, dict):
            return answer
        return {name: Hidden(said) if name in _TOKENS and isinstance(said, str) else said
                for name, said in answer.items()}  # fmt: skip

    def request(
        self,
        url: str,
        *,
        method: Any = "GET",
        headers: Any = None,
        timeout: float | None = None,
        stage: Any = "user_info",
        **how: Any,
    ) -> Response:
        """social-core's, which takes no session, with a deadline by the wall clock.

        Each call has `SOCIAL.TIMEOUT` (or the provider's option REQUESTS_TIMEOUT), and all calls of a back end, which
        lives for one request of this site's, have twice that.

        Raises:
            SocialLoginFailed: `unreachable`: the provider was silent a moment ago, or has had all of its time.
            SocialAuthBaseException: as social-core's.
        """
        headers = dict(headers or {})
        if self.SEND_USER_AGENT and "User-Agent" not in headers:
            headers["User-Agent"] = self.setting("USER_AGENT") or user_agent()
        how |= {"proxies": self.setting("PROXIES"), "verify": self.setting("VERIFY_SSL", True)}
        limit = self.setting("REQUESTS_TIMEOUT") or self.setting("URLOPEN_TIMEOUT")
        limit = float(timeout or limit or conf.section(SocialSettings).timeout.total_seconds())
        began_at = time.monotonic()
        seconds = min(limit, 2 * limit - self._waited)
        if seconds <= 0:
            raise refuse(Failure.UNREACHABLE, "the provider was slow in each of its answers")
        try:
            response = send(method, url, seconds=seconds, headers=headers, **how)
            response.raise_for_status()
        except RequestException as error:
            redact_request_error(error, request_url=url)
            raise self._by_social_core(error, stage) from error
        finally:
            self._waited += time.monotonic() - began_at
        return response

    def _by_social_core(self, error: RequestException, stage: Any) -> SocialAuthBaseException:
        if isinstance(error, HTTPError):
            return http_error(self, error, stage=stage)
        if isinstance(error, InvalidURL | InvalidSchema | MissingSchema):
            return AuthConfigurationError(self, code="invalid_setting", parameter="url", stage=stage)
        for kind, code in _UNREACHABLE.items():
            if isinstance(error, kind):
                return AuthProviderError(self, code=code, stage=stage)
        return AuthProviderError(self, stage=stage)

    # social-core's OpenID back ends note the nonce in a table as well. The transaction holds it already, and is good
    # once, so the row would only be something that strangers can fill.
    def get_and_store_nonce(self, url: str, state: str) -> str:
        nonce: str = self.strategy.random_string(64)
        return nonce

    def get_nonce(self, nonce: str) -> Any:
        association: Any = OpenIdConnectAssociation(nonce, assoc_type=self._consumed or "")
        association.id = None
        return association

    def remove_nonce(self, nonce_id: Any) -> None:
        """Gone with the transaction."""

    def auth_time(self) -> Any:
        """When the person signed in there, by the verified ID token; None if it doesn't say. Not looked at yet."""
        return None

    def upstream_session(self) -> UpstreamSession:
        """The provider's session that the verified answer came from, as far as it names one."""
        return UpstreamSession()

    def check_refreshed(self, *, uid: str) -> None:
        """Returns if the answer with a refreshed token is still about this identity, as far as it says so.

        Raises:
            SocialLoginFailed: it is about another one.
        """

    def revoke_at_provider(self, *, access: str, refresh: str) -> None:
        """Has the provider forget these tokens; does nothing where there is no way to ask for that."""

    def identity_record(self) -> dict[str, Any]:
        """The data kept beside the link, for people to read. Never a token (ASVS 14.2.1)."""
        return {}
