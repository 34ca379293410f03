"""The only reader of `settings.AUTHKIT`: frozen objects with defaults, read at use.

    from authkit import conf
    conf.current().tokens.access_lifetime

No code keeps what `current()` returns beyond one call, so `override_settings(AUTHKIT=...)` reaches everything.

Each section has a file of its own here. A feature has its section in its own `settings.py`, which its
`Feature.settings` names, and reads it by `conf.section(ItsSettings)`.
"""

from authkit.conf import sections
from authkit.conf.block import Settings
from authkit.conf.fields import Hook, KeySource, Secret
from authkit.conf.in_force import Origin, current, inspect, origins, section
from authkit.conf.limiter import LimiterSettings
from authkit.conf.login import LoginSettings
from authkit.conf.mail import MailSettings
from authkit.conf.reading import Problem, parse
from authkit.conf.redis import RedisSettings
from authkit.conf.revocation import RevocationSettings
from authkit.conf.sessions import SessionSettings
from authkit.conf.tokens import TokenSettings

__all__ = [
    "Hook",
    "KeySource",
    "LimiterSettings",
    "LoginSettings",
    "MailSettings",
    "Origin",
    "Problem",
    "RedisSettings",
    "RevocationSettings",
    "Secret",
    "SessionSettings",
    "Settings",
    "TokenSettings",
    "current",
    "inspect",
    "origins",
    "parse",
    "section",
    "sections",
]
