"""The sections of the AUTHKIT block: what each key is, its default and its limits. `authkit.conf` reads them.

docs/settings.md is generated from this module, so a setting is described here and in no other place.

Secrets are held in `Secret`, whose repr hides them: settings end up in error reports. The block itself stays as the
project wrote it, and `manage.py diffsettings` prints it so: there, only a callable hides a secret.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.utils.module_loading import import_string


class Secret:
    """A secret string, or a callable that returns one, that no repr, log or error page shows."""

    __slots__ = ("_source",)

    def __init__(self, source: str | Callable[[], str]) -> None:
        self._source = source

    def reveal(self) -> str:
        """The secret itself. A callable is asked each time, so that a vault may rotate it."""
        return self._source() if callable(self._source) else self._source

    @property
    def is_callable(self) -> bool:
        """Whether `reveal` asks the project, which may take a while, or fail."""
        return callable(self._source)

    def __bool__(self) -> bool:
        return callable(self._source) or bool(self._source)

    def __eq__(self, other: object) -> bool:
        # For "has the setting changed", by its source: no code compares a secret with what a client sends.
        return isinstance(other, Secret) and self._source == other._source

    def __hash__(self) -> int:
        return hash(self._source)

    def __repr__(self) -> str:
        return "Secret(***)"


class Hook:
    """A callable of the project's, or the dotted path of one; false where there is none."""

    __slots__ = ("_source",)

    def __init__(self, source: str | Callable[..., Any]) -> None:
        self._source = source

    def resolve(self) -> Any:
        """What the path names, imported at use: settings are read before there are any models.

        Raises:
            ImportError: there is nothing at this path.
        """
        return import_string(self._source) if isinstance(self._source, str) else self._source

    def __bool__(self) -> bool:
        return bool(self._source)

    def __repr__(self) -> str:
        return repr(self._source)


class KeySource(Secret):
    """Where the ring of token keys comes from: a JWK Set as text, the path of a file that holds one, or a callable."""

    __slots__ = ()


def _setting(
    default: Any,
    *,
    least: Any = None,
    most: Any = None,
    choices: tuple[str, ...] = (),
    kind: type[Any] | None = None,
    entry: str = "",
) -> Any:
    """A field of a section. The string below a field is its text on docs/settings.md, in Markdown.

    Args:
        default: the value where the project gives none.
        least: the smallest value that is taken.
        most: the largest one.
        choices: the values that are taken, one by one or in a list.
        kind: the type, where the default doesn't show it.
        entry: for a dict of sections: what its keys are, as docs/settings.md writes it (`PROVIDERS.<id>`).
    """
    metadata = {"least": least, "most": most, "choices": choices, "kind": kind, "entry": entry}
    if isinstance(default, Mapping):
        return field(default_factory=lambda: dict(default), metadata=metadata)
    return field(default=default, metadata=metadata)


_SECOND = timedelta(seconds=1)
_CENTURY = timedelta(days=36_500)
"""At most this: `timedelta.max` for "never" ends beyond the last day that a datetime can hold."""

SOCIAL_STEPS = (
    "authkit.social.pipeline.read_profile",
    "authkit.social.pipeline.identify",
    "authkit.social.pipeline.ask_policy",
    "authkit.social.pipeline.find_person",
    "authkit.social.pipeline.link_by_address",
    "authkit.social.pipeline.sign_up",
)
"""The steps that SOCIAL.PIPELINE has to hold, in this order. Without one of them every sign-in is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginSettings:
    """How people sign in."""

    identifiers: tuple[str, ...] = _setting(("username",), choices=("username", "email"))
    """What a person may type as their name. `username` is the user model's `USERNAME_FIELD`. `email` is an address that
    exactly one person has. A name that matches letter for letter wins over one that differs in case, and a user name
    wins over an address."""
    max_logins: int = _setting(0, least=0)
    """How many live logins one person may have at once, sessions and token pairs together. `0` allows any number."""
    password_doors: bool = _setting(True)
    """Whether authkit itself takes passwords: at its login page, `session/login/`, `token/` and the paths of simplejwt.
    Set it to `False` where another package asks for more than a password; see docs/with-allauth.md."""
    at_limit: str = _setting("evict", choices=("evict", "refuse"))
    """What a sign-in beyond `MAX_LOGINS` does. `"evict"` ends the person's oldest login. `"refuse"` refuses the new
    one."""
    may_sign_in: Hook = _setting(Hook(""))
    """A callable `may_sign_in(user, request, method)`, or its dotted path. authkit asks it at each sign-in, after the
    credential was verified. It returns `True`, or the sentence with which the person is refused; see
    docs/own-door.md."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSettings:
    """How long sessions live, and where they are stored. The server enforces the times (ASVS 7.3)."""

    idle: timedelta = _setting(timedelta(hours=24), least=_SECOND, most=_CENTURY)
    """How long a session lives without use."""
    absolute: timedelta = _setting(timedelta(days=14), least=_SECOND, most=_CENTURY)
    """How long a session lives at most, however much it is used."""
    remembered_idle: timedelta = _setting(timedelta(days=30), least=_SECOND, most=_CENTURY)
    """`IDLE` for people who chose "Keep me signed in"."""
    remembered_absolute: timedelta = _setting(timedelta(days=90), least=_SECOND, most=_CENTURY)
    """`ABSOLUTE` for people who chose "Keep me signed in"."""
    engine: str = _setting("cached", choices=("database", "cached", "redis"))
    """Where the data of a session is stored. `"database"` uses Django's session table. `"cached"` uses the same table,
    with Redis in front of it where there is one. `"redis"` uses Redis alone, so an outage of Redis is answered with
    503; see docs/redis.md."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSettings:
    """Access and refresh tokens."""

    access_lifetime: timedelta = _setting(timedelta(minutes=15), least=_SECOND, most=timedelta(days=1))
    """How long an access token is valid."""
    refresh_idle: timedelta = _setting(timedelta(days=7), least=_SECOND, most=_CENTURY)
    """How long a refresh token is valid if it isn't used. Each refresh gives the client a new token, and this time
    starts again."""
    refresh_absolute: timedelta = _setting(timedelta(days=30), least=_SECOND, most=_CENTURY)
    """How long a login with tokens lives at most, however often it is refreshed."""
    grace: timedelta = _setting(timedelta(seconds=60), least=timedelta(0), most=timedelta(minutes=10))
    """How long the refresh token before the current one still gets the current one. In the first 10 seconds it does so
    any number of times (two tabs at once), later once (an answer that was lost); see
    docs/front-end.md#when-an-answer-is-lost."""
    issuer: str = _setting("authkit")
    """The claim `iss` of all tokens. Name your site's origin here if other services verify the tokens."""
    audience: str = _setting("authkit")
    """The claim `aud` of all tokens."""
    claims: Hook = _setting(Hook(""))
    """A callable `claims(user, login)` that returns the claims to add to access tokens; see docs/claims.md."""
    answer_fields: Hook = _setting(Hook(""))
    """A callable `fields(user, login)` that returns the fields to add to token answers; see
    docs/claims.md#fields-of-the-token-answer."""
    authentication_claims: bool = _setting(False)
    """Whether access tokens say when and how the person signed in, by the claims `auth_time`, `amr` and `acr`."""
    acr_values: dict[str, str] = _setting({})
    """The value of the claim `acr` for each way to sign in: `"password"`, or the id of a provider. Tokens of a way that
    isn't named here have no `acr`."""
    keys: KeySource = _setting(KeySource(""))
    """The keys that sign tokens, as a JWK Set with private keys: the text itself, the path of a file, or a callable
    that returns either. Without it, the keys are derived from `SECRET_KEY`; see docs/keys.md."""
    derived_keys: bool = _setting(True)
    """Whether tokens that were signed by the keys derived from `SECRET_KEY` are still accepted once `KEYS` is set."""
    simplejwt_until: datetime | None = _setting(None, kind=datetime)
    """Until when live tokens of simplejwt are accepted, while a project switches. Without it they are refused; see
    docs/from-simplejwt.md."""
    transports: tuple[str, ...] = _setting(("body", "hybrid", "cookie"), choices=("body", "hybrid", "cookie"))
    """How a client may receive its tokens. A client that asks for no transport gets the first one; see
    docs/choosing.md#transports."""
    reuse_mail: bool = _setting(False)
    """Whether the owner gets a mail when a refresh token was used twice, or came late in three generations running. The
    mail is sent while the answer waits, so set `EMAIL_TIMEOUT` as well. It is off by default because a client that
    retries badly raises the same alarm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppSettings:
    """One app of a provider's `APPS`. Its key there is the host of the site."""

    client_id: str = _setting("")
    """The client id that the provider gave to this app."""
    client_secret: Secret = _setting(Secret(""))
    """The client secret of this app."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSettings:
    """One provider. Its key in `PROVIDERS` is its id, which is part of URLs and of `Login.method`."""

    name: str = _setting("")
    """The text on the button. Without it, the button has the name of the preset, or the id."""
    preset: str = _setting("")
    """Which preset fills in what the entry leaves out; see docs/providers.md. Without it, a preset with the same name
    as the id is used."""
    backend: str = _setting("authkit.social.backends.OpenIdConnect")
    """The dotted path of a social-core back end. The default speaks OpenID Connect."""
    issuer: str = _setting("")
    """The OpenID issuer, without `/.well-known/openid-configuration`. A preset may bring its own."""
    tenant: str = _setting("")
    """For Microsoft: which accounts may sign in. The id of one tenant, `"organizations"`, `"consumers"`, or `"common"`
    for all of them, which is the preset's default."""
    client_id: str = _setting("")
    """The client id that the provider gave to your site."""
    client_secret: Secret = _setting(Secret(""))
    """The client secret that the provider gave to your site."""
    apps: dict[str, AppSettings] = _setting({}, entry="host")
    """For a site that is registered at the provider once for each of its hosts: the app of each host; see
    docs/providers.md#several-hosts-several-apps."""
    native_client_ids: tuple[str, ...] = _setting(())
    """Further client ids whose ID tokens are accepted, from the provider's SDK in your phone apps; see docs/apps.md."""
    scope: tuple[str, ...] = _setting(())
    """The scopes that are requested. Without it, the back end's own: `openid`, `profile` and `email` for OpenID
    Connect."""
    options: dict[str, Any] = _setting({})
    """Other settings of the back end, by social-core's names without the prefix `SOCIAL_AUTH`."""
    email_trusted: bool = _setting(False)
    """Whether an address counts as verified where the provider doesn't say whether it is. Turn it on only for a
    provider that you run or trust, because the provider then decides which account has an address; see
    docs/providers.md#addresses."""
    store_tokens: bool = _setting(False)
    """Whether the provider's tokens are kept, encrypted, so that your code can call the provider's API for the person;
    see docs/providers.md#tokens-of-a-provider."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SocialSettings:
    """Sign-in through providers, such as Google or your company's OpenID server."""

    providers: dict[str, ProviderSettings] = _setting({}, entry="id")
    """The providers, by id."""
    signup: bool | Hook = _setting(True, kind=Hook)
    """Whether a person without an account gets one by signing in through a provider: `True`, `False`, or a callable
    `allow(profile)` that returns `True` for those who do; see docs/sign-up.md."""
    signup_domains: tuple[str, ...] = _setting(())
    """If given, a new account needs a verified address of exactly one of these domains."""
    email_verified: Hook = _setting(Hook(""))
    """A callable `verified(user)` that returns `True` if your project has verified the address of this person. Without
    it, no identity is linked to an account by its address; see docs/sign-up.md#when-the-address-has-an-account-here."""
    clock_tolerance: timedelta = _setting(timedelta(seconds=60), least=timedelta(0), most=timedelta(minutes=5))
    """By how much a provider's clock and yours may differ when the times of its tokens are checked."""
    timeout: timedelta = _setting(timedelta(seconds=5), least=timedelta(seconds=1), most=timedelta(seconds=30))
    """The time limit of each call to a provider, from connecting to the last byte. All calls of one request together
    have twice that; see docs/providers.md#a-provider-that-is-slow-or-silent."""
    link_mail: bool = _setting(True)
    """Whether people get a mail when an account at a provider was connected to theirs. The mail is sent while the
    answer waits, so set `EMAIL_TIMEOUT` as well."""
    pipeline: tuple[str, ...] = _setting(SOCIAL_STEPS)
    """The dotted paths of the steps from a provider's answer to a person. Yours may stand between authkit's; see
    docs/sign-up.md#steps-of-your-own."""
    redirect_uris: tuple[str, ...] = _setting(())
    """The addresses to which codes for single-page apps and phone apps may be sent. They are compared character by
    character, but for the port of `127.0.0.1` and `[::1]`; see docs/apps.md."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSettings:
    """The data about a person in answers."""

    user_serializer: str = _setting("authkit.signin.serializers.UserSerializer")
    """The dotted path of the DRF serializer behind every `user` in an answer. The default has `id`, `username` and
    `email`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationSettings:
    """How an access token is checked against its login, and what ends logins without being asked to."""

    check: str = _setting("database", choices=("database", "redis", "push"))
    """How an access token is checked. `"database"` uses the SQL statement that loads the user. `"redis"` uses one Redis
    command. `"push"` uses a table in the process, to which Redis sends each revocation. Sessions are always checked by
    SQL; see docs/redis.md."""
    bound: timedelta = _setting(timedelta(seconds=2), least=timedelta(milliseconds=200), most=timedelta(seconds=60))
    """For `"redis"` and `"push"`: the longest time for which a process may accept a login that has ended, if its
    connection was cut. Each process asks the database once in half of this time."""
    seen_logins: int = _setting(50_000, least=1, most=10_000_000)
    """For `"redis"` and `"push"`: how many logins a process remembers as alive. It asks the database about each other
    one. One takes about 350 bytes."""
    email_change: str = _setting("end_others", choices=("end_others", "keep"))
    """What a new e-mail address does to the person's logins. `"end_others"` ends all of them but the one by which the
    address was changed. `"keep"` ends none."""
    spare_superusers: bool = _setting(True)
    """Whether, in the admin, only a superuser may end the logins of a superuser. A help desk's permission to force
    people out is then no way to keep the superusers out; see docs/force-logout.md#what-the-permission-means."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisSettings:
    """How Redis is reached and used; see docs/redis.md. The keys count where `REDIS_URL` or `CACHE` names a server."""

    cache: str = _setting("")
    """The alias in `CACHES` of a django-redis cache whose connections are used instead of `REDIS_URL`, with all options
    of that cache. This is the way to Sentinel."""
    cluster: bool = _setting(False)
    """Whether `REDIS_URL` is a node of a Redis Cluster."""
    prefix: str = _setting("authkit")
    """The beginning of each key and channel. Two sites that share a server need two prefixes."""
    timeout: timedelta = _setting(
        timedelta(milliseconds=250), least=timedelta(milliseconds=10), most=timedelta(seconds=10)
    )
    """The time limit for connecting and for each answer. A server that takes longer counts as down. A cache of `CACHE`
    may set its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The whole block."""

    login: LoginSettings = field(default_factory=LoginSettings)
    sessions: SessionSettings = field(default_factory=SessionSettings)
    tokens: TokenSettings = field(default_factory=TokenSettings)
    social: SocialSettings = field(default_factory=SocialSettings)
    accounts: AccountSettings = field(default_factory=AccountSettings)
    revocation: RevocationSettings = field(default_factory=RevocationSettings)
    redis: RedisSettings = field(default_factory=RedisSettings)
    redis_url: Secret = _setting(Secret(""))
    """The URL of a Redis server, as redis-py reads it: `redis://…`, `rediss://…` or `unix://…`. authkit works without
    one; see docs/redis.md."""
    trusted_proxies: int = _setting(0, least=0, most=10)
    """How many of your own proxies append to `X-Forwarded-For`. With `0`, the address of a client is `REMOTE_ADDR`."""
    public_url: str = _setting("")
    """The scheme and host under which people reach the site, for links and redirect URIs. Without it, those of the
    request."""
