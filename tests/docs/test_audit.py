"""docs/audit.md beside the events, the records and the section that it describes."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from authkit import events
from authkit.accounts.events import AccountsEventName
from authkit.apikeys.events import ApiKeyEventName
from authkit.audit.events import AuditEventName
from authkit.audit.folding import FOLD_AFTER
from authkit.audit.settings import AuditSettings
from authkit.core import event_log
from authkit.core.records import Record
from authkit.oauth.events import OAuthEventName
from authkit.social.events import SocialEventName
from tests.docs.pages import sections

PAGE = (Path(__file__).parents[2] / "docs" / "audit.md").read_text()
SECTIONS = sections(PAGE, 2)
ROWS = re.findall(r"^\| `([\w.]+)` \| (success|failure) \| [^|]*\|(?: (.*))? \|$", SECTIONS["Events"], re.MULTILINE)


def test_every_event_is_listed_with_its_outcome_and_its_fields() -> None:
    of_features = (SocialEventName, AuditEventName, AccountsEventName, ApiKeyEventName, OAuthEventName)
    names = {*events.EventName, *(name for each in of_features for name in each)}
    assert sorted(name for name, _, _ in ROWS) == sorted(names)
    kinds = events.known()
    assert {name: outcome for name, outcome, _ in ROWS} == {name: kinds[name].outcome for name in names}
    of_own_making = {"login.succeeded": ("kind", "amr"), "crowd.ended": ("people",)}
    for name, _, cell in ROWS:
        assert tuple(re.findall(r"`(\w+)`", cell)) == of_own_making.get(name, kinds[name].extra), name


def test_every_fact_of_a_record_is_listed() -> None:
    second = SECTIONS["Events"].partition("| in the log | column |")[2]
    listed = {
        word for row in re.findall(r"^\| (`.*?) \|", second, re.MULTILINE) for word in re.findall(r"`(\w+)`", row)
    }
    record = Record(**{spec.name: f"{spec.name}" for spec in fields(Record) if spec.name not in {"at", "extra"}},
                    at=SimpleNamespace(isoformat=lambda: "then"))  # fmt: skip
    assert listed == event_log.as_data(record).keys() - {"name", "outcome"}


def test_settings_and_numbers_of_the_page_are_those_of_the_code() -> None:
    named = set(re.findall(r"`AUDIT\.([A-Z_]+)`", PAGE))
    assert named == {spec.name.upper() for spec in fields(AuditSettings)}
    assert f"first {FOLD_AFTER} failures" in PAGE
    defaults = AuditSettings()
    assert f"after {defaults.keep.days} days (`AUDIT.KEEP`), failures after {defaults.keep_failures.days}" in PAGE
    assert (event_log.NAME in PAGE, event_log.ATTRIBUTE in PAGE) == (True, True)


def test_python_of_the_page_is_python() -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) == 3
    found: dict[str, Any] = {}
    for block in blocks:
        source = block.replace("AUTHKIT: authkit.AuthKitSettings =", "AUTHKIT =")
        exec(source, found)
    assert found["AUTHKIT"] == {"AUDIT": {}}
    assert "authkit.audit" in found["LOGGING"]["loggers"]
    request = SimpleNamespace(tenant=SimpleNamespace(slug="acme"))
    assert (found["context"](request), found["context"](None)) == ({"tenant": "acme"}, {})
