"""The README's words, followed to the letter in a fresh `django-admin startproject`."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from django.core.management import get_commands
from django.test import override_settings
from django.urls import resolve
from rest_framework.views import APIView

import authkit
from authkit import conf
from authkit.core import checks as core_checks
from authkit.core.clients import Client
from authkit.social.providers import presets
from authkit.tokens.checks import check_claims
from authkit.tokens.claims import MAX_BYTES, MAX_DEPTH, RESERVED
from authkit.tokens.permissions import TokenHasRole, TokenHasScope
from authkit.tokens.services import issue_tokens, verify_access
from tests.docs.pages import WRITTEN
from tests.example.servers import Person, environment
from tests.services.process import free_port, running

ROOT = Path(__file__).resolve().parent.parent.parent
README = (ROOT / "README.md").read_text()
NAME, PASSWORD = "margaret", "correct-horse-battery-staple"
# The README sends its reader on to these for the next steps; what they show is tried in the same project.
PAGES = README + (ROOT / "docs" / "production.md").read_text() + (ROOT / "docs" / "claims.md").read_text()


def blocks() -> dict[str, str]:
    """The fenced blocks that begin with a comment, by that comment: `# mysite/urls.py`, `# run`."""
    found = re.findall(r"^```\w+\n# ([^\n]+)\n(.*?)^```$", PAGES, re.MULTILINE | re.DOTALL)
    found = [(title, code) for title, code in found if title != "mysite/claims.py"]  # twice, and run with its page
    assert len({title for title, _ in found}) == len(found)
    return dict(found)


def run(line: str, cwd: Path) -> None:
    """One line of a shell block. `createsuperuser` asks its questions of the environment."""
    words = shlex.split(line)
    extra = ["--noinput"] if "createsuperuser" in words else []
    command = {"python": [sys.executable], "django-admin": [sys.executable, "-m", "django"]}[words[0]]
    given = {
        "DJANGO_SUPERUSER_USERNAME": NAME,
        "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
        "DJANGO_SUPERUSER_EMAIL": f"{NAME}@example.com",
    }
    done = subprocess.run(
        [*command, *words[1:], *extra],
        cwd=cwd,
        env=environment(cwd, **given),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project that the README builds."""
    said, where = blocks(), tmp_path_factory.mktemp("readme")
    [start, enter] = said["project"].splitlines()
    run(start, where)
    where /= enter.removeprefix("cd ")
    with (where / "mysite/settings.py").open("a") as settings:
        settings.write("\n" + said["mysite/settings.py, at the end"])
    for name in ("mysite/urls.py", "mysite/views.py"):
        (where / name).write_text(said[name])
    *steps, serve = said["run"].splitlines()
    assert serve == "python manage.py runserver"
    for step in steps:
        run(step, where)
    return where


@pytest.fixture(scope="module")
def site(project: Path) -> Iterator[str]:
    """The same, being served."""
    where = project
    url, log = f"http://127.0.0.1:{free_port()}", where / "log"
    with running(
        [sys.executable, "manage.py", "runserver", "--noreload", url.removeprefix("http://")],
        ready=lambda: "Quit the server" in log.read_text(),
        log=log,
        environment=environment(where, PYTHONUNBUFFERED="1"),
        cwd=where,
    ):
        yield url
    assert "Traceback" not in log.read_text()


@pytest.mark.process
def test_a_person_signs_in_by_page_and_the_projects_view_knows_them(site: str) -> None:
    with Person(site) as person:
        assert person.get("/api/hello/").status_code == 401
        page = person.sign_in(NAME, PASSWORD)
        assert (page.status_code, page.url) == (200, f"{site}/auth/account/")
        assert person.get("/auth/api/me/").json()["user"]["username"] == NAME
        assert person.get("/api/hello/").json() == {"hello": NAME, "by": "password"}
        assert person.get("/admin/").status_code == 200


@pytest.mark.process
def test_a_program_gets_a_token_as_the_readme_says(site: str) -> None:
    [obtain, me, hello] = [
        shlex.split(line) for line in blocks()["try, with the name and the password that you chose"].splitlines()
    ]

    def curl(words: list[str], **known: str) -> requests.Response:
        for placeholder, value in known.items():
            words = [word.replace(placeholder, value) for word in words]
        header = dict([words[words.index("-H") + 1].split(": ", 1)])
        body = words[words.index("-d") + 1] if "-d" in words else None
        url = words[-1].replace("http://127.0.0.1:8000", site)
        return requests.request("POST" if body else "GET", url, headers=header, data=body, timeout=60)

    pair = curl(obtain, NAME=NAME, PASSWORD=PASSWORD)
    assert pair.status_code == 200, pair.text
    access = pair.json()["access"]
    assert curl(me, ACCESS=access).json()["login"]["kind"] == "token"
    assert curl(hello, ACCESS=access).json() == {"hello": NAME, "by": "password"}
    assert curl(hello, ACCESS=access + "x").status_code == 401


@pytest.mark.process
def test_a_newcomer_registers_confirms_and_signs_in_by_what_the_console_prints(project: Path, site: str) -> None:
    with Person(site) as person:
        page = person.get("/auth/register/")
        sent = person.submit(page, "/auth/register/", username="grace", email="grace@example.com", password=PASSWORD)
        assert "Look into your mail" in sent.text
        printed = (project / "log").read_text()
        link = re.findall(r"http://127\.0\.0\.1:8000(/auth/register/confirm/#key=\S+)", printed)[0]
        path, _, key = link.partition("#key=")
        assert person.sign_in("grace", PASSWORD).url == f"{site}/auth/login/", "there is no such account yet"
        assert "Your account is open" in person.submit(person.get(path), path, key=key).text
        assert person.sign_in("grace", PASSWORD).url == f"{site}/auth/account/"
        assert person.get("/auth/api/me/").json()["user"]["email"] == "grace@example.com"


FORCED = """
import django
django.setup()
from django.contrib.auth import get_user_model
from rest_framework.test import APIClient, APIRequestFactory, force_authenticate
from mysite.views import Hello

user = get_user_model()(pk=1, username="ada")
client = APIClient()
client.force_authenticate(user)
print(client.get("/api/hello/", headers={"host": "localhost"}).json())
request = APIRequestFactory().get("/")
force_authenticate(request, user)
print(Hello.as_view()(request).data)
"""


@pytest.mark.process
def test_the_readmes_view_works_under_force_authenticate(project: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORCED],
        cwd=project,
        env=environment(project, DJANGO_SETTINGS_MODULE="mysite.settings"),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.stdout.splitlines() == ["{'hello': 'ada', 'by': None}"] * 2, done.stderr


MYPY = """
[mypy]
strict = true
plugins = mypy_django_plugin.main, mypy_drf_plugin.main
follow_imports = silent

[mypy.plugins.django-stubs]
django_settings_module = mysite.settings
"""
LEANS_ON = {
    "settings with TLS": "",
    "an example of claims": "from typing import Any\nimport authkit\n",
    "an example of scopes": "from rest_framework.views import APIView\nfrom authkit.tokens import TokenHasScope\n",
    "an example of a provider": "import os\nimport authkit\n",
    "mysite/settings.py, at the end": "",
}
"""The imports that a block leaves to its reader."""


@pytest.mark.process
def test_the_readmes_python_holds_under_strict_mypy(project: Path, tmp_path: Path) -> None:
    config, checked = tmp_path / "mypy.ini", ["mysite/urls.py", "mysite/views.py"]
    config.write_text(MYPY)
    python = set(re.findall(r"^```python\n# ([^\n]+)\n", PAGES, re.MULTILINE)) - {"mysite/claims.py"}
    assert python == {*LEANS_ON, *checked}
    for number, (title, imports) in enumerate(LEANS_ON.items()):
        name = f"example_{number}.py"
        (project / name).write_text(imports + blocks()[title])
        checked.append(name)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", config, "--cache-dir", tmp_path, *checked],
        cwd=project,
        env=environment(project, MYPYPATH=str(ROOT)),
        capture_output=True,
        text=True,
        timeout=540,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_settings_with_tls_are_what_the_deploy_checks_ask_for() -> None:
    written: dict[str, Any] = {}
    exec(blocks()["settings with TLS"], written)
    with override_settings(**{name: value for name, value in written.items() if name.isupper()}):
        checks = (*core_checks.CHECKS, core_checks.check_cookies, core_checks.check_cookie_names)
        assert [message for check in checks for message in check() if "COOKIE" in str(message)] == []


def test_the_example_of_a_provider_has_no_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET", "WORK_CLIENT_ID", "WORK_CLIENT_SECRET"):
        monkeypatch.setenv(name, "s" * 32)
    namespace: dict[str, Any] = {"authkit": authkit, "os": os}
    exec(blocks()["an example of a provider"], namespace)
    parsed, problems = conf.parse(namespace["AUTHKIT"])
    assert problems == []
    assert parsed.social.providers["work"].issuer == "https://id.example.com"
    assert presets.complete("google", parsed.social.providers["google"]).issuer == "https://accounts.google.com"


def test_the_examples_of_claims_and_scopes_have_no_mistake(user: Any) -> None:
    namespace: dict[str, Any] = {"authkit": authkit, "Any": Any, "APIView": APIView, "TokenHasScope": TokenHasScope}
    for title in ("an example of claims", "an example of scopes"):
        exec(blocks()[title], namespace)
    with override_settings(AUTHKIT=namespace["AUTHKIT"]):
        assert check_claims() == []
        pair = issue_tokens(user=user, method="password", client=Client())
        claims = verify_access(token=pair.access).claims
    assert (claims["scope"], claims["roles"]) == ("notes:read", [])
    assert set(namespace["Notes"].required_scopes) == {"GET", "POST"}


def test_the_page_on_claims_tells_the_limits_and_the_reserved_names() -> None:
    page = (ROOT / "docs/claims.md").read_text()
    assert f"{MAX_BYTES:,} bytes" in page
    assert MAX_DEPTH == 5
    assert "five levels deep" in page
    ours, others = re.findall(r"`((?:[a-z_]+\s){5,}[a-z_]+)`", page)
    assert set(ours.split()) | set(others.split()) == RESERVED
    for permission in (TokenHasScope, TokenHasRole):
        assert f"| `{permission.__name__}` |" in page
        assert f'{{"code": "{permission.code}", "detail": "{permission.sentence}"' in page


def test_every_address_and_command_of_the_pages_exists() -> None:
    text = "".join(page.read_text() for page in WRITTEN)
    named = set(re.findall(r"`(?:GET |POST |DELETE )?/?(auth/[\w/<>-]*/)`", text))
    assert len(named) > 15
    for path in named - {"auth/api/", "auth/"}:  # the prefixes of them all
        resolve("/" + path.replace("<id>", "0").replace("<provider>", "0"))
    commands = set(re.findall(r"manage\.py (authkit_\w+)", text))
    assert len(commands) > 5
    assert commands <= set(get_commands())
