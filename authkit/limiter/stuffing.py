"""Notices credential stuffing: tries with many names, a few for each, which no counter of one name sees.

Two rules, asked after each failure of a name:

- *The site*: in the current minute at least LIMITER.STUFFING_FAILURES tries failed, and more than four times the median
  of the minutes of the last 24 hours. A large site has a hundred mistyped passwords a minute on an ordinary day.
- *A network*: tries with more than about LIMITER.STUFFING_NAMES names failed from it within 10 minutes.

Then `stuffing.suspected` is announced, once, and the suspicion goes on until the rule has not held for 15 minutes. With
LIMITER.CHALLENGE each first try needs a challenge meanwhile, but that of a known device.

Names are counted without being stored: each sets one of 63 bits of the network's row, and how many bits are set says
about how many names there were (linear counting). So a network has one row for five minutes, however many names it
tries, and a failure costs three short statements. The site's row is written by every process: a process is bounded to
some failures a second by its hash gate, so the row is not what limits it.

The database counts with both back ends of the limiter. It is written at each failure anyway, and what is counted here
lets no try through, so nothing is gained by a second way of counting.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from statistics import median

from django.db import IntegrityError, router, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from authkit import conf
from authkit.core.clients import Client
from authkit.limiter.charges import Charge
from authkit.limiter.events import StuffingSuspected, tell
from authkit.limiter.failure_counts import FailureCount
from authkit.limiter.names import NAME, key_of, network_of

SITE, NETWORK, SUSPECTED = "site", "network", "suspected"

TIMES_THE_MEDIAN = 4
DAY = 24 * 60
"""Minutes of which the median is taken; a minute without a row had no failure."""
SLOT = 5
"""Minutes of one row of a network. Three of them have the last 10 minutes, and up to 5 more."""
SLOTS = 3
GOES_ON = 15
"""Minutes for which a suspicion goes on after its rule held last."""
BITS = 63


@dataclass(frozen=True, slots=True)
class _Found:
    scope: str
    network: str
    failures: int
    names: int


def note_failure(*, subject: Charge | None, network: Charge | None, client: Client) -> None:
    """Counts a failure, and suspects the site or the network by the rules above.

    Args:
        subject: what the try was charged to. Only failures of a name count: a known device stuffs no credentials.
        network: the network's charge; None where it has none, because it is exempt or not known.
        client: from where.
    """
    if subject is None or subject.scope != NAME:
        return
    minute = _minute()
    site = _site_key(minute)
    _count(site, SITE, minute, 0)
    slots = [] if network is None else [_network_key(network.key, minute // SLOT - back) for back in range(SLOTS)]
    if slots:
        _count(slots[0], NETWORK, minute // SLOT * SLOT, 1 << int(subject.key, 16) % BITS)
    site_suspected, network_suspected = _subject_key(SITE), "" if network is None else _subject_key(network.key)
    keys = [site, *slots, site_suspected, network_suspected]
    rows = {row.key: row for row in FailureCount.objects.filter(pk__in=list(filter(None, keys)))}
    settings, until = conf.current().limiter, minute + GOES_ON
    here = rows[site].failures if site in rows else 0
    if (
        here >= settings.stuffing_failures
        and _end_of(rows, site_suspected) < until
        and here > TIMES_THE_MEDIAN * _median(minute)
    ):
        _suspect(site_suspected, minute, _Found(SITE, "", here, 0))
    found = [rows[key] for key in slots if key in rows]
    names = _how_many(found)
    if network is not None and names > settings.stuffing_names and _end_of(rows, network_suspected) < until:
        failures = sum(row.failures for row in found)
        place = network_of(client.address or "", ipv6_prefix=settings.ipv6_prefix)
        _suspect(network_suspected, minute, _Found(NETWORK, place, failures, names))


def _end_of(rows: dict[str, FailureCount], key: str) -> int:
    return rows[key].slot if key in rows else 0


def is_suspected(*, network: Charge | None) -> bool:
    """Whether the site, or this network, is suspected now; one statement."""
    keys = [_subject_key(SITE)]
    if network is not None:
        keys.append(_subject_key(network.key))
    return FailureCount.objects.filter(pk__in=keys, slot__gt=_minute()).exists()


def prunable_failures(*, keep: timedelta) -> QuerySet[FailureCount]:
    """Counts that no rule asks for any more, and that are at least `keep` old."""
    return FailureCount._base_manager.filter(slot__lt=_minute() - max(DAY, keep // timedelta(minutes=1)))


def _minute() -> int:
    return int(timezone.now().timestamp()) // 60


def _site_key(minute: int) -> str:
    return key_of("stuffing", f"{SITE} {minute}")


def _network_key(network: str, slot: int) -> str:
    return key_of("stuffing", f"{network} {slot}")


def _subject_key(subject: str) -> str:
    return key_of("stuffing", f"{SUSPECTED} {subject}")


def _count(key: str, scope: str, slot: int, bit: int) -> None:
    counted = (
        {"failures": F("failures") + 1, "names": F("names").bitor(bit)} if bit else {"failures": F("failures") + 1}
    )
    row = FailureCount.objects.filter(pk=key)
    if not row.update(**counted) and not _insert(FailureCount(key=key, scope=scope, slot=slot, failures=1, names=bit)):
        row.update(**counted)  # another process has written it in between


def _insert(row: FailureCount) -> bool:
    try:
        with transaction.atomic(using=router.db_for_write(FailureCount)):
            row.save(force_insert=True)
    except IntegrityError:
        return False
    return True


@lru_cache(maxsize=2)
def _median(minute: int) -> float:
    # Once a minute in each process: on a large site every failure would ask for it, and read 1,440 rows.
    counts = FailureCount.objects.filter(scope=SITE, slot__gte=minute - DAY, slot__lt=minute)
    known = list(counts.values_list("failures", flat=True)[:DAY])
    return median([*known, *[0] * (DAY - len(known))])


def _how_many(rows: list[FailureCount]) -> int:
    bits = 0
    for row in rows:
        bits |= row.names
    empty = BITS - bits.bit_count()
    return round(BITS * math.log(BITS / max(empty, 0.5)))


def _suspect(key: str, minute: int, found: _Found) -> None:
    """Begins a suspicion, or has it go on. One conditional write says which process announces its beginning."""
    until = minute + GOES_ON
    row = FailureCount.objects.filter(pk=key)
    if row.filter(slot__gt=minute).update(slot=until):
        return
    began = row.filter(slot__lte=minute).update(slot=until)
    if began or _insert(FailureCount(key=key, scope=SUSPECTED, slot=until)):
        tell(StuffingSuspected(scope=found.scope, network=found.network, failures=found.failures, names=found.names))


def forget() -> None:
    """Asks the database for the median again, for tests."""
    _median.cache_clear()
