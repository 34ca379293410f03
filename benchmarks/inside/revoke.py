"""Signs people in, and puts them out one after the other."""

from __future__ import annotations

from time import monotonic_ns
from typing import Any

from django.contrib.auth import get_user_model

from benchmarks.worker import Worker


def prepare(worker: Worker, n: int) -> dict[str, Any]:
    """Signs so many people in; a request's environ entries for each."""
    worker.kept["people"] = people = list(get_user_model().objects.order_by("pk")[:n])
    return {"credentials": [worker.contender.credential(user) for user in people]}


def revoke(worker: Worker, which: int) -> dict[str, Any]:
    """Puts one of them out; the times before and after the call, in ns of the machine's monotonic clock."""
    asked = monotonic_ns()
    worker.contender.revoke_user(worker.kept["people"][which])
    return {"asked": asked, "done": monotonic_ns()}
