"""docs/providers.md beside the presets: a section for each, whose example has no mistake."""

from __future__ import annotations

import pathlib
import re
from pathlib import Path
from typing import Any

import pytest

import authkit
from authkit import conf
from authkit.social.checks import provider_problems
from authkit.social.providers.presets import PRESETS, preset_of

TEXT = (Path(authkit.__file__).parent.parent / "docs" / "providers.md").read_text()
SECTIONS = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL))
EXAMPLES = [
    pytest.param(code, id=f"{title} {number}")
    for title, section in {"beginning": TEXT.partition("\n## ")[0], **SECTIONS}.items()
    for number, code in enumerate(re.findall(r"```python\n(.*?)```", section, re.DOTALL))
]


def test_there_is_a_section_for_each_preset_and_none_for_others() -> None:
    assert [title for title in SECTIONS if title.islower()] == list(PRESETS)


@pytest.mark.parametrize("code", EXAMPLES)
def test_example_has_no_mistake(settings: Any, code: str) -> None:
    settings.AUTHKIT = {"SOCIAL": {"PROVIDERS": eval(code, {"pathlib": pathlib})}}
    assert conf.inspect()[1] == []
    assert provider_problems() == []


@pytest.mark.parametrize("preset", PRESETS)
def test_section_has_an_example_of_its_preset_and_all_that_it_needs(preset: str) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", SECTIONS[preset], re.DOTALL)
    block = conf.parse({"SOCIAL": {"PROVIDERS": eval(code, {"pathlib": pathlib})}})[0]
    (entry,) = block.social.providers.values()
    assert preset_of(preset, entry) is PRESETS[preset]
    assert bool(entry.issuer) == (PRESETS[preset].is_openid and not PRESETS[preset].issuer)
    for name in PRESETS[preset].needs_options:
        assert name in entry.options


@pytest.mark.parametrize("preset", PRESETS)
def test_section_says_whether_it_is_openid(preset: str) -> None:
    says_not = "OAuth 2.0" in SECTIONS[preset]
    assert says_not != PRESETS[preset].is_openid
