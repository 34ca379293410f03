"""Seals: a proof over all events of a range, so that a row that was changed, deleted or added by SQL is found (ASVS
16.4.2, 16.4.3).

A chain over the rows themselves would serialise all writers, and a person who can write the table could compute it
anew. A seal is made afterwards, over a range that is over, with a key that the database doesn't have. It names the seal
before it, and its `mac` goes to the log, which a project sends to another machine: so the newest seal can't be deleted
unseen either.

An id is made before its transaction commits. So a range ends 5 minutes ago, and a transaction that takes longer leaves
a row that `verify` calls added.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import router, transaction
from django.utils import timezone

from authkit import conf
from authkit.audit.events import AuditSealed
from authkit.audit.models import AuditSeal, Event
from authkit.audit.pruning import events_of_kind, horizon
from authkit.audit.settings import AuditSettings
from authkit.core.identifiers import first_uuid7_at
from authkit.core.secret_keys import fit_fallbacks, in_bytes
from authkit.events import announce

SETTLED = timedelta(minutes=5)
"""Events are sealed once they are this old."""
MOST_ROWS = 10_000
"""Rows under one seal, which are read at once."""

_SALT = b"authkit.audit.seal"
_ENTRY = 24
"""Bytes for each row in `AuditSeal.rows`: 16 of its id, 8 of its digest."""
_BEGINNING = first_uuid7_at(datetime(1970, 1, 1, tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class Sealed:
    """One seal that was set: over the failures or all other events, and how many."""

    failures: bool
    count: int
    upto: UUID
    mac: str


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not hold."""

    what: str
    """"row_changed", "row_missing", "row_added", "seal_missing" (the one before is gone) or "seal_changed" (or its key
    is not ours any more)."""
    seal_id: Any
    event_id: UUID | None = None

    @property
    def at(self) -> datetime | None:
        """When the event happened, by its id."""
        return None if self.event_id is None else _time_of(self.event_id)


def seal() -> Iterator[Sealed]:
    """Seals all events that are older than 5 minutes and have no seal yet, each seal in a transaction of its own.

    Raises:
        IntegrityError: another process is doing the same. Run it again.
    """
    border = first_uuid7_at(timezone.now() - SETTLED)
    for failures in (False, True):
        while (made := _seal_next(failures=failures, border=border)) is not None:
            yield made


def verify() -> Iterator[Finding]:
    """Everything that does not hold, oldest first, and nothing else. Reads one range at a time.

    Ranges that are older than AUDIT.KEEP may have been pruned, and only their seals are looked at.
    """
    keys = _keys()
    for failures in (False, True):
        yield from _verify_series(failures=failures, keys=keys)


def newest() -> list[AuditSeal]:
    """The last seal of each series, without its rows; to be compared with the log."""
    of = AuditSeal._base_manager.defer("rows")
    found = (of.filter(failures=failures).order_by("-upto").first() for failures in (False, True))
    return [each for each in found if each is not None]


def _seal_next(*, failures: bool, border: UUID) -> Sealed | None:
    using = router.db_for_write(AuditSeal)
    with transaction.atomic(using=using):
        last = AuditSeal._base_manager.using(using).filter(failures=failures).order_by("-upto").defer("rows").first()
        after = _BEGINNING if last is None else last.upto
        if after >= border:
            return None
        found = list(_range(failures=failures, after=after, upto=border)[:MOST_ROWS])
        # A full page ends at its last row, and the rest gets the next seal.
        upto = found[-1].pk if len(found) == MOST_ROWS else border
        made = _made(found, failures=failures, after=after, upto=upto, previous="" if last is None else last.mac)
        made.save(force_insert=True, using=using)
        announce(
            AuditSealed(
                kind="failures" if failures else "events",
                upto=str(upto),
                count=made.count,
                digest=made.digest,
                mac=made.mac,
            ),
            sender=AuditSeal,
            using=using,
        )
    return Sealed(failures=failures, count=made.count, upto=upto, mac=made.mac)


def _made(events: list[Event], *, failures: bool, after: UUID, upto: UUID, previous: str) -> AuditSeal:
    digests = [_digest(event) for event in events]
    made = AuditSeal(
        failures=failures,
        after=after,
        upto=upto,
        count=len(events),
        digest=_whole(events, digests),
        rows=b"".join(_entry(event, digest) for event, digest in zip(events, digests, strict=True)),
        previous=previous,
        sealed_at=timezone.now(),
    )
    made.mac = _mac(made, _keys()[0])
    return made


def _verify_series(*, failures: bool, keys: list[bytes]) -> Iterator[Finding]:
    pruned_to = horizon(failures=failures)
    before: AuditSeal | None = None
    ids = AuditSeal._base_manager.filter(failures=failures).order_by("upto").values_list("pk", flat=True)
    for pk in list(ids):
        each = AuditSeal._base_manager.get(pk=pk)
        holds = any(hmac.compare_digest(_mac(each, key), each.mac) for key in keys)
        if not holds:
            yield Finding("seal_changed", each.pk)
        if not _follows(each, before, pruned_to=pruned_to):
            yield Finding("seal_missing", each.pk)
        if holds and each.upto > pruned_to:
            yield from _compare(each)
        before = each


def _follows(each: AuditSeal, before: AuditSeal | None, *, pruned_to: UUID) -> bool:
    if before is None:
        # The first one there ever was, or the first that pruning left.
        return not each.previous or each.after <= pruned_to
    return each.after == before.upto and each.previous == before.mac


def _compare(each: AuditSeal) -> Iterator[Finding]:
    sealed = _entries(bytes(each.rows))
    actual = list(_range(failures=each.failures, after=each.after, upto=each.upto))
    digests = [_digest(event) for event in actual]
    if len(actual) == each.count and _whole(actual, digests) == each.digest:
        return
    found = {event.pk: digest[:8] for event, digest in zip(actual, digests, strict=True)}
    for event_id in sorted(sealed.keys() | found.keys()):
        if event_id not in found:
            yield Finding("row_missing", each.pk, event_id)
        elif event_id not in sealed:
            yield Finding("row_added", each.pk, event_id)
        elif found[event_id] != sealed[event_id]:
            yield Finding("row_changed", each.pk, event_id)


def _range(*, failures: bool, after: UUID, upto: UUID) -> Any:
    using = router.db_for_write(Event)
    return events_of_kind(failures=failures).using(using).filter(pk__gt=after, pk__lte=upto).order_by("pk")


def _digest(event: Event) -> bytes:
    """Of all columns, in a form that is the same on every database."""
    values = [
        str(event.pk),
        event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        event.name,
        event.outcome,
        event.reason,
        None if event.user_id is None else str(event.user_id),
        None if event.actor_id is None else str(event.actor_id),
        None if event.login_id is None else str(event.login_id),
        event.door,
        event.method,
        event.ip,
        event.device,
        event.request_id,
        event.count,
        event.extra,
    ]
    return hashlib.sha256(json.dumps(values, sort_keys=True, separators=(",", ":")).encode()).digest()


def _whole(events: list[Event], digests: list[bytes]) -> str:
    whole = hashlib.sha256()
    for event, digest in zip(events, digests, strict=True):
        whole.update(event.pk.bytes + digest)
    return whole.hexdigest()


def _entry(event: Event, digest: bytes) -> bytes:
    return bytes(event.pk.bytes + digest[:8])


def _entries(rows: bytes) -> dict[UUID, bytes]:
    starts = range(0, len(rows), _ENTRY)
    return {UUID(bytes=rows[start : start + 16]): rows[start + 16 : start + _ENTRY] for start in starts}


def _mac(each: AuditSeal, key: bytes) -> str:
    said = [
        "authkit seal 1",
        each.failures,
        str(each.after),
        str(each.upto),
        each.count,
        each.digest,
        hashlib.sha256(bytes(each.rows)).hexdigest(),
        each.previous,
        each.sealed_at.astimezone(UTC).isoformat(timespec="microseconds"),
    ]
    return hmac.new(key, json.dumps(said).encode(), hashlib.sha256).hexdigest()


def _keys() -> list[bytes]:
    """The key that seals, and those that older seals may have been made with."""
    own = conf.section(AuditSettings).seal_key
    secrets = [settings.SECRET_KEY, *fit_fallbacks()]
    derived = [hmac.new(in_bytes(secret), _SALT, hashlib.sha256).digest() for secret in secrets]
    # A project that has set a SEAL_KEY since has older seals by SECRET_KEY.
    return [own.reveal().encode(), *derived] if own else derived


def _time_of(event_id: UUID) -> datetime:
    return datetime.fromtimestamp((event_id.int >> 80) / 1000, UTC)
