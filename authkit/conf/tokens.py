"""The section TOKENS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from authkit.conf.fields import CENTURY, SECOND, Hook, KeySource, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSettings:
    """Access and refresh tokens."""

    access_lifetime: timedelta = setting(timedelta(minutes=15), least=SECOND, most=timedelta(days=1))
    """How long an access token is valid."""
    refresh_idle: timedelta = setting(timedelta(days=7), least=SECOND, most=CENTURY)
    """How long a refresh token is valid if it isn't used. Each refresh gives the client a new token, and this time
    starts again."""
    refresh_absolute: timedelta = setting(timedelta(days=30), least=SECOND, most=CENTURY)
    """How long a login with tokens lives at most, however often it is refreshed."""
    grace: timedelta = setting(timedelta(seconds=60), least=timedelta(0), most=timedelta(minutes=10))
    """How long the refresh token before the current one still gets the current one. In the first 10 seconds it does so
    any number of times (two tabs at once), later once (an answer that was lost); see
    docs/front-end.md#when-an-answer-is-lost."""
    issuer: str = setting("authkit")
    """The claim `iss` of all tokens. Name your site's origin here if other services verify the tokens."""
    audience: str = setting("authkit")
    """The claim `aud` of all tokens."""
    claims: Hook = setting(Hook(""), call=Callable[[Any, Any], Mapping[str, Any]])
    """A callable `claims(user, login)` that returns the claims to add to access tokens; see docs/claims.md."""
    answer_fields: Hook = setting(Hook(""), call=Callable[[Any, Any], Mapping[str, Any]])
    """A callable `fields(user, login)` that returns the fields to add to token answers; see
    docs/claims.md#fields-of-the-token-answer."""
    authentication_claims: bool = setting(False)
    """Whether access tokens say when and how the person signed in, by the claims `auth_time`, `amr` and `acr`."""
    acr_values: dict[str, str] = setting({})
    """The value of the claim `acr` for each way to sign in: `"password"`, or the id of a provider. Tokens of a way that
    isn't named here have no `acr`."""
    keys: KeySource = setting(KeySource(""))
    """The keys that sign tokens, as a JWK Set with private keys: the text itself, the path of a file, or a callable
    that returns either. Without it, the keys are derived from `SECRET_KEY`; see docs/keys.md."""
    derived_keys: bool = setting(True)
    """Whether tokens that were signed by the keys derived from `SECRET_KEY` are still accepted once `KEYS` is set."""
    simplejwt_until: datetime | None = setting(None, kind=datetime)
    """Until when live tokens of simplejwt are accepted, while a project switches. Without it they are refused; see
    docs/from-simplejwt.md."""
    transports: tuple[str, ...] = setting(("body", "hybrid", "cookie"), choices=("body", "hybrid", "cookie"))
    """How a client may receive its tokens. A client that asks for no transport gets the first one; see
    docs/choosing.md#transports."""
    reuse_mail: bool = setting(False)
    """Whether the owner gets a mail when a refresh token was used twice, or came late in three generations running. It
    is off by default because a client that retries badly raises the same alarm."""
