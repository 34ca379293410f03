"""`manage.py demo`, as somebody who has just cloned the project finds it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from django.core.management.base import CommandError

from example_project.demo.management.commands.demo import chosen_port
from tests.example.servers import SECONDS, Demo, Person, demo, home_says, manage
from tests.services import apt
from tests.services.process import STOP_SECONDS

pytestmark = pytest.mark.process

VERIFY = """
import os
from authkit.tokens.services import verify_access
print(verify_access(token=os.environ["ACCESS"]).user)
"""


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with demo(tmp_path_factory.mktemp("up") / "state") as started:
        yield started


@pytest.fixture
def person(up: Demo) -> Iterator[Person]:
    with Person(up.url) as somebody:
        yield somebody


def token(up: Demo, username: str = "demo") -> dict[str, str]:
    body = {"username": username, "password": up.passwords[username]}
    answer = requests.post(f"{up.url}/auth/api/token/", json=body, timeout=SECONDS)
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access']}"}


def test_home_says_who_i_am_and_by_which_login(up: Demo, person: Person) -> None:
    assert home_says(person.get("/")) == {}
    page = person.sign_in("demo", up.passwords["demo"])
    assert home_says(page) == {"who": "demo", "kind": "session", "method": "password"}


def test_the_admins_password_opens_the_admin(up: Demo, person: Person) -> None:
    page = person.submit(
        person.get("/admin/"), "/admin/login/?next=/admin/", username="admin", password=up.passwords["admin"]
    )
    assert (page.status_code, page.url) == (200, f"{up.url}/admin/")
    assert "Site administration" in page.text


def test_sign_in_with_demo_id(up: Demo, person: Person) -> None:
    page = person.sign_in_with_demo_id(sub="dora")
    assert home_says(page) == {"who": "dora", "kind": "session", "method": "demo-id"}


def test_registration_is_open_and_its_mail_leads_back_to_the_demo(up: Demo, person: Person) -> None:
    page = person.get("/auth/register/")
    person.submit(page, "/auth/register/", username="grace", email="grace@example.com", password="a-clumsy-camel-9")
    link = re.findall(rf"{up.url}(/auth/register/confirm/)#key=(\S+)", up.log.read_text())
    path, key = link[0]
    assert "Your account is open" in person.submit(person.get(path), path, key=key).text


def test_cancelling_at_demo_id_signs_nobody_in(up: Demo, person: Person) -> None:
    page = person.sign_in_with_demo_id(action="deny")
    assert 'data-reason="cancelled"' in page.text
    assert home_says(person.get("/")) == {}


def test_notes_are_kept_per_person_and_take_session_and_bearer(up: Demo, person: Person) -> None:
    bearer = token(up)
    assert person.get("/api/notes/").status_code == 401
    made = requests.post(f"{up.url}/api/notes/", json={"text": "by token"}, headers=bearer, timeout=SECONDS)
    assert made.status_code == 201
    note = f"/api/notes/{made.json()['id']}/"

    person.sign_in("demo", up.passwords["demo"])
    assert person.get(note).json()["text"] == "by token"
    assert person.post("/api/notes/", json={"text": "without proof"}).status_code == 403
    proof = {"X-CSRFToken": person.cookies["csrftoken"]}
    assert person.post("/api/notes/", json={"text": "by session"}, headers=proof).status_code == 201
    assert {"by token", "by session"} <= {one["text"] for one in person.get("/api/notes/").json()["results"]}

    body = {"name": "reader", "scopes": ["notes:read"], "expires_in": 3600}
    key = requests.post(f"{up.url}/auth/api/keys/", json=body, headers=bearer, timeout=SECONDS).json()["key"]
    by_key = {"Authorization": f"Bearer {key}"}
    assert requests.get(up.url + note, headers=by_key, timeout=SECONDS).json()["text"] == "by token"
    assert requests.delete(up.url + note, headers=by_key, timeout=SECONDS).json()["code"] == "insufficient_scope"

    with Person(up.url) as other:
        other.sign_in("admin", up.passwords["admin"])
        assert other.get(note).status_code == 404
    assert requests.delete(up.url + note, headers=bearer, timeout=SECONDS).status_code == 204


def test_what_it_prints_to_paste_works_when_pasted(up: Demo) -> None:
    if shutil.which("curl") is None and not (apt.possible() and apt.install("curl")):
        leave_out = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        leave_out("needs curl, for the lines that the demo prints for it")
    lines = [line for line in up.words.splitlines() if "curl" in line]
    assert len(lines) == 3
    pasted = subprocess.run(
        ["sh"], input="\n".join(lines), capture_output=True, text=True, timeout=60, check=True
    ).stdout.splitlines()
    signed_in, me, pair, note = pasted
    assert '"username":"demo"' in signed_in
    assert '"kind":"session"' in me
    assert '"refresh":' in pair
    assert '"text":"by bearer token"' in note


def test_an_app_of_another_company_reads_the_notes_until_that_is_taken_back(up: Demo, person: Person) -> None:
    [app] = re.findall(r"^  (http://127\.0\.0\.1:\d+)/\n +an app of another company", up.words, re.MULTILINE)
    requests.post(f"{up.url}/api/notes/", json={"text": "for the app"}, headers=token(up), timeout=SECONDS)
    asked = person.submit(person.get(f"{app}/connect"), "/auth/login/", username="demo", password=up.passwords["demo"])
    assert "Read your notes" in asked.text
    read = person.submit(asked, "/auth/oauth/consent", decision="allow")
    assert read.url == f"{app}/"
    assert "for the app" in read.text
    page = person.get("/auth/account/apps/")
    [remove] = re.findall(r'action="(/auth/account/apps/[^"]+)"', page.text)
    person.submit(page, remove)
    assert "401 token_not_valid" in person.get(f"{app}/").text


def test_another_terminal_works_on_the_same_database_and_key(up: Demo, person: Person) -> None:
    person.sign_in("demo", up.passwords["demo"])
    bearer = token(up)
    me = f"{up.url}/auth/api/me/"
    assert person.get(me).status_code == requests.get(me, headers=bearer, timeout=SECONDS).status_code == 200
    # The other process reads what this key signed.
    checked = manage(up.directory, "shell", "-c", VERIFY, ACCESS=bearer["Authorization"].removeprefix("Bearer "))
    assert checked.stdout.splitlines()[-1:] == ["demo"], checked.stderr
    ended = manage(up.directory, "authkit_force_logout", "demo")
    assert ended.returncode == 0, ended.stderr
    assert person.get(me).status_code == 401
    assert requests.get(me, headers=bearer, timeout=SECONDS).status_code == 401


def test_pages_come_with_a_strict_policy_that_names_the_provider(up: Demo, person: Person) -> None:
    policy = person.get("/auth/login/").headers["Content-Security-Policy"]
    issuer = re.search(r"an OpenID provider at (\S+)\)", up.words)
    assert issuer is not None
    assert policy.startswith("default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'")
    assert f"http://{issuer[1]};" in policy
    assert "script-src" not in policy


def test_static_files_are_served(up: Demo, person: Person) -> None:
    for path in ("authkit/authkit.css", "notes/icon.svg", "admin/css/base.css"):
        assert person.get(f"/static/{path}").status_code == 200


def test_no_password_is_stored_and_the_key_is_its_owners_alone(up: Demo) -> None:
    kept = [path for path in up.directory.rglob("*") if path.is_file()]
    assert "db.sqlite3" in {path.name for path in kept}
    for path in kept:
        for password in up.passwords.values():
            assert password.encode() not in path.read_bytes()
    for name in ("secret_key", "demo_id.json"):
        assert (up.directory / name).stat().st_mode & 0o777 == 0o600


def test_stopping_it_leaves_nothing_behind_but_the_people(tmp_path: Path) -> None:
    directory = tmp_path / "state"
    with demo(directory) as first:
        with Person(first.url) as person:
            person.sign_in_with_demo_id(sub="dora")
        stop(first, signal.SIGINT)
    with demo(directory) as second:
        with Person(second.url) as person:
            assert set(first.passwords.values()).isdisjoint(second.passwords.values())
            assert home_says(person.sign_in("demo", first.passwords["demo"])) == {}
            assert home_says(person.sign_in("demo", second.passwords["demo"]))["who"] == "demo"
        with Person(second.url) as person:
            assert home_says(person.sign_in_with_demo_id(sub="dora"))["who"] == "dora"
        stop(second, signal.SIGTERM)


def stop(started: Demo, number: signal.Signals) -> None:
    issuer = re.search(r"an OpenID provider at 127\.0\.0\.1:(\d+)", started.words)
    assert issuer is not None
    ports = [int(issuer[1]), int(started.url.rpartition(":")[2])]
    children = Path(f"/proc/{started.process.pid}/task/{started.process.pid}/children")
    if children.exists():
        assert children.read_text() == ""  # all of it is one process, so none can be left
    started.process.send_signal(number)
    assert started.process.wait(STOP_SECONDS) == 0
    assert "Traceback" not in started.log.read_text()
    for port in ports:
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0
    assert not (started.directory / "demo_id.json").exists()


def test_a_port_in_use_is_said_clearly_and_changes_nothing(up: Demo, person: Person) -> None:
    port = up.url.rpartition(":")[2]
    refused = manage(up.directory, "demo", PORT=port)
    assert refused.returncode != 0
    assert refused.stderr.startswith(f"CommandError: Port {port} on 127.0.0.1 can't be used")
    assert "Traceback" not in refused.stderr
    assert home_says(person.sign_in("demo", up.passwords["demo"]))["who"] == "demo"


@pytest.mark.parametrize("port", ["http", "-1", "65536", "80 80", "²"])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    with pytest.raises(CommandError, match="must be a number up to 65535"):
        chosen_port({"PORT": port})


def test_the_port_is_8000_unless_given() -> None:
    assert [chosen_port({}), chosen_port({"PORT": ""}), chosen_port({"PORT": "9000"})] == [8000, 8000, 9000]


def test_the_week_before_is_made_up_once_and_shown(up: Demo, person: Person) -> None:
    made = manage(
        up.directory,
        "shell",
        "-c",
        "from example_project.demo import week; week.make_up()\n"
        "from authkit.audit.models import Event; from authkit.signin.devices import KnownDevice\n"
        "print('rows', KnownDevice.objects.filter(user__username='ada').count(), "
        "Event.objects.filter(user__username='ben', name='login.failed').count())",
    )
    assert "rows 2 9" in made.stdout, made.stderr
    person.sign_in("demo", up.passwords["demo"])
    activity = person.get("/auth/account/activity/")
    assert "Safari on iOS" in activity.text
    assert "Safari on iOS" in person.get("/auth/account/security/").text, "as a known device"
