"""authkit on a table of many logins: refreshing, and ending many."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

from django.contrib.auth import get_user_model

from authkit.core.clients import Client
from authkit.logins.models import Login, UserCutoff
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_all_logins, end_logins_of
from authkit.tokens.services import issue_tokens
from benchmarks.inside.filling import copy, days_from_now, ordered_uuid, settle
from benchmarks.inside.statements import recorded, scalar, summary
from benchmarks.project import PEOPLE
from benchmarks.worker import Worker


def fill(worker: Worker, logins: int) -> dict[str, Any]:
    """So many logins, spread over all people; every second one ran out two days ago."""
    start = perf_counter()
    if logins:
        first = get_user_model().objects.order_by("pk").values_list("pk", flat=True)[0]
        row = issue_tokens(user=worker.user, method="password", client=Client()).login
        expires = f"CASE WHEN g.i %% 2 = 0 THEN {days_from_now(-2)} ELSE {days_from_now(10)} END"
        changes = {
            "id": ordered_uuid(),
            "user_id": f"{first} + g.i %% {PEOPLE}",
            "expires_at": expires,
            "absolute_expires_at": expires,
        }
        copy(row, count=logins, changes=changes)
    settle()
    size = scalar("SELECT pg_total_relation_size('authkit_login')") if worker.place.db == "postgres" else None
    return {"seconds": perf_counter() - start, "bytes": size}


def end_one_persons(worker: Worker, logins: int) -> dict[str, Any]:
    """Ends this many logins of one person: statements of a first one, milliseconds of a second one."""
    return _counted_and_timed(
        lambda number: _person(f"many-{logins}-{number}", logins),
        lambda person: end_logins_of(user_id=person.pk, reason=EndReason.FORCED).count,
    )


def end_everybodys(worker: Worker) -> dict[str, Any]:
    """Ends all logins there are: statements of the first time, milliseconds of the second."""
    return _counted_and_timed(lambda number: None, lambda _: end_all_logins(reason=EndReason.FORCED).count)


def _counted_and_timed(prepared: Callable[[int], Any], end: Callable[[Any], int]) -> dict[str, Any]:
    first, second = prepared(1), prepared(2)
    ended, sql = recorded(lambda: end(first))
    start = perf_counter()
    end(second)
    return {"ms": (perf_counter() - start) * 1000, "ended": ended, **summary(sql)}


def _person(name: str, logins: int) -> Any:
    person = get_user_model().objects.create(username=name)
    row = issue_tokens(user=person, method="password", client=Client()).login
    copy(row, count=logins - 1, changes={"id": ordered_uuid(f"{person.pk % 200 + 16:02x}")})
    if Login.objects.filter(user_id=person.pk).count() != logins or UserCutoff.objects.filter(pk=person.pk).exists():
        raise RuntimeError("the logins to be ended are not there")
    return person
