"""One tree of refusals. Each has a stable `code`, a `message` that is safe to show, and a private `detail` for the log.

A new refusal is one class here, or in its feature: its HTTP status and, where views of other packages may raise it, its
template are attributes of the class. `authkit.core.refusals` makes answers of them.

    AuthKitError
    ├── InvalidCredentials     no_active_account      wrong, unknown and inactive look alike
    ├── Throttled              throttled              too many failures; with `retry_after`, in seconds
    │   └── Locked             locked                 the same after many more
    ├── ChallengeRequired      challenge_required     with the `challenge` that the next try has to bring an answer to
    ├── TokenNotValid          token_not_valid        with a `reason` only for tokens whose signature was ours
    ├── LoginEnded             not_authenticated      a session whose login is over, with the same `reason`
    ├── TooManyLogins          too_many_logins        one more than LOGIN.MAX_LOGINS, and AT_LIMIT refuses it
    ├── SignInRefused          sign_in_refused        by a rule of the project's, for every person
    │   └── RefusedByProject   sign_in_refused        by LOGIN.MAY_SIGN_IN, with its sentence
    ├── SignInPending          the step's own         a further step is due, such as a second factor
    ├── PasswordChangeRequired password_change_required  the login may do no more than choose a new password
    ├── InsufficientAuthentication  insufficient_user_authentication  with `max_age` and `methods`
    ├── GrantNotAccepted       grant_not_accepted     an API key or a third party's token, where none is taken
    ├── InsufficientScope      insufficient_scope     such a credential without the `scope` that the view names
    ├── ClaimsRefused          claims_refused         the project's CLAIMS failed, so no token was signed
    ├── CsrfFailed             csrf_failed
    ├── TransportNotAllowed    transport_not_allowed
    ├── InvalidGrant           invalid_grant          a one-time code: unknown, used, too old, another program's
    ├── SignupClosed           signup_closed          by a rule of the project's; `reason` says which
    ├── UsernameTaken          username_taken         found out after the address was proven; the key stays good
    ├── NotFound               not_found
    ├── SocialLoginFailed      social_failed          and its own codes, see authkit.social
    ├── LastLoginMethod        last_login_method
    └── Unavailable            unavailable            undecided: the request signs no person in, revokes nothing
        ├── DatabaseUnavailable                       the database can't be asked
        └── KeysUnavailable                           TOKENS.KEYS can't be read, or an issuer's keys not fetched
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

_SCOPES = re.compile(r"[!#-\[\]-~]+(?: [!#-\[\]-~]+)*")
"""RFC 6749 section 3.3."""


class AuthKitError(Exception):
    """Base of everything that authkit refuses.

    Args:
        detail: for the log only, never shown to a client; must not hold a credential.
        reason: a machine-readable refinement of `code`, or None.
        why: a machine-readable refinement of `reason`, or None.
        final: whether this process knows that the credential is no good any more. If not, another one of the same site
            may still accept it, so nothing of it is thrown away.
    """

    code = "error"
    status = 400
    """The status of the HTTP answer."""
    message = "The request was refused."
    template = ""
    """The page that tells people of it, where a view that isn't authkit's raises it: a view of another package that
    calls Django's `login()`, for instance. Without one, such an error is the view's own, and Django answers it."""

    retry_after: int | None = None
    """In how many seconds it may be worth trying again; in the answer, and its Retry-After header."""
    bearer_challenge: str = ""
    """Parameters of the answer's WWW-Authenticate header, for a refusal that has some of its own."""

    def __init__(
        self, detail: str = "", *, reason: str | None = None, why: str | None = None, final: bool = True
    ) -> None:
        super().__init__(detail or self.message)
        self.detail = detail
        self.reason = reason
        self.why = why
        self.final = final

    def as_payload(self) -> dict[str, Any]:
        """The part that a client may see: `code`, `detail` (the safe sentence) and, where known, `reason` and `why`."""
        payload: dict[str, Any] = {"code": self.code, "detail": self.message}
        if self.reason is not None:
            payload["reason"] = self.reason
        if self.why is not None:
            payload["why"] = self.why
        if self.retry_after is not None:
            payload["retry_after"] = self.retry_after
        return payload


class InvalidCredentials(AuthKitError):
    """Wrong user, wrong password, unknown or inactive: one answer for all (ASVS 6.3.8)."""

    code = "no_active_account"
    status = 401
    message = "No active account found with the given credentials."


class Throttled(AuthKitError):
    """A name, or a network, was tried too often. The evidence was not looked at.

    Args:
        detail: as above.
        retry_after: seconds until the next try is let through.
    """

    code = "throttled"
    status = 429
    message = "Too many attempts."
    template = "authkit/throttled.html"

    def __init__(self, detail: str = "", *, retry_after: int) -> None:
        super().__init__(detail)
        self.retry_after: int = retry_after
        wait = f"{retry_after} s" if retry_after < 60 else f"{-(-retry_after // 60)} min"
        self.message = f"{type(self).message} Try again in {wait}."


class Locked(Throttled):
    """The same after so many failures that the name, or network, is locked for a while."""

    code = "locked"
    message = "Too many failed attempts: signing in is locked."


class ChallengeRequired(AuthKitError):
    """The name was guessed at before, so that a try has to bring the response to a challenge. Nothing was charged.

    Args:
        challenge: the challenge, as JSON can hold it.
    """

    code = "challenge_required"
    status = 403
    message = "Solve the challenge and try again."

    def __init__(self, challenge: Mapping[str, Any]) -> None:
        super().__init__("a challenge is needed")
        self.challenge = challenge

    def as_payload(self) -> dict[str, Any]:
        """`code`, `detail` and `challenge`."""
        return {**super().as_payload(), "challenge": dict(self.challenge)}


class TokenNotValid(AuthKitError):
    """An access or refresh token that is refused, whatever the cause."""

    code = "token_not_valid"
    status = 401
    message = "The token is not valid."


class LoginEnded(AuthKitError):
    """The credential was ours, and its login is over."""

    code = "not_authenticated"
    status = 401
    message = "This login has ended. Sign in again."


class TooManyLogins(AuthKitError):
    """The credential is right, and the person is signed in as often as the project allows. Nothing was opened."""

    code = "too_many_logins"
    status = 403
    message = "You are signed in on too many devices. Sign out on one of them first."
    template = "authkit/too_many_logins.html"


class SignInRefused(AuthKitError):
    """A rule of the project's refuses this way in, or this person; nothing was opened."""

    code = "sign_in_refused"
    status = 403
    message = "Signing in this way is not possible here."


class RefusedByProject(SignInRefused):
    """LOGIN.MAY_SIGN_IN refuses this person, or failed; nothing was opened.

    Args:
        detail: as above.
        sentence: the project's sentence for the person, in place of `message`.
        final: False where the hook failed.
    """

    template = "authkit/sign_in_refused.html"

    def __init__(self, detail: str = "", *, sentence: str = "", final: bool = True) -> None:
        super().__init__(detail, final=final)
        if sentence:
            self.message = sentence


class Step(Protocol):
    """A further step of a sign-in: `authkit.signin.attempts.Pending`."""

    @property
    def code(self) -> str: ...

    @property
    def detail(self) -> str: ...

    @property
    def page(self) -> str: ...

    @property
    def begin(self) -> Callable[[Any], Mapping[str, Any]]: ...


class SignInPending(AuthKitError):
    """The person has shown a credential and owes a further step; there is no login, and nothing was opened.

    Args:
        step: the further step. Its own `code` stands in the answer.
    """

    code = "second_factor_required"
    status = 403
    message = "One more step is needed to sign in."

    def __init__(self, step: Step) -> None:
        super().__init__(f"a further step: {step.code}")
        self.page = step.page
        self._step = step
        self._told: dict[str, Any] = {}

    def begin(self, request: Any) -> None:
        """Begins the step. The door that answers calls it once, when no transaction is open any more.

        Args:
            request: the door's HttpRequest.
        """
        self._told = dict(self._step.begin(request))

    def as_payload(self) -> dict[str, Any]:
        """`code`, `detail`, and the fields that the step gave when it began."""
        return {**self._told, "code": self._step.code, "detail": self._step.detail}


class PasswordChangeRequired(AuthKitError):
    """The login is restricted (`Login.restricted`), and the view is not one that it reaches."""

    code = "password_change_required"
    status = 403
    message = "Choose a new password first."
    template = "authkit/password_change_required.html"


class InsufficientAuthentication(AuthKitError):
    """The person is signed in, and showed who they are too long ago for this (RFC 9470 section 3).

    Args:
        max_age: how long ago that may be, in seconds.
        methods: the ids of the ways in which this person can show it once more (`authkit.signin.step_up`).
        acr_values: the `acr` of each of these ways that has one (TOKENS.ACR_VALUES).
        at_client: whether the client has to send the person here again, so that it is told by a 401.
    """

    code = "insufficient_user_authentication"
    status = 403
    message = "This needs a recent sign-in. Show once more who you are."
    template = "authkit/reauth_needed.html"

    def __init__(
        self,
        detail: str = "",
        *,
        max_age: int,
        methods: Sequence[str],
        acr_values: Sequence[str] = (),
        at_client: bool = False,
    ) -> None:
        super().__init__(detail or "the sign-in is too long ago")
        if at_client:
            self.status = 401
            self.bearer_challenge = f'error="{self.code}", error_description="{self.message}", max_age="{max_age}"'
        self.max_age = max_age
        self.methods = tuple(methods)
        self.acr_values = tuple(acr_values)

    def as_payload(self) -> dict[str, Any]:
        """`code`, `detail`, `max_age`, `methods`, and `acr_values` in RFC 9470's form, where there are any."""
        values = {"acr_values": " ".join(self.acr_values)} if self.acr_values else {}
        return {**super().as_payload(), "max_age": self.max_age, "methods": list(self.methods), **values}


class GrantNotAccepted(AuthKitError):
    """An API key, or the token of a third party, where none is taken; the credential itself is good."""

    code = "grant_not_accepted"
    status = 403
    message = "This endpoint does not accept a credential of this kind."


class InsufficientScope(AuthKitError):
    """An API key, or the token of a third party, lacks a scope that the view names (RFC 6750 section 3.1).

    Args:
        scopes: what the view asks for; none where it lets in no such credential by this method.
    """

    code = "insufficient_scope"
    status = 403
    message = "The token does not have the scope that this needs."

    def __init__(self, *, scopes: Collection[str] = ()) -> None:
        super().__init__(f"needs {sorted(scopes)}")
        self.scope = " ".join(sorted(scopes))
        self.bearer_challenge = f'error="{self.code}", error_description="{self.message}"'
        if _SCOPES.fullmatch(self.scope):  # a name of the project's may have characters that end the parameter
            self.bearer_challenge += f', scope="{self.scope}"'

    def as_payload(self) -> dict[str, Any]:
        """With `scope`, where there are any that would do."""
        payload = super().as_payload()
        return {**payload, "scope": self.scope} if self.scope else payload


class ClaimsRefused(AuthKitError):
    """The claims that the project wants in an access token can't be had or can't be signed, so there is no token."""

    code = "claims_refused"
    status = 403
    message = "No token can be issued for this account right now."


class CsrfFailed(AuthKitError):
    """A cookie-authenticated or cookie-setting request came without Django's CSRF proof (ASVS 3.5.1)."""

    code = "csrf_failed"
    status = 403
    message = "The CSRF check failed: send the X-CSRFToken header from a trusted origin."


class TransportNotAllowed(AuthKitError):
    """The client asked for a token transport that this project does not offer."""

    code = "transport_not_allowed"
    status = 400
    message = "This token transport is not allowed."


class InvalidGrant(AuthKitError):
    """A one-time code that is refused, whatever the cause (RFC 6749 section 5.2)."""

    code = "invalid_grant"
    status = 400
    message = "The code is not valid. Start again."


class SignupClosed(AuthKitError):
    """A person who is new here may not have an account. The same for addresses that have one and that have none."""

    code = "signup_closed"
    status = 403
    message = "You can't open an account here."


class UsernameTaken(AuthKitError):
    """The person has proven their address, and another person has the user name by now. Their key stays good."""

    code = "username_taken"
    status = 409
    message = "This user name is taken. Choose another one."


class NotFound(AuthKitError):
    """No such object, or it is another person's: the two look alike."""

    code = "not_found"
    status = 404
    message = "Not found."


class SocialLoginFailed(AuthKitError):
    """A sign-in through a provider did not come to its end; `reason` says where."""

    code = "social_failed"
    status = 400
    message = "Signing in with this provider did not work. Try again."


class LastLoginMethod(AuthKitError):
    """Without this connected account its owner could not sign in any more, so it stays."""

    code = "last_login_method"
    status = 409
    message = "This is your only way to sign in. Connect another account or set a password first."


class Unavailable(AuthKitError):
    """The request can't be decided now. The status is 503 and not 401, because clients drop their tokens on a 401."""

    code = "unavailable"
    status = 503
    message = "The service can't check this right now. Try again shortly."
    template = "authkit/unavailable.html"
    summary = "something that the answer depends on is out of reach"
    """The beginning of the line in the log."""


class DatabaseUnavailable(Unavailable):
    """The database can't be asked."""

    summary = "the database can't be asked"


class KeysUnavailable(Unavailable):
    """The keys can't be read or fetched, so nothing is known of the token."""

    summary = "the keys of the tokens can't be read"
