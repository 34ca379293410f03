"""The block: the core's sections, and the keys that stand outside of them."""

from __future__ import annotations

from dataclasses import dataclass

from authkit.conf.fields import Secret, section, setting
from authkit.conf.limiter import LimiterSettings
from authkit.conf.login import LoginSettings
from authkit.conf.mail import MailSettings
from authkit.conf.redis import RedisSettings
from authkit.conf.revocation import RevocationSettings
from authkit.conf.sessions import SessionSettings
from authkit.conf.tokens import TokenSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The whole block."""

    login: LoginSettings = section(LoginSettings)
    limiter: LimiterSettings = section(LimiterSettings)
    sessions: SessionSettings = section(SessionSettings)
    tokens: TokenSettings = section(TokenSettings)
    mail: MailSettings = section(MailSettings)
    revocation: RevocationSettings = section(RevocationSettings)
    redis: RedisSettings = section(RedisSettings)
    redis_url: Secret = setting(Secret(""))
    """The URL of a Redis server, as redis-py reads it: `redis://…`, `rediss://…` or `unix://…`. authkit works without
    one; see docs/redis.md."""
    trusted_proxies: int = setting(0, least=0, most=10)
    """How many of your own proxies append to `X-Forwarded-For`. With `0`, the address of a client is `REMOTE_ADDR`."""
    public_url: str = setting("")
    """The scheme and host under which people reach the site, for links and redirect URIs. Without it, those of the
    request."""
    site_name: str = setting("")
    """The name of the site on authkit's pages and in its mails. Without it, pages show none, and mails the host of
    `PUBLIC_URL`."""
    logo: str = setting("")
    """The image above authkit's pages and mails: the path of a static file, such as `"mysite/logo.svg"`, or a URL."""
