"""The section MAIL."""

from __future__ import annotations

from dataclasses import dataclass

from authkit.conf.fields import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class MailSettings:
    """The mails that authkit writes, and how they leave its queue."""

    deliver: str = setting("thread", choices=("thread", "command"))
    """What sends the mails that are queued. `"thread"` uses a thread of each process that queues some. `"command"`
    leaves all of them to `manage.py authkit_deliver`. No request waits for a mail server; see docs/mail.md."""
    from_address: str = setting("")
    """The sender. Without it, Django's `DEFAULT_FROM_EMAIL`."""
    failures: int = setting(5, least=0, most=1_000)
    """From how many wrong passwords in a row the sign-in that follows them is told to the owner by mail. `0` sends no
    such mail. Its link needs `PUBLIC_URL`."""
    new_device: str = setting("mail", choices=("mail", "off"))
    """Whether the owner gets a mail after a sign-in from a device and a network that have no login of theirs from the
    last 90 days. Its link needs `PUBLIC_URL`: without that, no such mail is sent."""
