"""A program's request for a code, and what it is answered with (RFC 6749 section 4.1, RFC 7636, RFC 9207)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from django.conf import settings
from django.http import HttpRequest, QueryDict

from authkit import conf
from authkit.codes.client_redirects import ClientRedirect
from authkit.codes.pkce import is_challenge
from authkit.codes.redirect_uris import is_registered
from authkit.exceptions import SocialLoginFailed
from authkit.social.failures import STATUSES, Failure, failure_of, refuse
from authkit.social.purposes import REAUTH
from authkit.social.settings import SocialSettings

MAX_STATE_LENGTH = 512

_STATE = re.compile(r"[\x20-\x7e]+")  # RFC 6749 appendix A.5
_ONCE = ("redirect_uri", "state", "code_challenge", "code_challenge_method", "response_type", REAUTH)

_ERRORS = {403: "access_denied", 503: "temporarily_unavailable"}


def error_for(failure: Failure) -> str:
    """RFC 6749 section 4.1.2.1: what a program is told, for a reason that a page would have named to the person."""
    if failure is Failure.CANCELLED:
        return "access_denied"
    if failure in {Failure.NOT_OURS, Failure.WRONG_HOST}:
        return "invalid_request"
    return _ERRORS.get(STATUSES.get(failure, 400), "server_error")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRequest:
    """The code's redirect URI, the `state` that goes with it, and the challenge that its verifier has to meet."""

    redirect_uri: str
    state: str
    challenge: str
    reauth: str = ""
    """"1" for a step-up: the code is good for the next pair of a login that the program has already."""

    def as_notes(self) -> dict[str, str]:
        """For the transaction that is bound to this browser."""
        return {name: value for name, value in asdict(self).items() if value or name != REAUTH}


def requested(query: QueryDict) -> AuthorizationRequest:
    """Reads the parameters; those that OAuth doesn't know here are left alone (RFC 6749 section 3.1).

    Raises:
        SocialLoginFailed: `invalid_request`. A page says so: no address is safe to send it to.
    """
    repeated = [name for name in _ONCE if len(query.getlist(name)) > 1]
    if repeated:
        raise refuse(Failure.INVALID_REQUEST, f"repeated parameters: {repeated}")
    asked = AuthorizationRequest(
        redirect_uri=query.get("redirect_uri", ""),
        state=query.get("state", ""),
        challenge=query.get("code_challenge", ""),
        reauth=query.get(REAUTH, ""),
    )
    _check_redirect_uri(asked)
    if not is_challenge(asked.challenge, method=query.get("code_challenge_method", "")):
        raise refuse(Failure.INVALID_REQUEST, "no usable code_challenge, or its method is not S256")
    if not _STATE.fullmatch(asked.state) or len(asked.state) > MAX_STATE_LENGTH:
        raise refuse(Failure.INVALID_REQUEST, "no usable state")
    if asked.reauth not in {"", "1"}:
        raise refuse(Failure.INVALID_REQUEST, "another reauth than 1")
    if query.get("response_type", "code") != "code":
        raise refuse(Failure.INVALID_REQUEST, "another response_type than code")
    return asked


def noted(notes: Mapping[str, str]) -> AuthorizationRequest | None:
    """The request that a consumed transaction began with; None if a page began it.

    Raises:
        SocialLoginFailed: its redirect URI was taken out of the settings since.
    """
    if "redirect_uri" not in notes:
        return None
    asked = AuthorizationRequest(**notes)
    _check_redirect_uri(asked)
    return asked


def _check_redirect_uri(asked: AuthorizationRequest) -> None:
    registered = conf.section(SocialSettings).redirect_uris
    if not is_registered(asked.redirect_uri, registered=registered, debug=settings.DEBUG):
        raise refuse(Failure.INVALID_REQUEST, "the redirect_uri is not registered")


class ProgramRedirect(ClientRedirect):
    """Back to the program, with `state` and `iss`.

    Args:
        asked: whose redirect URI was found to be registered.
        parameters: of the answer.
        issuer: this site's origin.
    """

    def __init__(self, asked: AuthorizationRequest, parameters: Mapping[str, str], *, issuer: str) -> None:
        super().__init__(asked.redirect_uri, {**parameters, "state": asked.state, "iss": issuer})


def granted(request: HttpRequest, asked: AuthorizationRequest, *, code: str) -> ProgramRedirect:
    """Back to the program with its code."""
    return ProgramRedirect(asked, {"code": code}, issuer=issuer_of(request))


def declined(request: HttpRequest, asked: AuthorizationRequest, error: Exception) -> ProgramRedirect:
    """Back to the program without a code; `error_description` is a reason of ours, never a text of the provider's."""
    failure = Failure.UNREACHABLE
    if isinstance(error, SocialLoginFailed):
        failure = failure_of(error)
    parameters = {"error": error_for(failure), "error_description": failure.value}
    return ProgramRedirect(asked, parameters, issuer=issuer_of(request))


def issuer_of(request: HttpRequest) -> str:
    """The answer's issuer (RFC 9207): this site's origin, which a program that knows several has to compare."""
    return conf.current().public_url.rstrip("/") or f"{request.scheme}://{request.get_host()}"
