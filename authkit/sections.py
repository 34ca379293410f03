"""The sections of the AUTHKIT block: what each key is, its default and its limits. `authkit.conf` reads them.

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
        # For "has the setting changed", by its source: nobody compares a secret with what a client sends.
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
    default: Any, *, least: Any = None, most: Any = None, choices: tuple[str, ...] = (), kind: type[Any] | None = None
) -> Any:
    metadata = {"least": least, "most": most, "choices": choices, "kind": kind}
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
"""The steps of SOCIAL.PIPELINE without which nobody signs in, in this order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginSettings:
    """How people say who they are."""

    identifiers: tuple[str, ...] = _setting(("username",), choices=("username", "email"))
    """What the field `username` may hold: the user model's USERNAME_FIELD, or an e-mail address that one person has."""
    max_logins: int = _setting(0, least=0)
    """How many live logins one person may have at once, sessions and token pairs together; 0 for any number."""
    password_doors: bool = _setting(True)
    """Whether authkit itself takes passwords: at its login page, `session/login/`, `token/` and the paths of
    simplejwt. Off where another package asks for more than a password; see docs/with-allauth.md."""
    at_limit: str = _setting("evict", choices=("evict", "refuse"))
    """What a sign-in beyond that does: end the person's oldest login, or be refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSettings:
    """How long a session lives without use (idle) and at most (absolute), enforced on the server (ASVS 7.3)."""

    idle: timedelta = _setting(timedelta(hours=24), least=_SECOND, most=_CENTURY)
    absolute: timedelta = _setting(timedelta(days=14), least=_SECOND, most=_CENTURY)
    remembered_idle: timedelta = _setting(timedelta(days=30), least=_SECOND, most=_CENTURY)
    remembered_absolute: timedelta = _setting(timedelta(days=90), least=_SECOND, most=_CENTURY)
    engine: str = _setting("cached", choices=("database", "cached", "redis"))
    """Where a session's data lies: `database`; `cached`, the same with Redis in front of it where there is one; or
    `redis`, in Redis alone, where an outage of Redis is a 503."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSettings:
    """Access and refresh tokens."""

    access_lifetime: timedelta = _setting(timedelta(minutes=15), least=_SECOND, most=timedelta(days=1))
    refresh_idle: timedelta = _setting(timedelta(days=7), least=_SECOND, most=_CENTURY)
    """How long a refresh token waits to be used; each rotation starts anew."""
    refresh_absolute: timedelta = _setting(timedelta(days=30), least=_SECOND, most=_CENTURY)
    """The end of the login, which no rotation moves."""
    grace: timedelta = _setting(timedelta(seconds=60), least=timedelta(0), most=timedelta(minutes=10))
    """How long the token before the current one still gets the same successor: any number of times in the first 10
    seconds (two tabs at once), then once (a lost answer); see `authkit.logins.rotation`."""
    issuer: str = _setting("authkit")
    audience: str = _setting("authkit")
    claims: Hook = _setting(Hook(""))
    """`claims(user, login)` returns what the project adds to its access tokens; see `authkit.tokens.claims`."""
    answer_fields: Hook = _setting(Hook(""))
    """`fields(user, login)` returns what the project adds to its token answers; see `authkit.tokens.answer_fields`."""
    authentication_claims: bool = _setting(False)
    """Whether access tokens say when and how the person signed in: `auth_time`, `amr`, `acr`."""
    acr_values: dict[str, str] = _setting({})
    """The `acr` of each way in, by `Login.method`; a way in that is not named gets none."""
    keys: KeySource = _setting(KeySource(""))
    """The key ring, a JWK Set with private keys; `authkit.tokens.keyring` says how it reads. Derived keys if empty."""
    derived_keys: bool = _setting(True)
    """Whether the keys derived from SECRET_KEY verify as well, so that tokens outlive the change to KEYS."""
    simplejwt_until: datetime | None = _setting(None, kind=datetime)
    """While a project switches from simplejwt: until when its live tokens are accepted; never, if None."""
    transports: tuple[str, ...] = _setting(("body", "hybrid", "cookie"), choices=("body", "hybrid", "cookie"))
    """How a client may have its tokens delivered; the first is for clients that don't say."""
    reuse_mail: bool = _setting(False)
    """Whether the owner gets a mail when a refresh token was used twice, or late in three generations running. Off,
    because it is sent while the answer waits, needs a mail server, and a client that retries badly raises the same
    alarm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppSettings:
    """One entry of a provider's APPS; its key there is the host."""

    client_id: str = _setting("")
    client_secret: Secret = _setting(Secret(""))


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSettings:
    """One entry of SOCIAL.PROVIDERS; its key there is the provider's id, in URLs and in Login.method."""

    name: str = _setting("")
    """What the button says; the preset's or the id if empty."""
    preset: str = _setting("")
    """Which of `authkit.social.presets` fills in what the entry leaves out; the one that the id names, if empty."""
    backend: str = _setting("authkit.social.backends.OpenIdConnect")
    """Dotted path of a social-core backend class."""
    issuer: str = _setting("")
    """The OpenID issuer, without /.well-known/openid-configuration."""
    tenant: str = _setting("")
    """Whose accounts Microsoft lets in: a tenant's id, "organizations", "consumers" or "common"."""
    client_id: str = _setting("")
    client_secret: Secret = _setting(Secret(""))
    apps: dict[str, AppSettings] = _setting({})
    """By host: the apps of a site that is registered at the provider once for each of its hosts."""
    native_client_ids: tuple[str, ...] = _setting(())
    """Further client ids, to which a native SDK's ID tokens may be addressed."""
    scope: tuple[str, ...] = _setting(())
    """What is asked for; the back end's own default if empty (OpenID Connect: openid, profile, email)."""
    options: dict[str, Any] = _setting({})
    """Any other setting of the backend, by social-core's name without the SOCIAL_AUTH prefix."""
    email_trusted: bool = _setting(False)
    """Whether an address that the provider gives counts as verified where it doesn't say whether it is. For a provider
    that is yours, or whose word you take: whoever runs it decides whose address an account has."""
    store_tokens: bool = _setting(False)
    """Whether the provider's tokens are kept, encrypted, for `authkit.social.provider_tokens`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SocialSettings:
    """Sign-in through other parties."""

    providers: dict[str, ProviderSettings] = _setting({})
    signup: bool | Hook = _setting(True, kind=Hook)
    """Whether somebody whom we don't know yet gets an account: True, False, or `allow(profile)`, which says True of
    those who do; `profile` is an `authkit.social.signup.Profile`."""
    signup_domains: tuple[str, ...] = _setting(())
    """Only whose verified address is of one of these very domains gets an account; anybody, if empty."""
    email_verified: Hook = _setting(Hook(""))
    """`verified(user)` says True of somebody whose address here was verified *by this project*. Only with it, an
    identity whose provider has verified that address is linked to them; without it, nothing is linked by e-mail."""
    clock_tolerance: timedelta = _setting(timedelta(seconds=60), least=timedelta(0), most=timedelta(minutes=5))
    """By how much a provider's clock and ours may differ, where the times of an ID or logout token are judged."""
    timeout: timedelta = _setting(timedelta(seconds=5), least=timedelta(seconds=1), most=timedelta(seconds=30))
    """For each call to a provider, up to the last byte; all calls of one request together have twice that."""
    link_mail: bool = _setting(True)
    """Whether people get a mail when an account at a provider was connected to theirs."""
    pipeline: tuple[str, ...] = _setting(SOCIAL_STEPS)
    """Dotted paths of the steps from a provider's answer to a person; yours may stand between those of the default."""
    redirect_uris: tuple[str, ...] = _setting(())
    """Where SPAs and apps may have their codes sent to: exact, but for the ports of 127.0.0.1 and [::1]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSettings:
    """What we say of a person."""

    user_serializer: str = _setting("authkit.signin.serializers.UserSerializer")
    """Dotted path of the DRF serializer behind every `user` in an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationSettings:
    """How a credential is checked against its login, and what ends logins by itself."""

    check: str = _setting("database", choices=("database", "redis", "push"))
    """How an access token is: by the SQL statement that loads the user; by one Redis command; or by a table in the
    process that Redis pushes to. Sessions are always checked by SQL."""
    bound: timedelta = _setting(timedelta(seconds=2), least=timedelta(milliseconds=200), most=timedelta(seconds=60))
    """`redis` and `push`: how long a process may go on, at the very most, without hearing of a revocation that it was
    cut off from; each asks the database for that once in half of it."""
    seen_logins: int = _setting(50_000, least=1, most=10_000_000)
    """`redis` and `push`: how many logins a process remembers that the database has shown it alive. About one that it
    doesn't remember it asks the database. Each takes about 350 bytes."""
    email_change: str = _setting("end_others", choices=("end_others", "keep"))
    """What another e-mail address does to the person's logins: end all but the one by which it was changed, or none."""
    spare_superusers: bool = _setting(True)
    """Whether in the admin only a superuser may end a superuser's logins. On, because the permission to force people
    out is one for a help desk: with it alone, a clerk's account that was taken over could keep those out who would
    stop it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisSettings:
    """How Redis is reached and used, where REDIS_URL or CACHE names one."""

    cache: str = _setting("")
    """Alias in CACHES of a django-redis cache whose connections are used instead of REDIS_URL's, with all of that
    cache's options: this is the way to Sentinel."""
    cluster: bool = _setting(False)
    """Whether REDIS_URL is a node of a Redis Cluster."""
    prefix: str = _setting("authkit")
    """Begins each key and channel."""
    timeout: timedelta = _setting(
        timedelta(milliseconds=250), least=timedelta(milliseconds=10), most=timedelta(seconds=10)
    )
    """For connecting and for each answer; what takes longer counts as an outage. A cache of CACHE may set its own."""


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
    """redis://, rediss:// or unix://, as redis-py reads it, or a callable that returns one; it may hold a password."""
    trusted_proxies: int = _setting(0, least=0, most=10)
    """How many proxies of ours append to X-Forwarded-For; 0 believes REMOTE_ADDR alone."""
    public_url: str = _setting("")
    """Scheme and host under which people reach this site, for links and redirect URIs; the request's own if empty."""
