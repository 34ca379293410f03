"""How a device shows which one it is: a cookie, or a header of a program's (API.md, "Doors, devices, activity")."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest

from authkit import conf
from authkit.core.cookies import HOST, over_tls, read_cookie
from authkit.core.hidden import Hidden
from authkit.core.one_time_codes import digest_of
from authkit.core.response_notes import GivenCookie, response_notes
from authkit.logins.models import Login
from authkit.logins.services import Prepare
from authkit.signin.attempts import Attempt
from authkit.signin.devices import budget_for, parsed_device, remember

COOKIE = "authkit-device"
HEADER = "X-Authkit-Device"
_HEADER_META = "HTTP_X_AUTHKIT_DEVICE"
_SAMESITE = "Lax"
"""Not "Strict": a browser comes back from a provider by a redirect of another site's, and is the same browser then."""


def sent_device(request: Any) -> Hidden | None:
    """The value that the caller's device holds; None without one that could be ours.

    The header alone counts where it was sent, as with Authorization: a program names its own device, whatever cookies
    its HTTP library keeps.

    Args:
        request: an HttpRequest or a DRF Request.
    """
    http = getattr(request, "_request", request)
    header = http.META.get(_HEADER_META)
    return parsed_device(header if header is not None else read_cookie(http, _cookie_name(http)))


def sent_digest(request: Any) -> str | None:
    """The digest of that value, as `KnownDevice.digest` holds it."""
    value = sent_device(request)
    return None if value is None else digest_of(value)


def give_cookie(request: Any, value: str) -> None:
    """Has the answer set the cookie, for LIMITER.DEVICE_AGE from now on."""
    http = getattr(request, "_request", request)
    response_notes(http).given = GivenCookie(
        name=_cookie_name(http),
        value=value,
        max_age=int(conf.current().limiter.device_age.total_seconds()),
        secure=over_tls(http, COOKIE),
        samesite=_SAMESITE,
    )


def device_of_try(request: Any, name: str) -> str | None:
    """The device whose own budget a try with this name spends; None where the caller's device is not known for it.

    No statement where the request names no device, as that of an attacker.
    """
    value = sent_device(request)
    return None if value is None else budget_for(value=value, name=name)


class DeviceOfSignIn:
    """The device from which a person signs in: remembered with the login, told its value once the login is carried.

    Args:
        attempt: the sign-in.
        request: the door's.
        in_browser: whether the answer sets cookies.
    """

    def __init__(self, attempt: Attempt, request: Any, *, in_browser: bool) -> None:
        self._attempt = attempt
        self._request = request
        self._in_browser = in_browser
        self._sent = sent_device(request)
        self._value: str | None = None
        self._login_id: UUID | None = None

    @property
    def is_due(self) -> bool:
        """Whether there is anything to remember."""
        return self._in_browser or self._attempt.wants_device or self._sent is not None

    def prepare(self, then: Prepare, user: AbstractBaseUser, login: Login) -> None:
        """Takes the id of the login, which is not written yet, and goes on with the carrier's preparation."""
        self._login_id = login.pk
        then(user, login)

    def remember(self, then: Callable[[], None] | None) -> None:
        """Writes the row, in the transaction of the login, and goes on with the attempt's `along`, whose locks are the
        last ones."""
        self._value = remember(
            user=self._attempt.user,
            login_id=self._login_id,
            client=self._attempt.client,
            value=self._sent,
            adopt=self._in_browser or self._attempt.wants_device,
        )
        if then is not None:
            then()

    @property
    def was_known(self) -> bool:
        """Whether it was known for the person before this sign-in: then it keeps the value that it has sent."""
        return self._value is not None and self._value == self._sent

    def hand_on(self) -> str | None:
        """Has a browser keep the value; returns it for a program that asked for it."""
        if not self._in_browser:
            return self._value if self._attempt.wants_device else None
        if self._value is not None:
            give_cookie(self._request, self._value)
        return None


def device_of(attempt: Attempt, request: Any, *, in_browser: bool) -> DeviceOfSignIn | None:
    """The device of this sign-in; None where none is to be remembered.

    No device is remembered for a login that a person did not sign in to: of an impersonated person, or for a credential
    from before authkit. A request without a method was made up, as by a test client, and its answer goes to no browser.
    """
    if attempt.origin is not None or attempt.login_id is not None or getattr(request, "method", None) is None:
        return None
    device = DeviceOfSignIn(attempt, request, in_browser=in_browser)
    return device if device.is_due else None


def _cookie_name(http: HttpRequest) -> str:
    return HOST + COOKIE if over_tls(http, COOKIE) else COOKIE
