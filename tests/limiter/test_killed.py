"""A worker that is killed between the charge and the verification."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import os, signal
import django
django.setup()
from django.core.management import call_command
from authkit.core.clients import Client
from authkit.limiter import services, verifying
call_command("migrate", verbosity=0)
reservation = services.reserve(door="token", name="alice", client=Client("192.0.2.7"))
with verifying.verifying(reservation):
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.process
def test_the_charge_of_a_worker_that_is_killed_in_the_hash_is_committed(tmp_path: Path) -> None:
    database = tmp_path / "killed.sqlite3"
    settings = {"DJANGO_SETTINGS_MODULE": "tests.settings", "DATABASE_URL": f"sqlite:///{database}"}
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, env={**os.environ, **settings}, cwd=root, timeout=120, check=False)
    assert done.returncode == -signal.SIGKILL
    with sqlite3.connect(database) as connection:
        rows = connection.execute("SELECT scope, spent FROM authkit_attemptbudget ORDER BY scope").fetchall()
    assert rows == [("name", 1), ("network", 1)]
