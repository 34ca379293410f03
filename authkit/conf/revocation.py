"""The section REVOCATION."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from authkit.conf.fields import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationSettings:
    """How an access token is checked against its login, and what ends logins without being asked to."""

    check: str = setting("database", choices=("database", "redis", "push"))
    """How an access token is checked. `"database"` uses the SQL statement that loads the user. `"redis"` uses one Redis
    command. `"push"` uses a table in the process, to which Redis sends each revocation. Sessions are always checked by
    SQL; see docs/redis.md."""
    bound: timedelta = setting(timedelta(seconds=2), least=timedelta(milliseconds=200), most=timedelta(seconds=60))
    """For `"redis"` and `"push"`: the longest time for which a process may accept a login that has ended, if its
    connection was cut. Each process asks the database once in half of this time."""
    seen_logins: int = setting(50_000, least=1, most=10_000_000)
    """For `"redis"` and `"push"`: how many logins a process remembers as alive. It asks the database about each other
    one. One takes about 350 bytes."""
    email_change: str = setting("end_others", choices=("end_others", "keep"))
    """What a new e-mail address does to the person's logins. `"end_others"` ends all of them but the one by which the
    address was changed. `"keep"` ends none."""
    spare_superusers: bool = setting(True)
    """Whether, in the admin, only a superuser may end the logins of a superuser. A help desk's permission to force
    people out is then no way to keep the superusers out; see docs/force-logout.md#what-the-permission-means."""
