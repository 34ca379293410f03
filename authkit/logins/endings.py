"""For each kind of login, the reasons that end it.

A person's new password ends their sessions and token pairs. It does not have to end the key of a nightly job. Each kind
says here which reasons reach it; any other reason leaves its logins alone. A kind that isn't in the table ends for
every reason: a login that is over by mistake can be opened again, one that goes on by mistake can't be taken back.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from authkit.logins.reasons import EndReason, LoginKind

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

EVERY_REASON = frozenset(EndReason)

CONCERNS_THE_ROW = frozenset(
    (
        *(EndReason.LOGOUT, EndReason.REVOKED, EndReason.FORCED, EndReason.DEACTIVATED, EndReason.DELETED),
        *(EndReason.REUSED, EndReason.ORIGIN_ENDED, EndReason.EXPIRED),
    )
)
"""Reasons that reach every kind: the login itself is ended, or its person may not be signed in anywhere any more."""

_table: dict[str, frozenset[EndReason]] = {
    LoginKind.SESSION: EVERY_REASON,
    LoginKind.TOKEN: EVERY_REASON,
}


_labels: dict[str, StrOrPromise] = {kind.value: kind.label for kind in LoginKind}


def register_kind(kind: str, *, label: StrOrPromise, ended_by: Iterable[EndReason]) -> None:
    """Adds the row of a feature's kind; for `AppConfig.ready()`.

    Args:
        kind: as it stands in `Login.kind`; at most 32 characters.
        label: for people, as in the admin.
        ended_by: the reasons that end such a login. Those of `CONCERNS_THE_ROW` are added.
    """
    _table[kind] = CONCERNS_THE_ROW.union(ended_by)
    _labels[kind] = label


def kind_choices() -> list[tuple[str, StrOrPromise]]:
    """The choices of `Login.kind`: every kind that is registered. Django calls it, so no migration lists them."""
    return list(_labels.items())


def ends(reason: EndReason, *, kind: str) -> bool:
    """Whether a login of this kind ends for this reason."""
    return reason in _table.get(kind, EVERY_REASON)


def spared_by(reason: EndReason) -> list[str]:
    """The kinds whose logins this reason leaves alone."""
    return [kind for kind, reasons in _table.items() if reason not in reasons]


def beyond_cutoffs() -> list[str]:
    """The kinds that no cutoff of a person's ends. "Sign out everywhere" raises it too. So a login of such a kind is
    judged by its own row, to which every ending that reaches it writes, and by everybody's cutoff."""
    return spared_by(EndReason.LOGOUT_ALL)
