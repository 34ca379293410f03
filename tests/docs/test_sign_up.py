"""docs/sign-up.md, held to the code."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.urls import resolve

import authkit
from authkit.exceptions import SocialLoginFailed
from authkit.signin.sign_up import Profile
from authkit.social.failures import Failure
from authkit.social.rule_checks import rule_problems
from authkit.social.settings import SOCIAL_STEPS
from tests.social.browsers import come_back, refused
from tests.social.fixtures import configure, nothing_discovered, provider

__all__ = ["configure", "nothing_discovered", "provider"]

TEXT = (Path(__file__).resolve().parent.parent.parent / "docs" / "sign-up.md").read_text()
BLOCKS = dict(re.findall(r"^```python\n# ([^\n]+)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL))


@pytest.fixture(autouse=True)
def people() -> Iterator[ModuleType]:
    """The module that the page writes, importable as it says."""
    package, module = ModuleType("mysite"), ModuleType("mysite.people")
    module.__dict__.update(INVITED={"ada@example.com"}, SocialLoginFailed=SocialLoginFailed)
    for title, block in BLOCKS.items():
        if title.startswith("mysite/people.py"):
            exec(block, module.__dict__)
    package.people = module  # type: ignore[attr-defined]
    sys.modules.update({"mysite": package, "mysite.people": module})
    yield module
    del sys.modules["mysite"], sys.modules["mysite.people"]


def block_of(title: str) -> dict[str, Any]:
    namespace: dict[str, Any] = {"authkit": authkit}
    exec(BLOCKS[title], namespace)
    return dict(namespace["AUTHKIT"])


@pytest.mark.parametrize("title", [title for title in BLOCKS if title.startswith("settings")])
def test_settings_of_the_page_have_no_mistake(settings, title) -> None:
    settings.AUTHKIT = block_of(title)
    assert rule_problems() == []


def test_callables_of_the_page_answer(people) -> None:
    assert people.allow(Profile(provider="google")) is True
    assert people.allow(Profile(provider="other", email="ada@example.com")) is True
    assert people.allow(Profile(provider="other")) is False
    assert people.verified(SimpleNamespace(email_verified_at=None)) is False


def test_fields_of_a_profile_are_those_of_the_page() -> None:
    [line] = re.findall(r"^- `profile` has (.*?): text", TEXT, re.MULTILINE)
    assert re.findall(r"`(\w+)`", line) == list(Profile.__dataclass_fields__)


def test_pipeline_of_the_page_is_ours_and_one_step_more() -> None:
    steps = block_of("settings: one step more")["SOCIAL"]["PIPELINE"]
    assert [step for step in steps if step in SOCIAL_STEPS] == list(SOCIAL_STEPS)
    assert set(steps) - set(SOCIAL_STEPS) == {"mysite.people.require_badge"}


@pytest.mark.django_db
def test_step_of_the_page_refuses_and_lets_in(provider, configure) -> None:
    configure(provider, **block_of("settings: one step more")["SOCIAL"])
    assert refused(come_back(Client()), "not_allowed", 403)
    provider.claims = {**provider.claims, "badge": "7"}
    assert come_back(Client()).status_code == 302


def test_reasons_and_addresses_of_the_page_exist() -> None:
    reasons = {"misconfigured", "account_exists", "other_login", "linked_elsewhere"}
    assert reasons <= set(re.findall(r"`(\w+)`", TEXT))
    assert reasons <= set(Failure)
    paths = re.findall(r"^\| `(?:[A-Z]+ )?(auth/[^`]+)` \|", TEXT, re.MULTILINE)
    assert len(paths) == 4
    for path in paths:
        resolve("/" + re.sub(r"<\w+>", "1", path))
