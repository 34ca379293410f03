"""The shape of the AUTHKIT block, for editors and type checkers: `AUTHKIT: authkit.AuthKitSettings = {...}`.

Needs no Django: settings modules import it. `authkit.conf` holds the defaults and what each key means; a test keeps
the two the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from os import PathLike
from typing import Any, Literal, TypedDict


class LoginSection(TypedDict, total=False):
    IDENTIFIERS: Sequence[Literal["username", "email"]]
    MAX_LOGINS: int
    PASSWORD_DOORS: bool
    AT_LIMIT: Literal["evict", "refuse"]
    MAY_SIGN_IN: str | Callable[[Any, Any, str], Literal[True] | str]


class SessionsSection(TypedDict, total=False):
    IDLE: timedelta
    ABSOLUTE: timedelta
    REMEMBERED_IDLE: timedelta
    REMEMBERED_ABSOLUTE: timedelta
    ENGINE: Literal["database", "cached", "redis"]


class TokensSection(TypedDict, total=False):
    ACCESS_LIFETIME: timedelta
    REFRESH_IDLE: timedelta
    REFRESH_ABSOLUTE: timedelta
    GRACE: timedelta
    ISSUER: str
    AUDIENCE: str
    CLAIMS: str | Callable[[Any, Any], Mapping[str, Any]]
    ANSWER_FIELDS: str | Callable[[Any, Any], Mapping[str, Any]]
    AUTHENTICATION_CLAIMS: bool
    ACR_VALUES: Mapping[str, str]
    KEYS: str | PathLike[str] | Callable[[], str]
    DERIVED_KEYS: bool
    SIMPLEJWT_UNTIL: datetime | None
    TRANSPORTS: Sequence[Literal["body", "hybrid", "cookie"]]
    REUSE_MAIL: bool


class AppSection(TypedDict, total=False):
    CLIENT_ID: str
    CLIENT_SECRET: str | Callable[[], str]


class ProviderSection(TypedDict, total=False):
    NAME: str
    PRESET: str
    BACKEND: str
    ISSUER: str
    TENANT: str
    CLIENT_ID: str
    CLIENT_SECRET: str | Callable[[], str]
    APPS: Mapping[str, AppSection]
    NATIVE_CLIENT_IDS: Sequence[str]
    SCOPE: Sequence[str]
    OPTIONS: Mapping[str, Any]
    EMAIL_TRUSTED: bool
    STORE_TOKENS: bool


class SocialSection(TypedDict, total=False):
    PROVIDERS: Mapping[str, ProviderSection]
    SIGNUP: bool | str | Callable[[Any], bool]
    SIGNUP_DOMAINS: Sequence[str]
    EMAIL_VERIFIED: str | Callable[[Any], bool]
    CLOCK_TOLERANCE: timedelta
    TIMEOUT: timedelta
    LINK_MAIL: bool
    PIPELINE: Sequence[str]
    REDIRECT_URIS: Sequence[str]


class AccountsSection(TypedDict, total=False):
    USER_SERIALIZER: str


class RevocationSection(TypedDict, total=False):
    CHECK: Literal["database", "redis", "push"]
    BOUND: timedelta
    SEEN_LOGINS: int
    EMAIL_CHANGE: Literal["end_others", "keep"]
    SPARE_SUPERUSERS: bool


class RedisSection(TypedDict, total=False):
    CACHE: str
    CLUSTER: bool
    PREFIX: str
    TIMEOUT: timedelta


class AuthKitSettings(TypedDict, total=False):
    LOGIN: LoginSection
    SESSIONS: SessionsSection
    TOKENS: TokensSection
    SOCIAL: SocialSection
    ACCOUNTS: AccountsSection
    REVOCATION: RevocationSection
    REDIS: RedisSection
    REDIS_URL: str | Callable[[], str]
    TRUSTED_PROXIES: int
    PUBLIC_URL: str
