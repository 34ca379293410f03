"""Credentials that no repr shows (ASVS 14.2.1, 16.2.5), and errors that are logged without what they passed.

Error reports hold the local variables of each frame that an exception passed: Django's (mails to ADMINS) and, more
often, those of a service that collects them. `sensitive_variables` is known to Django's alone, and the decorator's own
frame holds the arguments as they were given. So a credential is a `Hidden` from the moment that it is read: whatever
frame holds it, its own library's or a hasher's too, the report says `<hidden>`.
"""

from __future__ import annotations

import traceback


class Hidden(str):
    """A password, session id, token or code: text in every use but its repr.

    A part of it (a slice, a part of `split()`, bytes) is ordinary text again, and is wrapped again if it is a
    credential and outlives the line.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "<hidden>"


def hide(text: str) -> Hidden:
    """The same text as `Hidden`; not copied again if it is that already."""
    return text if type(text) is Hidden else Hidden(text)


def traced(error: BaseException) -> str:
    """The error and its causes as text, with the lines of code that they passed and without any value.

    In place of `exc_info`, whose frames a log handler may send on with all that they hold.
    """
    return "".join(traceback.format_exception(error)).rstrip()
