"""Redis: whether it is named once, readably, and whether the features that need it have it.

No server is asked: a check is no probe. `manage.py authkit_doctor` is one.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004

from authkit import conf
from authkit.redis.replies import RedisUnavailable

_SCHEMES = ("redis", "rediss", "unix")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_EXTRA = 'pip install "django-authkit[redis]" brings it.'


def check_way(**_: Any) -> list[CheckMessage]:
    """E080 to E083."""
    block, _problems = conf.inspect()
    return [*_named_twice(block), *_url(block), *_cache(block), *_cluster(block)]


def _named_twice(block: conf.Settings) -> Iterator[CheckMessage]:
    if block.redis_url and block.redis.cache:
        yield Error(
            "AUTHKIT has both REDIS_URL and REDIS.CACHE, which may name two servers.",
            hint="Remove one of them; with both, REDIS.CACHE counts.",
            id="authkit.E080",
        )


def _url(block: conf.Settings) -> Iterator[CheckMessage]:
    # Never the URL itself, nor a parser's error about it: it may hold a password.
    if (text := _text(block)) is None or (_split(text) is not None and _is_readable(block)):
        return
    yield Error(
        "AUTHKIT REDIS_URL can't be read.",
        hint="Write redis://:<password>@<host>:6379/0, rediss://… for TLS, or unix://<path>; in a password, "
        "/ # ? @ and % have to be percent-encoded; options after ? are those of redis-py.",
        id="authkit.E081",
    )


def _is_readable(block: conf.Settings) -> bool:
    """Whether redis-py takes it. An option that it doesn't know is an outage that never ends."""
    try:
        # Not at the top: redis-py is an extra. A connection is made at use, so this asks no server.
        from authkit.redis import sources
    except ModuleNotFoundError:
        return True  # E085 says so
    try:
        sources.connection_of(sources.read_url(block.redis_url), block.redis.timeout.total_seconds())
    except RedisUnavailable:
        return False
    return True


def _cache(block: conf.Settings) -> Iterator[CheckMessage]:
    alias = block.redis.cache
    if not alias:
        return
    if alias not in settings.CACHES:
        yield Error(
            f"AUTHKIT REDIS.CACHE is {alias!r}, which is not in CACHES.",
            hint=f"Known aliases: {', '.join(sorted(settings.CACHES))}.",
            id="authkit.E082",
        )
    elif not _lends_connections(alias):
        yield Error(
            f"AUTHKIT REDIS.CACHE is {alias!r}, and that is no django-redis cache that can be used.",
            hint='Its BACKEND has to be "django_redis.cache.RedisCache", with a client for one server or for Sentinel; '
            f"for a server without Sentinel there is REDIS_URL. {_EXTRA}",
            id="authkit.E082",
        )


def _lends_connections(alias: str) -> bool:
    # django-redis connects at use, so this asks no server.
    try:
        from django_redis import get_redis_connection

        return hasattr(get_redis_connection(alias, write=True), "connection_pool")
    except Exception:  # noqa: BLE001 - whatever the back end raises for what it is given
        return False


def _cluster(block: conf.Settings) -> Iterator[CheckMessage]:
    if not block.redis.cluster:
        return
    if not block.redis_url:
        why = "there is no REDIS_URL, which it is about"
    elif (text := _text(block)) is None or (parts := _split(text)) is None:
        return
    elif parts.scheme == "unix":
        why = "REDIS_URL is a socket on this machine"
    elif parts.path.strip("/") not in ("", "0") or parse_qs(parts.query).get("db", ["0"]) != ["0"]:
        why = "REDIS_URL names a database by its number, and a cluster has number 0 alone"
    else:
        return
    yield Error(
        f"AUTHKIT REDIS.CLUSTER is True, and {why}.",
        hint="Let REDIS_URL be redis://<host>:<port> of any node of the cluster, or remove REDIS.CLUSTER.",
        id="authkit.E083",
    )


def check_needs(**_: Any) -> list[CheckMessage]:
    """E084 to E086."""
    block, _problems = conf.inspect()
    configured = bool(block.redis_url or block.redis.cache)
    return [*_nothing_named(block, configured=configured), *_not_installed(block, configured=configured)]


def _nothing_named(block: conf.Settings, *, configured: bool) -> Iterator[CheckMessage]:
    if configured:
        return
    needed = {
        f'REVOCATION.CHECK "{block.revocation.check}"': block.revocation.check != "database",
        'SESSIONS.ENGINE "redis"': block.sessions.engine == "redis",
        'LIMITER.BACKEND "redis"': block.limiter.backend == "redis",
    }
    for name in (name for name, is_needed in needed.items() if is_needed):
        yield Error(
            f"AUTHKIT {name} needs a Redis, and none is named.",
            hint="Set REDIS_URL, or REDIS.CACHE to the alias of a django-redis cache.",
            id="authkit.E084",
        )


def _not_installed(block: conf.Settings, *, configured: bool) -> Iterator[CheckMessage]:
    if configured and find_spec("redis") is None:
        yield Error(
            "AUTHKIT names a Redis, and redis-py is not installed: nothing would ever use that Redis.",
            hint=_EXTRA,
            id="authkit.E085",
        )
    if configured and block.revocation.check == "push" and find_spec("hiredis") is None:
        yield Error(
            'AUTHKIT REVOCATION.CHECK "push" needs hiredis, which is not installed: it would be "redis" all the time.',
            hint=_EXTRA,
            id="authkit.E086",
        )


def check_exposure(**_: Any) -> list[CheckMessage]:
    """W080 (deploy)."""
    block, _problems = conf.inspect()
    if (text := _text(block)) is None or (parts := _split(text)) is None or parts.scheme == "unix":
        return []
    if parts.hostname in _LOOPBACK or parts.password or parse_qs(parts.query).get("password"):
        return []
    return [
        Warning(
            "AUTHKIT REDIS_URL names another machine, and no password: an attacker who can reach that port can delete "
            "hints of revocations, and read or end the sessions that are stored there.",
            hint="Give the server a password (requirepass, or a user of its own), and use rediss:// where the network "
            "isn't yours alone. Silence this if TLS client certificates do it.",
            id="authkit.W080",
        )
    ]


def _text(block: conf.Settings) -> str | None:
    # A callable isn't asked: it may be a vault that the machine which runs the checks can't reach.
    return None if not block.redis_url or block.redis_url.is_callable else block.redis_url.reveal()


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    where = parts.path if parts.scheme == "unix" else parts.hostname
    return parts if parts.scheme in _SCHEMES and where else None


CHECKS = (check_way, check_needs)
DEPLOY_CHECKS = (check_exposure,)
