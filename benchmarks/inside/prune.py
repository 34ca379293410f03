"""Deleting rows that are over: `authkit_prune` and simplejwt's `flushexpiredtokens`."""

from __future__ import annotations

import contextlib
import gc
import io
import resource
from pathlib import Path
from time import perf_counter
from typing import Any

from django.apps import apps
from django.core.management import call_command

from benchmarks.inside.filling import copy, days_from_now, digest, ordered_uuid, settle
from benchmarks.worker import Worker

_STATUS = Path("/proc/self/status")
_LONG_AGO = -60


def fill_logins(worker: Worker, rows: int) -> dict[str, Any]:
    """So many logins that ran out long ago."""
    from authkit.core.clients import Client  # where authkit is installed: not in every worker
    from authkit.tokens.services import issue_tokens

    row = issue_tokens(user=worker.user, method="password", client=Client()).login
    over = {name: days_from_now(_LONG_AGO) for name in ("expires_at", "absolute_expires_at")}
    begun = {name: days_from_now(_LONG_AGO - 1) for name in ("created_at", "rotated_at", "last_seen_at")}
    copy(row, count=rows, changes={"id": ordered_uuid(), **over, **begun})
    settle()
    return {}


def fill_tokens(worker: Worker, rows: int) -> dict[str, Any]:
    """So many outstanding tokens that ran out long ago, each on the blacklist, as rotation leaves them."""
    from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
    from rest_framework_simplejwt.tokens import RefreshToken

    refresh = RefreshToken.for_user(worker.user)
    row = OutstandingToken.objects.get(jti=refresh["jti"])
    over = {"created_at": days_from_now(_LONG_AGO - 1), "expires_at": days_from_now(_LONG_AGO)}
    copy(row, count=rows, changes={"id": "", "jti": digest(), **over})
    listed = BlacklistedToken.objects.create(token=row)
    last = f'(SELECT max(id) FROM "{OutstandingToken._meta.db_table}")'
    copy(listed, count=rows, changes={"id": "", "token_id": f"{last} - {rows} + g.i"})
    settle()
    return {}


def prune(worker: Worker, command: str, table: str) -> dict[str, Any]:
    """Runs the command: seconds, rows of the table that went, and how much more memory it took at its worst, in MB."""
    model = apps.get_model(table)
    before = model._base_manager.count()
    gc.collect()
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    memory, start = _memory("VmRSS"), perf_counter()
    call_command(command, verbosity=0, stdout=io.StringIO())
    seconds = perf_counter() - start
    return {
        "seconds": seconds,
        "deleted": before - model._base_manager.count(),
        "more_mb": max(0.0, _memory("VmHWM") - memory),
    }


def _memory(what: str) -> float:
    if _STATUS.exists():
        (line,) = [line for line in _STATUS.read_text().splitlines() if line.startswith(what)]
        return int(line.split()[1]) / 1024
    # Elsewhere there is only the peak since the process began: good enough, because filling takes no memory here.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
