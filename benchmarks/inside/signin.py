"""What a sign-in costs: the limiter's part of it, statements and commits, and the size of the tables beside it."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction

from authkit.audit.models import Event
from authkit.core.clients import Client
from authkit.limiter import services
from authkit.limiter.models import AttemptBudget
from benchmarks.inside.filling import copy, digest, ordered_uuid, settle
from benchmarks.inside.statements import recorded, spelled_out, summary
from benchmarks.project import PEOPLE
from benchmarks.worker import Worker

PASSWORD = "pw-bench-1"
WARM_UP = 10
# People who sign in for the first time only while statements are counted.
NEW = {"token": "u1", "session": "u2"}


def count(worker: Worker) -> dict[str, Any]:
    """Statements, the limiter's among them, and commits: of a first sign-in, the next, and one from a known device."""
    counted: dict[str, Any] = {}
    for door, name in NEW.items():
        for _ in range(WARM_UP):
            _sign_in(worker, door, "u0")
        # A new name from a network that is known, then the same again, as most sign-ins are.
        counted[f"{door}, first"] = _counted(lambda door=door, name=name: _sign_in(worker, door, name))
        counted[f"{door}, again"] = _counted(lambda door=door, name=name: _sign_in(worker, door, name))
    device = json.loads(_sign_in(worker, "token", "u1", device=True))["device"]
    known = {"HTTP_X_AUTHKIT_DEVICE": device}
    counted["token, first of a known device"] = _counted(lambda: _sign_in(worker, "token", "u1", meta=known))
    counted["token, known device"] = _counted(lambda: _sign_in(worker, "token", "u1", meta=known))
    return counted


def token(worker: Worker, n: int) -> dict[str, float]:
    """Median of n sign-ins for a token pair, in µs."""
    return _timed(lambda: _sign_in(worker, "token", "u0"), n)


def session(worker: Worker, n: int) -> dict[str, float]:
    """Median of n sign-ins for a session, in µs."""
    return _timed(lambda: _sign_in(worker, "session", "u0"), n)


def limiter(worker: Worker, n: int) -> dict[str, float]:
    """Median of n tries without a password: reserved, admitted and settled, in µs.

    It is settled in the transaction of the login, whose own statements and commit are left out.
    """
    times = []
    for _ in range(n):
        start = perf_counter_ns()
        reservation = services.reserve(door="token", name="u0", client=Client(address="127.0.0.1"))
        reservation = services.admit(reservation, user=worker.user)
        spent = perf_counter_ns() - start
        with transaction.atomic():
            AttemptBudget.objects.filter(pk="").exists()  # any statement: it opens the transaction, as the login's does
            start = perf_counter_ns()
            services.settle_success(reservation, user=worker.user, joins=True)
            spent += perf_counter_ns() - start
        times.append(spent)
    return {"us": statistics.median(times) / 1000}


def fill(worker: Worker, budgets: int, events: int, *, old: bool = False) -> dict[str, Any]:
    """So many budgets of names, and so many events, spread over all people; `old` ones are to be pruned."""
    _sign_in(worker, "token", "u0")
    last = Event._base_manager.filter(name="login.succeeded").latest("pk")
    budget = AttemptBudget._base_manager.filter(scope="name").latest("last_at")
    if budgets:
        changes = {"key": digest(), "spent": "1"} | ({"last_at": "1"} if old else {})
        copy(budget, count=budgets, changes=changes)
    if events:
        first = get_user_model().objects.order_by("pk").values_list("pk", flat=True)[0]
        changes = {"id": ordered_uuid("00" if old else "01"), "user_id": f"{first} + g.i %% {PEOPLE}"}
        copy(last, count=events, changes=changes)
    settle()
    return {}


def enter(worker: Worker) -> dict[str, Any]:
    """Opens the session of a superuser, for the pages."""
    type(worker.user).objects.filter(pk=worker.user.pk).update(is_staff=True, is_superuser=True)
    worker.kept["session"] = worker.contender.credential(worker.user)
    return {}


def page(worker: Worker, path: str, n: int) -> dict[str, float]:
    """Median of n GETs, in µs."""
    environ = worker.caller.environ(path, worker.kept["session"])
    return _timed(lambda: _ok(*worker.caller.call(environ)), n)


def _sign_in(
    worker: Worker, door: str, name: str, *, device: bool = False, meta: dict[str, str] | None = None
) -> bytes:
    asked = worker.contender.login_request if door == "token" else worker.contender.session_request
    path, body, content_type, given = asked(name, PASSWORD)
    body = {**body, "device": True} if device else body
    environ = worker.caller.environ(path, {**given, **(meta or {})}, body=body, content_type=content_type)
    return _ok(*worker.caller.call(environ))


def _ok(status: int, data: bytes) -> bytes:
    if status != 200:
        raise RuntimeError(f"{status}: {data[:300]!r}")
    return data


def _counted(call: Callable[[], Any]) -> dict[str, Any]:
    _, sql = recorded(call)
    spent = [statement for statement in spelled_out(sql) if AttemptBudget._meta.db_table in statement]
    return {**summary(sql), "limiter": len(spent)}


def _timed(call: Callable[[], Any], n: int) -> dict[str, float]:
    times = []
    for _ in range(n):
        start = perf_counter_ns()
        call()
        times.append(perf_counter_ns() - start)
    return {"us": statistics.median(times) / 1000}
