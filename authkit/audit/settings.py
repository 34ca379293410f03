"""The section AUDIT."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from authkit.conf.fields import Hook, Secret, setting

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSettings:
    """The table of events."""

    log_only: tuple[str, ...] = setting(("token.refreshed", "crowd.ended"))
    """Names of events that the logger `authkit.audit` gets and the table does not. A refresh that is stored costs a
    transaction with one row more, at each refresh. See docs/audit.md for the names."""
    keep: timedelta = setting(timedelta(days=400), least=DAY)
    """How long `authkit_prune` leaves an event in the table."""
    keep_failures: timedelta = setting(timedelta(days=90), least=DAY)
    """The same for events whose outcome is `failure`, such as a wrong password."""
    context: Hook = setting(Hook(""), call=Callable[[Any], dict[str, Any]])
    """A callable `context(request)`, or its dotted path, that returns a dict of your own for `extra["context"]` of each
    row. It is called inside the transaction of the event, with `None` outside of a request. It must be fast. Beyond
    2 KiB the dict is left out."""
    show_failed_ip: bool = setting(False)
    """Whether a person sees the addresses from which other callers failed to sign in under the person's name."""
    seal_key: Secret = setting(Secret(""))
    """The key of the seals, of 32 bytes or more. Without one it is derived from `SECRET_KEY`, and the seals made under
    an older `SECRET_KEY` hold as long as that key is in `SECRET_KEY_FALLBACKS`."""
