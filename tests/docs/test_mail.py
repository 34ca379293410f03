"""docs/mail.md beside what is sent: its templates, its settings, its numbers, and the recipes, which run."""

from __future__ import annotations

import importlib
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import django
import pytest
from django.core import mail
from django.core.management import load_command_class

from authkit import conf
from authkit.mail import claims, not_me, outbox
from authkit.mail.rendering import compose
from authkit.signin import mail_requests, unlocking
from tests.docs.pages import ROOT

PAGE = (ROOT / "docs" / "mail.md").read_text()
PYTHON = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_every_template_is_listed_and_no_other() -> None:
    there = {
        f"authkit/mail/{path.name}"
        for place in (ROOT / "authkit").rglob("templates")
        for path in (place / "authkit" / "mail").glob("*")
    }
    listed = re.findall(r"^\| `(authkit/mail/[\w.]+)` \|", PAGE, re.MULTILINE)
    assert sorted(listed) == sorted(there)
    kinds = re.findall(r"^\| `(\w+)` \|.*\|.*\|.*\|$", PAGE, re.MULTILINE)
    assert sorted(kinds) == sorted(Path(name).stem for name in there if "/frame_" not in name)


def test_settings_exist() -> None:
    known = {origin.path for origin in conf.origins()}
    named = set(re.findall(r"`([A-Z_]+\.[A-Z_]+|PUBLIC_URL)`", PAGE))
    assert named
    assert named <= known


def test_numbers_are_those_of_the_code() -> None:
    said = " ".join(PAGE.split())
    assert "after 30 seconds, 2 minutes, 10 minutes, and so on up to 6 hours" in said
    assert [delay.total_seconds() for delay in claims.DELAYS[:3]] == [30, 120, 600]
    assert claims.DELAYS[-1].total_seconds() == 6 * 3600
    assert f"({outbox.LIFETIME.days} days; {unlocking.LIFETIME.seconds // 60} minutes for `unlock`)" in said
    assert f"for {not_me.LIFETIME.days} days" in said
    assert f"gets {mail_requests.MAILS_TO_ONE_NAME} such mails" in said
    assert f"ask for {mail_requests.MAILS_FROM_ONE_NETWORK}." in said


def test_commands_exist_and_take_these_options() -> None:
    lines = re.findall(r"manage\.py (authkit_deliver[^\n&`]*)", PAGE)
    assert len(lines) == 2
    for line in lines:
        name, *options = shlex.split(line)
        load_command_class("authkit", name).create_parser("manage.py", name).parse_args(options)


@pytest.mark.django_db
def test_djangos_task_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (source,) = [block for block in PYTHON if "django.tasks" in block]
    if django.VERSION < (6, 0):
        # The same few lines without the decorator, which this Django doesn't have.
        source = source.replace("from django.tasks import task\n", "").replace("@task\n", "")
    (tmp_path / "mail_tasks_of_the_docs.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    try:
        deliver = importlib.import_module("mail_tasks_of_the_docs").deliver
        if django.VERSION < (6, 0):
            deliver()
        else:
            deliver.enqueue()
    finally:
        sys.modules.pop("mail_tasks_of_the_docs", None)


@pytest.mark.parametrize("source", PYTHON)
def test_python_blocks_are_python(source: str) -> None:
    compile(source, "docs/mail.md", "exec")


def test_template_of_the_page_is_a_mail(tmp_path: Path, settings: Any) -> None:
    (source,) = re.findall(r"```html\n(.*?)```", PAGE, re.DOTALL)
    place = tmp_path / "authkit" / "mail"
    place.mkdir(parents=True)
    (place / "new_device.html").write_text(source)
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [str(tmp_path)]}]
    body = {"name": "Olga", "site": "www.example.com", "facts": [], "link": "https://x.example/", "language": "en"}
    made = compose("new_device", body)
    assert made.subject == "A new sign-in"
    assert "call us: +49 30 1234." in made.text
    assert "call us: +49 30 1234." in made.html


@pytest.mark.django_db(transaction=True)
def test_mail_of_the_projects_own_is_sent(tmp_path: Path, settings: Any, user: Any) -> None:
    (source,) = [block for block in PYTHON if "queue_mail" in block]
    place = tmp_path / "authkit" / "mail"
    place.mkdir(parents=True)
    (place / "export_ready.html").write_text("{% extends frame %}{% block subject %}Ready{% endblock %}")
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [str(tmp_path)]}]
    namespace: dict[str, Any] = {}
    exec(source, namespace)
    namespace["tell_of_export"](user)
    assert [(message.subject, message.to) for message in mail.outbox] == [("Ready", [user.email])]
    assert "Rows: 1200" in str(mail.outbox[0].body)
