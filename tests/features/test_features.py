"""What a project has of a feature that it installs, and of one that it doesn't."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

import authkit
from tests.fresh_project import APPS, FreshProject

pytestmark = pytest.mark.process

WIRED = "import authkit\nAUTHKIT = {block!r}\nauthkit.configure(globals())\n"

CORE_TABLES = {
    "authkit_attemptbudget",
    "authkit_blacklistedtoken",
    "authkit_cacheepoch",
    "authkit_delivery",
    "authkit_failurecount",
    "authkit_globalcutoff",
    "authkit_knowndevice",
    "authkit_login",
    "authkit_onetimecode",
    "authkit_serviceaccount",
    "authkit_usercutoff",
    "authkit_verifiedaddress",
}

# A person signs in and looks at each page, so that every module is imported that an ordinary request needs.
USE = """
import json, sys
from datetime import timedelta
from io import StringIO
from django.contrib.auth.models import User
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import get_resolver
from django.utils import timezone
call_command("migrate", verbosity=0)
User.objects.create_user("ada", password="correct-horse-battery-staple")
browser = Client()
paths = ["/auth/login/", "/auth/account/", "/auth/notes/", "/auth/api/notes/", "/auth/account/connections/",
         "/auth/api/social/providers/"]
browser.post("/auth/login/", {"username": "ada", "password": "correct-horse-battery-staple"})
pages = {path: browser.get(path) for path in paths}
pages["/auth/login/"] = Client().get("/auth/login/")
refused = Client().post("/auth/api/notes/sign-in/", {"note": "wrong"}, content_type="application/json")
signed_in = Client().post("/auth/api/notes/sign-in/", {"note": "open sesame"}, content_type="application/json")
if "tests.features.notes" in sys.modules:
    from authkit.logins import EndReason, Login, end_logins_of
    end_logins_of(user_id=User.objects.get().pk, reason=EndReason.LOGOUT_ALL)
    kinds = [(login.kind, login.method, login.amr) for login in Login.objects.live()]
    from tests.features.notes.models import Note
    Note.objects.create(text="old", written_at=timezone.now() - timedelta(days=100))
    Note.objects.create(text="new", written_at=timezone.now())
User.objects.create_user("mallory", password="correct-horse-battery-staple")
tokens = [
    Client().post("/auth/api/token/", {"username": name, "password": "correct-horse-battery-staple"},
                  content_type="application/json")
    for name in ("ada", "mallory")
]
me = Client().get("/auth/api/me/", headers={"authorization": "Bearer note_" + tokens[0].json()["access"]})
recorded = 0
if "tests.features.notes" in sys.modules:
    recorded = Note.objects.filter(text="login.succeeded").count()
said = StringIO()
call_command("authkit_prune", stdout=said)
print(json.dumps({
    "statuses": {path: page.status_code for path, page in pages.items()},
    "refused": [refused.status_code, refused.content.decode()],
    "signed in": [signed_in.status_code, kinds if "tests.features.notes" in sys.modules else []],
    "tokens": [token.status_code for token in tokens],
    "me": me.status_code,
    "recorded": recorded,
    "login": pages["/auth/login/"].content.decode(),
    "account": pages["/auth/account/"].content.decode(),
    "notes": pages["/auth/api/notes/"].content.decode(),
    "tables": connection.introspection.table_names(),
    "modules": sorted(sys.modules),
    "pruned": said.getvalue(),
    "checks": [said.id for said in run_checks(include_deployment_checks=True)],
}))
"""


def used(path: Path, *, block: dict[str, Any], apps: tuple[str, ...] = APPS) -> dict[str, Any]:
    """What a project says of itself after a person has used it."""
    process: subprocess.CompletedProcess[str] = FreshProject(path, end=WIRED.format(block=block), apps=apps).python(USE)
    assert process.returncode == 0, process.stderr
    found: dict[str, Any] = json.loads(process.stdout)
    return found


def test_empty_block_makes_the_cores_tables_and_imports_nothing_of_social_core(tmp_path: Path) -> None:
    found = used(tmp_path, block={})
    assert {table for table in found["tables"] if table.startswith("authkit")} == CORE_TABLES
    assert not [table for table in found["tables"] if table.startswith("social_")]
    pattern = re.compile(r"(social_core|social_django|authkit\.social)(\.|$)")
    assert [name for name in found["modules"] if pattern.match(name)] == []
    assert found["statuses"] == {
        "/auth/login/": 200,
        "/auth/account/": 200,
        "/auth/notes/": 404,
        "/auth/api/notes/": 404,
        "/auth/account/connections/": 404,
        "/auth/api/social/providers/": 404,
    }
    assert (found["tokens"], found["me"]) == ([200, 200], 401)
    kinds = (
        "logins",
        "blacklisted tokens",
        "one-time codes",
        "deliveries",
        "known devices",
        "attempt budgets",
        "counts of failed tries",
    )
    assert found["pruned"] == "".join(f"{kind}: 0 deleted\n" for kind in kinds)


def test_feature_adds_all_its_parts_without_a_central_file(
    tmp_path: Path,
) -> None:
    found = used(tmp_path, block={"NOTES": {"MOST": 7}}, apps=(*APPS, "tests.features.notes"))
    assert "authkit_notes_note" in found["tables"]
    assert (found["statuses"]["/auth/notes/"], found["statuses"]["/auth/api/notes/"]) == (200, 200)
    assert json.loads(found["notes"])["most"] == 7
    assert 'action="/auth/notes/"' in found["login"]
    assert '<a href="/auth/notes/">My notes</a>' in found["account"]
    assert "notes: 1 deleted" in found["pruned"]
    assert {"notes.W001", "notes.W002"} <= set(found["checks"])
    assert not {"authkit.E240", "authkit.E241", "authkit.E242"}.intersection(found["checks"])
    status, refusal = found["refused"]
    assert (status, json.loads(refusal)) == (409, {"code": "note_refused", "detail": "This is not the note."})
    # Its kind outlives "sign out everywhere", because the row that it added to the table of endings says so.
    assert found["signed in"] == [201, [["throw-away-note", "note", "kba"]]]
    # Its guard is asked at the core's doors too, its format is accepted by the core's views, and its recorder has
    # written three rows: for the page, for its own door and for the token pair.
    assert (found["tokens"], found["me"], found["recorded"]) == ([200, 409], 200, 3)


def test_section_brings_its_feature(tmp_path: Path) -> None:
    found = used(tmp_path, block={"SOCIAL": {}})
    assert {"authkit_social_providertoken", "social_auth_usersocialauth"} <= set(found["tables"])
    assert found["statuses"]["/auth/account/connections/"] == 200
    assert found["statuses"]["/auth/api/social/providers/"] == 200
    assert "social sign-ins: 0 deleted" in found["pruned"]


def test_no_central_file_names_the_throw_away_feature() -> None:
    package = Path(authkit.__file__).parent
    assert [path for path in package.rglob("*.py") if "tests.features" in path.read_text()] == []
