"""The parameters of an authorization request, judged one by one before the engine sees them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from authkit.codes.pkce import METHOD, is_challenge
from authkit.oauth.refusals import OAuthRefused

Parameters = Mapping[str, Sequence[str]]
"""Each name with its values, in their order."""

REPEATABLE = frozenset({"resource"})
MAX_STATE_LENGTH = 2048
MAX_NONCE_LENGTH = 255
MAX_HINT_LENGTH = 254
MAX_SCOPE_LENGTH = 1024

_VISIBLE = re.compile(r"[\x20-\x7e]+")  # RFC 6749 appendix A.5
_SCOPE = re.compile(r"[!#-\[\]-~]+(?: [!#-\[\]-~]+)*")  # RFC 6749 section 3.3
PROMPTS = ("none", "login", "consent", "select_account")
"""The values of `prompt`."""


def first(parameters: Parameters, name: str) -> str | None:
    """The value of a parameter; None for one that is missing or empty (RFC 6749 section 3.1)."""
    values = parameters.get(name) or ()
    return values[0] or None if values else None


def repeated(parameters: Parameters) -> list[str]:
    """The names that come more than once and may not (RFC 6749 section 3.1)."""
    return sorted(name for name, values in parameters.items() if len(values) > 1 and name not in REPEATABLE)


def state_of(parameters: Parameters) -> str | None:
    """The `state` that an answer repeats; None for none, and for one that no answer can repeat."""
    state = first(parameters, "state")
    return state if state is not None and _fits(state, MAX_STATE_LENGTH) else None


def check(parameters: Parameters) -> None:
    """What is asked of the other parameters, once the redirect URI was found to be registered.

    Raises:
        OAuthRefused: with the error that the client is told.
    """
    if repeated(parameters):
        raise OAuthRefused("invalid_request", "a parameter came more than once")
    state, nonce = first(parameters, "state"), first(parameters, "nonce")
    if state is not None and not _fits(state, MAX_STATE_LENGTH):
        raise OAuthRefused("invalid_request", "the state has characters that it may not have, or is too long")
    if nonce is not None and not _fits(nonce, MAX_NONCE_LENGTH):
        raise OAuthRefused("invalid_request", "the nonce has characters that it may not have, or is too long")
    response_type = first(parameters, "response_type")
    if response_type is None:
        raise OAuthRefused("invalid_request", "the response_type is missing")
    if response_type != "code":
        raise OAuthRefused("unsupported_response_type", "the response_type can only be code")
    if first(parameters, "request") is not None:
        raise OAuthRefused("request_not_supported", "parameters are taken from the query alone")
    if first(parameters, "request_uri") is not None:
        raise OAuthRefused("request_uri_not_supported", "parameters are taken from the query alone")
    if first(parameters, "response_mode") not in {None, "query"}:
        raise OAuthRefused("invalid_request", "the response_mode can only be query")
    method = first(parameters, "code_challenge_method")
    if not is_challenge(first(parameters, "code_challenge") or "", method=method or ""):
        raise OAuthRefused("invalid_request", f"PKCE is needed: a code_challenge with the method {METHOD}")
    scope = first(parameters, "scope")
    if scope is not None and not (_SCOPE.fullmatch(scope) and len(scope) <= MAX_SCOPE_LENGTH):
        raise OAuthRefused("invalid_scope", "scopes are visible ASCII, divided by single spaces")


def prompt_of(parameters: Parameters) -> tuple[str, ...]:
    """The values of `prompt` (OpenID Connect Core 1.0 section 3.1.2.1).

    Raises:
        OAuthRefused: an unknown one, or `none` beside others.
    """
    prompt = tuple((first(parameters, "prompt") or "").split())
    if not set(prompt).issubset(PROMPTS) or ("none" in prompt and len(prompt) > 1):
        raise OAuthRefused("invalid_request", "no such prompt")
    return prompt


def max_age_of(parameters: Parameters) -> int | None:
    """`max_age` in seconds.

    Raises:
        OAuthRefused: it is no number.
    """
    text = first(parameters, "max_age")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise OAuthRefused("invalid_request", "max_age is a number of seconds")
    return int(text)


def acr_values_of(parameters: Parameters) -> tuple[str, ...]:
    """`acr_values`, the preferred one first. They are voluntary, so one that can't be kept is left out."""
    return tuple(value for value in (first(parameters, "acr_values") or "").split(" ") if _fits(value, 255))[:10]


def login_hint_of(parameters: Parameters) -> str:
    """The name that the client expects; empty where it has characters that no name has."""
    hint = first(parameters, "login_hint") or ""
    return hint if len(hint) <= MAX_HINT_LENGTH and hint.isprintable() else ""


def _fits(value: str, most: int) -> bool:
    return bool(_VISIBLE.fullmatch(value)) and len(value) <= most
