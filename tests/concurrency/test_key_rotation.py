"""Keys change while people work: nobody notices."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.management import call_command
from django.db import connection

from authkit.core.clients import Client
from authkit.logins.reasons import TokenKind
from authkit.tokens.keys import signing_key
from authkit.tokens.services import issue_tokens
from tests.tokens.rings import ring

PROCESSES, ROTATIONS = 4, 6

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def rotate(path: Path) -> None:
    """As an operator does: print the next ring, put it in the place of the old one."""
    out = io.StringIO()
    call_command("authkit_keys", "rotate", stdout=out, stderr=io.StringIO())
    new = path.with_suffix(".new")
    new.write_text(out.getvalue())
    new.replace(path)


def all_work(workers: list[subprocess.Popen[str]]) -> None:
    """Returns once each of them has refreshed and called twice since; meanwhile none of them rests."""
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("\n")
        worker.stdin.flush()
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "working\n"


def test_four_processes_work_through_three_rotations_and_no_request_fails(
    make_user: Any, settings: Any, tmp_path: Path
) -> None:
    path = tmp_path / "ring.json"
    path.write_text(ring("ES256", "HS256"))
    settings.AUTHKIT = {"TOKENS": {"KEYS": path, "DERIVED_KEYS": False}}
    first = {use: signing_key(use).kid for use in TokenKind}
    database = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    given = {"AUTHKIT_TEST_RING": str(path), "DATABASE_URL": database, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    workers = []
    for number in range(PROCESSES):
        pair = issue_tokens(user=make_user(f"user{number}"), method="password", client=Client())
        command = [sys.executable, "-m", "tests.concurrency.rotation_client", pair.refresh]
        workers.append(
            subprocess.Popen(
                command, env={**os.environ, **given}, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        )
    try:
        all_work(workers)
        for _ in range(ROTATIONS):
            rotate(path)
            all_work(workers)
        outcomes = [json.loads(worker.communicate(timeout=60)[0]) for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    assert [outcome["failures"] for outcome in outcomes] == [[]] * PROCESSES
    assert all(outcome["rounds"] > ROTATIONS and outcome["kids"] > 1 for outcome in outcomes), outcomes
    assert all(signing_key(use).kid != first[use] for use in TokenKind)
