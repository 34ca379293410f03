"""For each kind of login, the reasons that end it.

A person's new password ends their sessions and token pairs. It does not have to end the key of a nightly job. Each kind
says here which reasons reach it; any other reason leaves its logins alone. A kind that isn't in the table ends for
every reason: a login that is over by mistake can be opened again, one that goes on by mistake can't be taken back.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from authkit.logins.reasons import EndReason, LoginKind

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

EVERY_REASON = frozenset(EndReason)

CONCERNS_THE_ROW = frozenset(
    (
        *(EndReason.LOGOUT, EndReason.REVOKED, EndReason.FORCED, EndReason.DEACTIVATED, EndReason.DELETED),
        *(EndReason.REUSED, EndReason.ORIGIN_ENDED, EndReason.LEAKED, EndReason.EXPIRED),
    )
)
"""Reasons that reach every kind: the login itself is ended, or its person may not be signed in anywhere any more."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of login, which is a row of the table."""

    id: str
    """As it stands in `Login.kind`; at most 32 characters."""
    label: StrOrPromise
    """The name for people, as in the admin; may be a lazy translation."""
    ended_by: Collection[EndReason] = ()
    """The reasons that end such a login, beside those of `CONCERNS_THE_ROW`. Asked at use, so that a collection of the
    feature's own may depend on its settings."""
    has_own_list: bool = False
    """Whether the feature lists these logins itself, so that the list of sign-ins leaves them out."""
    names: Callable[[Any], list[str]] | None = None
    """Is given a person's key, and returns the names of their live logins of this kind, for a mail that tells which
    credentials stay."""
    steps_up_at_client: bool = False
    """Whether its credential is that of a client which sends the person here to sign in anew. Such a client is asked to
    by a 401 (RFC 9470 section 3). Other programs refresh on a 401, which makes no login younger."""


_table: dict[str, Kind] = {kind.value: Kind(kind.value, kind.label, EVERY_REASON) for kind in LoginKind}


def register_kind(kind: Kind) -> None:
    """Adds the row of a kind; for `AppConfig.ready()`. Safe to call twice.

    Raises:
        ValueError: another kind has its id.
    """
    if _table.setdefault(kind.id, kind) != kind:
        raise ValueError(f"there is another kind of login {kind.id!r}")


def kind_choices() -> list[tuple[str, StrOrPromise]]:
    """The choices of `Login.kind`: every kind that is registered. Django calls it, so no migration lists them."""
    return [(kind.id, kind.label) for kind in _table.values()]


def ends(reason: EndReason, *, kind: str) -> bool:
    """Whether a login of this kind ends for this reason."""
    row = _table.get(kind)
    return row is None or reason in CONCERNS_THE_ROW or reason in row.ended_by


def spared_by(reason: EndReason) -> list[str]:
    """The kinds whose logins this reason leaves alone."""
    return [kind for kind in _table if not ends(reason, kind=kind)]


def beyond_cutoffs() -> list[str]:
    """The kinds that a person's ordinary cutoff leaves alone, because "sign out everywhere" raises it too. A login of
    such a kind is judged by its own row, by everybody's cutoff, and by `UserCutoff.lasting_before`."""
    return spared_by(EndReason.LOGOUT_ALL)


def reaches_beyond(reason: EndReason) -> bool:
    """Whether this reason ends logins that no cutoff of a person's ends, so that it raises their own cutoff as well
    (`UserCutoff.lasting_before`)."""
    return any(ends(reason, kind=kind) for kind in beyond_cutoffs())


def kinds_with_own_list() -> list[str]:
    """The kinds that the list of sign-ins leaves out."""
    return [kind.id for kind in _table.values() if kind.has_own_list]


def steps_up_at_client(kind: str) -> bool:
    """Whether a login of this kind is made younger by its client (`Kind.steps_up_at_client`)."""
    row = _table.get(kind)
    return row is not None and row.steps_up_at_client


def names_spared_by(reason: EndReason, *, user_id: Any) -> list[tuple[StrOrPromise, str]]:
    """The live logins of a person that this reason leaves alone, as far as their kinds name them: kind and name."""
    spared = (_table[kind] for kind in spared_by(reason))
    return [(kind.label, name) for kind in spared if kind.names is not None for name in kind.names(user_id)]
