"""docs/settings.md is what the settings' own descriptions make of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from authkit import conf
from authkit.management import settings_page
from authkit.management.settings_page import Row, markdown, sections
from authkit.oauth.settings import ResourceSettings
from authkit.social.settings import AppSettings, ProviderSettings

PAGE = (Path(__file__).parents[2] / "docs" / "settings.md").read_text()
REMEDY = "run `manage.py authkit_settings --markdown > docs/settings.md`"


def rows() -> dict[str, Row]:
    return {row.path: row for section in sections() for row in section.rows}


def test_page_is_what_the_command_prints(settings: Any) -> None:
    settings.AUTHKIT = {"TOKENS": {"ISSUER": "https://www.example.com"}, "REDIS_URL": "redis://:secret@localhost"}
    out = StringIO()
    call_command("authkit_settings", "--markdown", stdout=out)
    assert out.getvalue() == PAGE, REMEDY


def test_page_has_every_setting_and_no_other() -> None:
    known = set()
    for top in fields(conf.sections.block()):
        section = top.metadata.get("section")
        inner = [] if section is None else [field.name for field in fields(section)]
        known |= {f"{top.name}.{name}".upper() for name in inner} or {top.name.upper()}
    known |= {f"SOCIAL.PROVIDERS.<id>.{field.name.upper()}" for field in fields(ProviderSettings)}
    known |= {f"SOCIAL.PROVIDERS.<id>.APPS.<host>.{field.name.upper()}" for field in fields(AppSettings)}
    known |= {f"OAUTH.RESOURCES.<url>.{field.name.upper()}" for field in fields(ResourceSettings)}
    documented = re.findall(r"^\| `([A-Z0-9_.<>a-z]+)` \|", PAGE, re.MULTILINE)
    assert sorted(documented) == sorted(known)


@pytest.mark.parametrize(
    ("path", "default", "values"),
    [
        ("SESSIONS.IDLE", "24 hours", "1 second to 36,500 days"),
        ("SESSIONS.ENGINE", '`"cached"`', '`"database"`, `"cached"`, `"redis"`'),
        ("TOKENS.GRACE", "60 seconds", "0 seconds to 10 minutes"),
        ("TOKENS.KEYS", "none", "text, a path or a callable"),
        ("TOKENS.SIMPLEJWT_UNTIL", "none", "a `datetime` with a time zone"),
        ("LOGIN.MAX_LOGINS", "`0`", "at least 0"),
        ("SOCIAL.SIGNUP", "`True`", "`True`, `False` or a callable"),
        ("SOCIAL.PROVIDERS", "`{}`", "a dict"),
        ("REDIS.TIMEOUT", "250 milliseconds", "10 milliseconds to 10 seconds"),
        ("REDIS_URL", "none", "a string or a callable"),
    ],
)
def test_defaults_and_values_are_read_from_the_field(path: str, default: str, values: str) -> None:
    assert (rows()[path].default, rows()[path].values) == (default, values)


def test_no_secret_and_no_value_of_this_project_is_on_the_page(settings: Any) -> None:
    settings.AUTHKIT = {"REDIS_URL": "redis://:a-password@localhost", "PUBLIC_URL": "https://this-project.example"}
    assert "a-password" not in markdown()
    assert "this-project" not in markdown()


def test_a_setting_without_a_text_is_refused_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    @dataclass
    class Bare:
        forgotten: int = conf.Settings.__dataclass_fields__["trusted_proxies"].default

    monkeypatch.setattr(settings_page.conf.sections, "block", lambda: Bare)
    with pytest.raises(LookupError, match=r"Bare\.forgotten"):
        sections()


def test_the_two_forms_of_the_command_exclude_each_other() -> None:
    with pytest.raises(CommandError, match="not allowed with"):
        call_command("authkit_settings", "--markdown", "--explicit")
