"""Django's own settings that sign-in depends on: SECRET_KEY, always; cookies, hosts and DEBUG when deploying.

The logo of the pages is looked for here too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004
from django.core.checks.security.base import SECRET_KEY_INSECURE_PREFIX

from authkit import conf
from authkit.core.cookies import HOST, PREFIXES
from authkit.core.secret_keys import named_secrets
from authkit.core.site import is_url
from authkit.core.strength import MIN_KEY_BYTES, guessable

_GENERATE = (
    'python -c "import secrets; print(secrets.token_urlsafe(50))" makes a good one; keep it out of the repository.'
)


def check_keys(**_: Any) -> list[CheckMessage]:
    """E030, E031: the keys of access and refresh tokens are derived from these."""
    messages: list[CheckMessage] = []
    for name, key in _keys():
        if len(key) < MIN_KEY_BYTES:
            messages.append(
                Error(f"{name} has {len(key)} bytes; tokens are signed by it and need {MIN_KEY_BYTES}.",
                      hint=_GENERATE, id="authkit.E030")
            )  # fmt: skip
        elif guessable(key):
            messages.append(
                Error(f"{name} can be guessed; tokens are signed by it.", hint=_GENERATE, id="authkit.E031")
            )
    return messages


def check_generated_key(**_: Any) -> list[CheckMessage]:
    """E032 (deploy). Not before: every new project has such a key, and it is random enough to develop with."""
    return [
        Error(f"{name} was made by startproject for development, and tokens are signed by it.",
              hint=_GENERATE, id="authkit.E032")
        for name, key in _keys()
        if key.startswith(SECRET_KEY_INSECURE_PREFIX.encode())
    ]  # fmt: skip


def _keys() -> Iterator[tuple[str, bytes]]:
    if conf.inspect()[0].tokens.derived_keys:  # else no token hangs on them
        yield from named_secrets()


def check_cookies(**_: Any) -> list[CheckMessage]:
    """W040 to W043 (ASVS 3.3.1, 3.3.2, 3.3.4)."""
    found: list[CheckMessage] = []
    if not settings.SESSION_COOKIE_SECURE:
        found.append(_deploy("W040", "SESSION_COOKIE_SECURE is off: the session's cookie travels without TLS.", "True"))
    if not settings.CSRF_COOKIE_SECURE:
        found.append(_deploy("W041", "CSRF_COOKIE_SECURE is off: the CSRF cookie travels without TLS.", "True"))
    if not settings.SESSION_COOKIE_HTTPONLY:
        found.append(_deploy("W042", "SESSION_COOKIE_HTTPONLY is off: scripts can read the session's cookie.", "True"))
    if not settings.SESSION_COOKIE_SAMESITE or settings.SESSION_COOKIE_SAMESITE == "None":
        found.append(
            _deploy("W043", "SESSION_COOKIE_SAMESITE is off: other sites' requests carry the session.", '"Lax"')
        )
    return found


@dataclass(frozen=True, slots=True)
class _Cookie:
    """One of Django's own cookies as the settings have it."""

    setting: str
    name: str
    secure: bool
    path: str
    domain: str | None
    samesite: Any


def _cookies() -> Iterator[_Cookie]:
    for which in ("SESSION", "CSRF"):
        if which == "SESSION" or not settings.CSRF_USE_SESSIONS:
            name, secure, path, domain, samesite = (
                getattr(settings, f"{which}_COOKIE_{of}") for of in ("NAME", "SECURE", "PATH", "DOMAIN", "SAMESITE")
            )
            yield _Cookie(f"{which}_COOKIE", name, bool(secure), path, domain, samesite)


def check_cookie_prefixes(**_: Any) -> list[CheckMessage]:
    """E048 (6265bis sections 4.1.3 and 5.7): browsers refuse such a cookie, so no person could sign in."""
    found: list[CheckMessage] = []
    for cookie in _cookies():
        broken = [f"{cookie.setting}_SECURE = True"] if cookie.name.startswith(PREFIXES) and not cookie.secure else []
        if cookie.name.startswith(HOST):
            broken += [f'{cookie.setting}_PATH = "/"'] if cookie.path != "/" else []
            broken += [f"{cookie.setting}_DOMAIN = None"] if cookie.domain else []
        if broken:
            found.append(
                Error(
                    f"{cookie.setting}_NAME is {cookie.name!r}, and browsers take no cookie of this name with the "
                    "other settings that it has.",
                    hint=f"{', '.join(broken)}; or a name without prefix, as on a development server without TLS.",
                    id="authkit.E048",
                )
            )
    return found


def check_samesite_none(**_: Any) -> list[CheckMessage]:
    """E049 (6265bis section 5.7): browsers refuse a cookie with SameSite=None and without Secure."""
    return [
        Error(
            f'{cookie.setting}_SAMESITE is "None" and {cookie.setting}_SECURE is off: browsers take no such cookie.',
            hint=f'{cookie.setting}_SAMESITE = "Lax", or {cookie.setting}_SECURE = True.',
            id="authkit.E049",
        )
        for cookie in _cookies()
        if str(cookie.samesite).lower() == "none" and cookie.samesite is not None and not cookie.secure
    ]


def check_cookie_names(**_: Any) -> list[CheckMessage]:
    """W049 (ASVS 3.3.3). Not for a cookie without Secure: W040 and W041 report that first."""
    return [
        Warning(
            f"{cookie.setting}_NAME is {cookie.name!r}: a sibling subdomain can plant a cookie of this name in your "
            "people's browsers, and so sign them in as another person or keep them from signing in.",
            hint=f'{cookie.setting}_NAME = "{HOST}{cookie.name}", without {cookie.setting}_DOMAIN: browsers let no '
            "other host set such a name. A new name of the session's cookie signs everybody out once.",
            id="authkit.W049",
        )
        for cookie in _cookies()
        if cookie.secure and not cookie.name.startswith(HOST)
    ]


def check_cors(**_: Any) -> list[CheckMessage]:
    """W048: of django-cors-headers; where it isn't installed, its settings are not there either."""
    chosen: Any = settings
    everybody = getattr(chosen, "CORS_ALLOW_ALL_ORIGINS", False) or getattr(chosen, "CORS_ORIGIN_ALLOW_ALL", False)
    if not (everybody and getattr(chosen, "CORS_ALLOW_CREDENTIALS", False)):
        return []
    return [
        Warning(
            "CORS_ALLOW_ALL_ORIGINS and CORS_ALLOW_CREDENTIALS are both on: pages of every origin that a browser "
            "sends cookies for, such as sibling subdomains, can read your people's data.",
            hint="Name the origins of your front ends in CORS_ALLOWED_ORIGINS.",
            id="authkit.W048",
        )
    ]


def check_public_url(**_: Any) -> list[CheckMessage]:
    """W046."""
    if not conf.inspect()[0].public_url.startswith("http://"):
        return []
    return [Warning("AUTHKIT PUBLIC_URL has no TLS.", hint="Write it with https://.", id="authkit.W046")]


def check_time_zone(**_: Any) -> list[CheckMessage]:
    """E047 (deploy)."""
    if settings.USE_TZ:
        return []
    return [
        Error(
            "USE_TZ is off: the times at which logins end are local times, and in autumn one hour comes twice.",
            hint="USE_TZ = True; Django's page on time zones says what to do with the times that are stored.",
            id="authkit.E047",
        )
    ]


def check_debug(**_: Any) -> list[CheckMessage]:
    """W045."""
    if not settings.DEBUG:
        return []
    message = "DEBUG is on: error pages show what a request carried, and social logins show their errors."
    return [_deploy("W045", message, "False")]


def check_logo(**_: Any) -> list[CheckMessage]:
    """W005."""
    logo = conf.inspect()[0].logo
    if not logo or is_url(logo) or not apps.is_installed("django.contrib.staticfiles") or finders.find(logo):
        return []
    return [
        Warning(
            f"AUTHKIT LOGO {logo!r} is no static file that Django finds, so pages and mails have no image.",
            hint='Write the path below a "static" folder, such as "mysite/logo.png", or a URL.',
            id="authkit.W005",
        )
    ]


def _deploy(number: str, message: str, value: str) -> CheckMessage:
    return Warning(message, hint=f"{message.split(' ', 1)[0]} = {value}", id=f"authkit.{number}")


CHECKS = (check_keys, check_logo, check_cors, check_cookie_prefixes, check_samesite_none)
DEPLOY_CHECKS = (
    check_generated_key,
    check_cookies,
    check_cookie_names,
    check_public_url,
    check_time_zone,
    check_debug,
)
