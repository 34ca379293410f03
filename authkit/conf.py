"""The only reader of `settings.AUTHKIT`: frozen objects with defaults, read at use.

    from authkit import conf
    conf.current().tokens.access_lifetime

Nobody keeps what `current()` returns beyond one call, so `override_settings(AUTHKIT=...)` reaches everything. Secrets
are held in `Secret`, whose repr hides them: settings end up in error reports and in `manage.py diffsettings`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime, timedelta
from difflib import get_close_matches
from os import PathLike, fspath
from typing import Any, TypeVar

from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with the block: `kind` is "unknown", "type" or "value"; `path` reads TOKENS.GRACE."""

    kind: str
    path: str
    message: str
    hint: str


class Secret:
    """A secret string, or a callable that returns one, that no repr, log or error page shows."""

    __slots__ = ("_source",)

    def __init__(self, source: str | Callable[[], str]) -> None:
        self._source = source

    def reveal(self) -> str:
        """The secret itself. A callable is asked each time, so that a vault may rotate it."""
        return self._source() if callable(self._source) else self._source

    def __bool__(self) -> bool:
        return callable(self._source) or bool(self._source)

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


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginSettings:
    """How people say who they are."""

    identifiers: tuple[str, ...] = _setting(("username",), choices=("username", "email"))
    """What the field `username` may hold: the user model's USERNAME_FIELD, or an e-mail address that one person has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSettings:
    """How long a session lives without use (idle) and at most (absolute), enforced on the server (ASVS 7.3)."""

    idle: timedelta = _setting(timedelta(hours=24), least=_SECOND)
    absolute: timedelta = _setting(timedelta(days=14), least=_SECOND)
    remembered_idle: timedelta = _setting(timedelta(days=30), least=_SECOND)
    remembered_absolute: timedelta = _setting(timedelta(days=90), least=_SECOND)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSettings:
    """Access and refresh tokens."""

    access_lifetime: timedelta = _setting(timedelta(minutes=15), least=_SECOND, most=timedelta(days=1))
    refresh_idle: timedelta = _setting(timedelta(days=7), least=_SECOND)
    """How long a refresh token waits to be used; each rotation starts anew."""
    refresh_absolute: timedelta = _setting(timedelta(days=30), least=_SECOND)
    """The end of the login, which no rotation moves."""
    grace: timedelta = _setting(timedelta(seconds=10), least=timedelta(0), most=timedelta(seconds=60))
    """How long the token before the current one still gets the same successor (a lost answer, two tabs at once)."""
    issuer: str = _setting("authkit")
    audience: str = _setting("authkit")
    claims: Hook = _setting(Hook(""))
    """`claims(user, login)` returns what the project adds to its access tokens; see `authkit.tokens.claims`."""
    authentication_claims: bool = _setting(False)
    """Whether access tokens say when and how the person signed in: `auth_time`, `amr`, `acr`."""
    acr_values: dict[str, str] = _setting({})
    """The `acr` of each way in, by `Login.method`; a way in that is not named gets none."""
    keys: KeySource = _setting(KeySource(""))
    """The key ring, a JWK Set with private keys; `authkit.tokens.ring` says how it reads. Derived keys if empty."""
    derived_keys: bool = _setting(True)
    """Whether the keys derived from SECRET_KEY verify as well, so that tokens outlive the change to KEYS."""
    simplejwt_until: datetime | None = _setting(None, kind=datetime)
    """While a project switches from simplejwt: until when its live tokens are accepted; never, if None."""
    transports: tuple[str, ...] = _setting(("body", "hybrid", "cookie"), choices=("body", "hybrid", "cookie"))
    """How a client may have its tokens delivered; the first is for clients that don't say."""
    reuse_mail: bool = _setting(False)
    """Whether the owner gets a mail when a refresh token was used twice. Off, because it is sent while the answer
    waits, needs a mail server, and a client that retries badly raises the same alarm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSettings:
    """One entry of SOCIAL.PROVIDERS; its key there is the provider's id, in URLs and in Login.method."""

    name: str = _setting("")
    """What the button says; the id if empty."""
    backend: str = _setting("authkit.social.backends.OpenIdConnect")
    """Dotted path of a social-core backend class."""
    issuer: str = _setting("")
    """The OpenID issuer, without /.well-known/openid-configuration."""
    client_id: str = _setting("")
    client_secret: Secret = _setting(Secret(""))
    scope: tuple[str, ...] = _setting(())
    """What is asked for; the back end's own default if empty (OpenID Connect: openid, profile, email)."""
    options: dict[str, Any] = _setting({})
    """Any other setting of the backend, by social-core's name without the SOCIAL_AUTH prefix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SocialSettings:
    """Sign-in through other parties."""

    providers: dict[str, ProviderSettings] = _setting({})
    signup: bool = _setting(True)
    """Whether somebody whom we don't know yet gets an account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSettings:
    """What we say of a person."""

    user_serializer: str = _setting("authkit.logins.serializers.UserSerializer")
    """Dotted path of the DRF serializer behind every `user` in an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationSettings:
    """How a credential is checked against its login."""

    check: str = _setting("database", choices=("database",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The whole block."""

    login: LoginSettings = field(default_factory=LoginSettings)
    sessions: SessionSettings = field(default_factory=SessionSettings)
    tokens: TokenSettings = field(default_factory=TokenSettings)
    social: SocialSettings = field(default_factory=SocialSettings)
    accounts: AccountSettings = field(default_factory=AccountSettings)
    revocation: RevocationSettings = field(default_factory=RevocationSettings)
    trusted_proxies: int = _setting(0, least=0, most=10)
    """How many proxies of ours append to X-Forwarded-For; 0 believes REMOTE_ADDR alone."""
    public_url: str = _setting("")
    """Scheme and host under which people reach this site, for links and redirect URIs; the request's own if empty."""


def current() -> Settings:
    """The block as it is now.

    Raises:
        ImproperlyConfigured: the block has a mistake; `manage.py check` says which, with the fix.
    """
    raw = _block()
    if _cache is not None and _cache[0] == raw:
        return _cache[1]
    return _reload(raw)


def inspect() -> tuple[Settings, list[Problem]]:
    """The block as it is now, with defaults where a key is wrong, and everything that is wrong. Never raises."""
    return parse(_block())


@dataclass(frozen=True, slots=True)
class Origin:
    """One effective setting: `path` reads TOKENS.GRACE; `chosen` is whether the project set it."""

    path: str
    value: Any
    chosen: bool


def origins() -> list[Origin]:
    """Every effective setting, in the order of the sections. Secrets stay in `Secret`.

    Raises:
        ImproperlyConfigured: as `current()`.
    """
    return list(_origins(current(), _block(), ""))


def _origins(settings: Any, raw: Mapping[str, Any], path: str) -> Iterator[Origin]:
    for spec in fields(settings):
        key, value = spec.name.upper(), getattr(settings, spec.name)
        given = raw.get(key, {})
        if is_dataclass(value):
            yield from _origins(value, given, f"{path}{key}.")
        elif value and isinstance(settings, SocialSettings) and spec.name == "providers":
            for provider, entry in value.items():
                yield from _origins(entry, given[provider], f"{path}{key}.{provider}.")
        else:
            yield Origin(path + key, value, chosen=key in raw)


def _block() -> Any:
    return getattr(django_settings, "AUTHKIT", {})


_cache: tuple[Any, Settings] | None = None


def _reload(raw: Any) -> Settings:
    # Compared by value with a copy, not by identity: a test that changes one key in place must be heard too.
    global _cache  # noqa: PLW0603
    parsed, problems = parse(raw)
    if problems:
        raise ImproperlyConfigured("; ".join(f"AUTHKIT {p.path}: {p.message} {p.hint}" for p in problems))
    _cache = (_copied(raw), parsed)
    return parsed


def _copied(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copied(item) for key, item in value.items()}
    return list(value) if isinstance(value, list) else value


def parse(raw: Any) -> tuple[Settings, list[Problem]]:
    """Reads a block without raising.

    Args:
        raw: the AUTHKIT dict.

    Returns:
        The settings (defaults where a key is wrong) and everything that is wrong with it.
    """
    problems: list[Problem] = []
    return _section(Settings, raw, "", problems), problems


def _section(cls: type[T], raw: Any, path: str, problems: list[Problem]) -> T:
    if not isinstance(raw, Mapping):
        problems.append(Problem("type", path.rstrip("."), "must be a dict.", "Write it as {...}."))
        return cls()
    known = {f.name.upper(): f for f in fields(cls)}  # type: ignore[arg-type]
    values: dict[str, Any] = {}
    for key, value in raw.items():
        if key in known:
            _read(cls, known[key], value, path, values, problems)
        else:
            problems.append(_unknown(str(key), path, list(known)))
    return cls(**values)


def _unknown(key: str, path: str, known: list[str]) -> Problem:
    close = get_close_matches(key.upper(), known, n=1)
    hint = f"Did you mean {path}{close[0]}?" if close else f"Known keys: {', '.join(sorted(known))}."
    return Problem("unknown", path + key, "unknown key.", hint)


_SECTIONS: dict[str, type[Any]] = {
    "login": LoginSettings,
    "sessions": SessionSettings,
    "tokens": TokenSettings,
    "social": SocialSettings,
    "accounts": AccountSettings,
    "revocation": RevocationSettings,
}


def _read(cls: type[Any], spec: Any, value: Any, path: str, values: dict[str, Any], problems: list[Problem]) -> None:
    where = path + spec.name.upper()
    if cls is Settings and spec.name in _SECTIONS:
        values[spec.name] = _section(_SECTIONS[spec.name], value, where + ".", problems)
    elif cls is SocialSettings and spec.name == "providers":
        values[spec.name] = _providers(value, where, problems)
    else:
        default = cls().__getattribute__(spec.name)
        converted, wrong = _converted(value, default, spec.metadata)
        if wrong:
            problems.append(Problem(wrong[0], where, wrong[1], wrong[2]))
        else:
            values[spec.name] = converted


def _providers(raw: Any, where: str, problems: list[Problem]) -> dict[str, ProviderSettings]:
    if not isinstance(raw, Mapping):
        problems.append(Problem("type", where, "must be a dict.", 'Write it as {"<provider id>": {...}}.'))
        return {}
    wrong = [key for key in raw if not isinstance(key, str)]
    problems += [Problem("type", f"{where}.{key}", "a provider's id must be a string.", "Quote it.") for key in wrong]
    return {
        key: _section(ProviderSettings, entry, f"{where}.{key}.", problems)
        for key, entry in raw.items()
        if isinstance(key, str)
    }


def _converted(value: Any, default: Any, limits: Mapping[str, Any]) -> tuple[Any, tuple[str, str, str] | None]:
    if isinstance(default, KeySource):
        if isinstance(value, KeySource):
            return value, None
        if isinstance(value, str | PathLike) or callable(value):
            return KeySource(value if callable(value) else fspath(value)), None
        return None, (
            "type",
            "must be a JWK Set as a string, a path, or a callable that returns one of these.",
            "`manage.py authkit_keys generate` makes one.",
        )
    if limits["kind"] is datetime:
        return _moment(value)
    if isinstance(default, Secret):
        if isinstance(value, str) or callable(value):
            return Secret(value), None
        return None, (
            "type",
            "must be a string or a callable that returns one.",
            "Read it from the environment.",
        )
    if isinstance(default, Hook):
        if isinstance(value, Hook):
            return value, None
        if isinstance(value, str) or callable(value):
            return Hook(value), None
        return None, ("type", "must be a dotted path or a callable.", 'Write it as "mysite.module.function".')
    if isinstance(default, tuple):
        if isinstance(value, str) or not isinstance(value, list | tuple) or not all(isinstance(v, str) for v in value):
            return None, ("type", "must be a list of strings.", 'Write it as ["..."].')
        value = tuple(value)
    elif isinstance(default, bool) is not isinstance(value, bool) or not isinstance(value, type(default)):
        return None, (
            "type",
            f"must be a {type(default).__name__}, not {type(value).__name__}.",
            _example(default),
        )
    return _within(value, limits)


def _moment(value: Any) -> tuple[Any, tuple[str, str, str] | None]:
    if value is None or (isinstance(value, datetime) and value.utcoffset() is not None):
        return value, None
    hint = "Write it as datetime.datetime(2027, 1, 31, tzinfo=datetime.UTC)."
    return None, ("type", "must be a datetime with a time zone, or None.", hint)


def _example(default: Any) -> str:
    if isinstance(default, timedelta):
        return "Write it as datetime.timedelta(minutes=15)."
    return f"The default is {default!r}."


def _within(value: Any, limits: Mapping[str, Any]) -> tuple[Any, tuple[str, str, str] | None]:
    choices, least, most = limits["choices"], limits["least"], limits["most"]
    if choices:
        chosen = value if isinstance(value, tuple) else (value,)
        if not chosen or any(item not in choices for item in chosen):
            return None, ("value", f"{value!r} is not possible.", f"Choose from: {', '.join(choices)}.")
    if least is not None and value < least:
        return None, ("value", f"{value} is too small.", f"The smallest value is {least}.")
    if most is not None and value > most:
        return None, ("value", f"{value} is too large.", f"The largest value is {most}.")
    return value, None
