"""Summaries of live logins for a person who is about to end them: whose, how many, which kinds, on which devices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from django.db.models import Count, Max

from authkit.logins.endings import kind_choices
from authkit.logins.models import Login
from authkit.logins.reasons import LoginKind

_BATCH = 500
"""Keys per statement: databases limit the parameters of one."""


@dataclass(frozen=True, slots=True)
class LoginsSummary:
    """Live logins: how many, how many of each kind (`Login.kind`).

    Of one person also the devices and the addresses by name, most frequent first, without those that told none, and
    when the latest was seen; of several people how many they are, and how many logins there are by each method.
    """

    count: int = 0
    kinds: tuple[tuple[str, int], ...] = ()
    devices: tuple[str, ...] = ()
    people: int = 0
    methods: tuple[tuple[str, int], ...] = ()
    addresses: tuple[str, ...] = ()
    last_seen_at: datetime | None = None

    @property
    def kinds_text(self) -> str:
        """The kinds for people to read, such as "session: 2, token: 1"; empty if there are none."""
        labels = dict(kind_choices())  # a kind whose app was taken out of the project has none
        return ", ".join(f"{labels.get(kind, kind)}: {count}" for kind, count in self.kinds)

    @property
    def methods_text(self) -> str:
        """The same for the methods."""
        return ", ".join(f"{method}: {count}" for method, count in self.methods)


def summaries_of(*, user_ids: Iterable[Any]) -> dict[Any, LoginsSummary]:
    """The live logins of each of these people, by the rows and the cutoffs, as ending them would count them.

    Args:
        user_ids: primary keys, as the user model has them.

    Returns:
        One summary for each key, in the order given; an empty one for a person who has no live login.
    """
    user_ids = list(user_ids)
    kinds: dict[Any, Counter[str]] = {key: Counter() for key in user_ids}
    devices: dict[Any, Counter[str]] = {key: Counter() for key in user_ids}
    addresses: dict[Any, Counter[str]] = {key: Counter() for key in user_ids}
    seen: dict[Any, datetime] = {}
    for batch in _batches(user_ids):
        rows = Login.objects.live().filter(user_id__in=batch).order_by("user_id", "kind", "device", "ip")
        grouped = rows.values_list("user_id", "kind", "device", "ip").annotate(Count("pk"), Max("last_seen_at"))
        for user_id, kind, device, ip, count, last in grouped:
            kinds[user_id][kind] += count
            if device:
                devices[user_id][device] += count
            if ip:
                addresses[user_id][ip] += count
            seen[user_id] = max(last, seen.get(user_id, last))
    return {key: _summary(kinds[key], devices[key], addresses[key], seen.get(key)) for key in user_ids}


def summary_where(
    *,
    method: str | None = None,
    before: datetime | None = None,
    user_id: Any = None,
    kind: LoginKind | None = None,
    spare_superusers: bool = False,
) -> LoginsSummary:
    """Counts the logins that `services.end_logins_where` would end with the same arguments, and without arguments those
    that `end_all_logins` would end. Two statements, which read every such login.

    Args:
        method, before, user_id, kind, spare_superusers: as `end_logins_where`.
    """
    logins = Login.objects.where(
        method=method, before=before, user_id=user_id, kind=kind, spare_superusers=spare_superusers
    )
    logins = logins.live()
    kinds: Counter[str] = Counter()
    methods: Counter[str] = Counter()
    for its_kind, its_method, count in logins.order_by().values_list("kind", "method").annotate(Count("pk")):
        kinds[its_kind] += count
        methods[its_method] += count
    people = logins.order_by().aggregate(people=Count("user_id", distinct=True))["people"] if kinds else 0
    return LoginsSummary(
        count=kinds.total(), kinds=tuple(sorted(kinds.items())), people=people, methods=tuple(sorted(methods.items()))
    )


def live_by_method(*, spare_superusers: bool = False) -> dict[str, int]:
    """How many live logins there are of each method. One statement, which reads all of them. It looks up their owners,
    which takes longest, only where superusers' are to be left out."""
    rows = (
        Login.objects.where(spare_superusers=spare_superusers)
        .live()
        .order_by("method")
        .values_list("method")
        .annotate(Count("pk"))
    )
    return dict(rows)


def _summary(
    kinds: Counter[str], devices: Counter[str], addresses: Counter[str], last_seen_at: datetime | None
) -> LoginsSummary:
    return LoginsSummary(
        count=kinds.total(),
        kinds=tuple(sorted(kinds.items())),
        devices=tuple(sorted(devices, key=lambda name: (-devices[name], name))),
        addresses=tuple(sorted(addresses, key=lambda name: (-addresses[name], name))),
        last_seen_at=last_seen_at,
    )


def _batches(keys: list[Any]) -> Iterator[list[Any]]:
    iterator = iter(keys)
    while batch := list(islice(iterator, _BATCH)):
        yield batch
