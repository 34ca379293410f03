"""The cost of one authenticated request."""

from __future__ import annotations

import gc
import io
import json
import statistics
from time import perf_counter_ns
from typing import Any

from django.core.handlers.wsgi import WSGIRequest
from django.utils.module_loading import import_string
from rest_framework.request import Request

from benchmarks.inside.statements import recorded, redis_commands, redis_used, summary
from benchmarks.worker import Worker

WARM_UP = 50
COUNTED = 10


def prepare(worker: Worker) -> dict[str, Any]:
    """Signs in, makes sure that the answer is right with the credential and without, warms up and counts."""
    credential = worker.contender.credential(worker.user)
    environ = worker.kept["environ"] = worker.caller.environ("/me/", credential)
    status, body = worker.caller.call(environ)
    expected = worker.user.pk if worker.contender.auth else None
    if status != 200 or str(json.loads(body)["id"]) != str(expected):
        raise RuntimeError(f"{status}: {body[:300]!r}")
    if worker.contender.auth and worker.caller.call(worker.caller.environ("/me/"))[0] not in {401, 403}:
        raise RuntimeError("the view lets anybody in")
    for _ in range(WARM_UP):
        worker.caller.call(environ)
    _, sql = recorded(lambda: worker.caller.call(environ))
    before = redis_commands()
    for _ in range(COUNTED):
        worker.caller.call(environ)
    commands = redis_used(before, calls=COUNTED)
    gc.collect()
    gc.freeze()
    return {**summary(sql), "redis": commands, "credential_bytes": sum(map(len, credential.values()))}


def credential(worker: Worker) -> dict[str, str]:
    """Signs in; HTTP headers by which a request is this user's."""
    entries = worker.contender.credential(worker.user)
    return {name.removeprefix("HTTP_").replace("_", "-").title(): value for name, value in entries.items()}


def requests(worker: Worker, n: int) -> dict[str, float]:
    """Median of n whole requests, in µs."""
    call, environ = worker.caller.call, worker.kept["environ"]
    times = []
    for _ in range(n):
        start = perf_counter_ns()
        call(environ)
        times.append(perf_counter_ns() - start)
    return {"us": statistics.median(times) / 1000}


def authenticate(worker: Worker, n: int) -> dict[str, float]:
    """Median of n calls of a bearer token's `authenticate()` and of its user's key alone, in µs."""
    return _authentications(worker, [worker.kept["environ"]] * n)


def first_authenticate(worker: Worker, n: int) -> dict[str, float]:
    """The same, each with a token that this process has not seen before."""
    credentials = [worker.contender.credential(worker.user) for _ in range(n)]
    return _authentications(worker, [worker.caller.environ("/me/", credential) for credential in credentials])


def _authentications(worker: Worker, environs: list[dict[str, Any]]) -> dict[str, float]:
    authentication = import_string(str(worker.contender.auth))
    times = []
    for environ in environs:
        request = Request(WSGIRequest({**environ, "wsgi.input": io.BytesIO()}))
        start = perf_counter_ns()
        user, _ = authentication().authenticate(request)
        _ = user.pk
        times.append(perf_counter_ns() - start)
    return {"us": statistics.median(times) / 1000}
