"""The mail about a success that came after many failures (ASVS 6.3.5): it may be a guess that was right."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from authkit import conf
from authkit.events import register_recorder
from authkit.limiter.events import BudgetCleared
from authkit.mail import links, not_me
from authkit.mail.notices import tell


def connect() -> None:
    """Registers the recorder. Safe to call twice."""
    register_recorder(record_success, names=(BudgetCleared.name,), when=_is_told)


def record_success(event: Any) -> None:
    """Writes to the person who signed in after MAIL.FAILURES wrong passwords, or more."""
    if event.failures < conf.current().mail.failures:
        return
    facts = [
        (_("Wrong passwords before that"), str(event.failures)),
        (_("Device"), event.client.device),
        (_("IP address at sign-in"), event.client.address),
        (_("Signed in"), timezone.now()),
    ]
    tell(get_user_model()._base_manager.get(pk=event.user_id), "success_after_failures", facts=facts)


def _is_told() -> bool:
    return conf.current().mail.failures > 0 and links.can_link(not_me.PAGE)
