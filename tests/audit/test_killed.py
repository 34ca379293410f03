"""kill -9 between a logout's write and its commit, and right after the commit: both rows are there, or neither."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from authkit.audit.models import Event
from authkit.core.clients import Client
from authkit.logins.opening import open_login
from authkit.logins.reasons import LoginKind
from authkit.logins.services import Lifetime

pytestmark = [pytest.mark.postgres, pytest.mark.process, pytest.mark.django_db(transaction=True)]

LIFETIME = Lifetime(idle=timedelta(days=7), absolute=timedelta(days=30))
LOGOUT = """
import os, signal, sys
import django
django.setup()
from django.db import transaction
from authkit import events
from authkit.audit.models import Event
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_login

def die(event=None):
    os.kill(os.getpid(), signal.SIGKILL)

def written(event):
    assert Event.objects.filter(name="login.ended").exists(), "the row is written by now"
    if sys.argv[2] == "before the commit":
        die()
    transaction.on_commit(die)

events.register_recorder(written, names=["login.ended"])
end_login(login_id=sys.argv[1], reason=EndReason.LOGOUT)
"""


@pytest.mark.parametrize(("moment", "stays"), [("before the commit", False), ("after the commit", True)])
def test_process_that_is_killed_leaves_both_rows_or_neither(user: Any, moment: str, *, stays: bool) -> None:
    login = open_login(user=user, kind=LoginKind.TOKEN, method="password", lifetime=LIFETIME, client=Client())
    at = connection.settings_dict
    url = f"postgresql://{at['USER']}:{at['PASSWORD']}@{at['HOST']}:{at['PORT']}/{at['NAME']}"
    process = subprocess.run(
        [sys.executable, "-c", LOGOUT, str(login.pk), moment],
        env={**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert process.returncode == -signal.SIGKILL, process.stderr
    login.refresh_from_db()
    ended = login.ended_at is not None
    recorded = Event.objects.filter(name="login.ended", login_id=login.pk).exists()
    assert (ended, recorded) == (stays, stays)
