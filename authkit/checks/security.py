"""Keys, always; cookies, hosts and DEBUG when deploying."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004
from django.core.checks.security.base import SECRET_KEY_INSECURE_PREFIX

from authkit import conf
from authkit.core.secret_keys import named_secrets
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


def check_token_cookies(**_: Any) -> list[CheckMessage]:
    """W047 (ASVS 3.3.1)."""
    if settings.SESSION_COOKIE_SECURE or not _sets_token_cookies():
        return []
    return [
        Warning(
            "SESSION_COOKIE_SECURE is off: token cookies go without Secure and without their __Host- and __Secure- "
            "prefixes wherever Django takes a request for one without TLS, behind a proxy for instance.",
            hint='SESSION_COOKIE_SECURE = True, or AUTHKIT TOKENS.TRANSPORTS = ["body"] if no client wants cookies.',
            id="authkit.W047",
        )
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
            "sends cookies for, such as sibling subdomains, can read what your people see.",
            hint="Name the origins of your front ends in CORS_ALLOWED_ORIGINS.",
            id="authkit.W048",
        )
    ]


def _sets_token_cookies() -> bool:
    return set(conf.inspect()[0].tokens.transports) != {"body"}


def check_hosts(**_: Any) -> list[CheckMessage]:
    """W044, W046."""
    block, _problems = conf.inspect()
    found: list[CheckMessage] = []
    if "*" in settings.ALLOWED_HOSTS and block.social.providers and not block.public_url:
        found.append(
            Warning(
                'ALLOWED_HOSTS has "*" and AUTHKIT PUBLIC_URL is empty: the redirect URI of a social login follows '
                "whatever Host header a request brings.",
                hint='Name your hosts in ALLOWED_HOSTS, or set PUBLIC_URL to "https://www.example.com".',
                id="authkit.W044",
            )
        )
    if block.public_url.startswith("http://"):
        found.append(
            Warning("AUTHKIT PUBLIC_URL has no TLS.", hint="Write it with https://.", id="authkit.W046")
        )  # fmt: skip
    return found


def check_time_zone(**_: Any) -> list[CheckMessage]:
    """E049 (deploy)."""
    if settings.USE_TZ:
        return []
    return [
        Error(
            "USE_TZ is off: the times by which logins run out and are cut off are local ones, and in autumn an hour of "
            "them comes twice.",
            hint="USE_TZ = True; Django's page on time zones says what to do with the times that are stored.",
            id="authkit.E049",
        )
    ]


def check_debug(**_: Any) -> list[CheckMessage]:
    """W045."""
    if not settings.DEBUG:
        return []
    message = "DEBUG is on: error pages show what a request carried, and social logins show their errors."
    return [_deploy("W045", message, "False")]


def _deploy(number: str, message: str, value: str) -> CheckMessage:
    return Warning(message, hint=f"{message.split(' ', 1)[0]} = {value}", id=f"authkit.{number}")


CHECKS = (check_keys, check_cors)
DEPLOY_CHECKS = (check_generated_key, check_cookies, check_token_cookies, check_hosts, check_time_zone, check_debug)
