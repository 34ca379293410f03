"""docs/own-door.md: its blocks are mounted and used."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.urls import include, path
from django.views.decorators.csrf import csrf_protect

from authkit.logins.models import Login

PAGE = (Path(__file__).resolve().parent.parent.parent / "docs" / "own-door.md").read_text()
BLOCKS = dict(re.findall(r"^```python\n# ([^\n]+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))


@pytest.fixture
def person(user: Any, settings: Any) -> Any:
    """Alice, whose key is "good", at a site that has the page's two doors."""
    namespace: dict[str, Any] = {"__name__": "mysite.doors", "spend_key": lambda key: user if key == "good" else None}
    for block in BLOCKS.values():
        exec(block, namespace)
    urls = ModuleType("urls")
    urls.__dict__["urlpatterns"] = [
        path("magic/", namespace["MagicLink"].as_view()),
        path("magic-page/", csrf_protect(namespace["magic_page"])),
        path("auth/", include("authkit.urls")),
    ]
    settings.ROOT_URLCONF = urls
    return user


def test_a_program_gets_a_pair_for_a_key(person: Any, api: Any) -> None:
    answer = api.post("/magic/", {"key": "good"}, format="json")
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    assert Login.objects.get().method == "magic-link"
    header = f"Bearer {answer.json()['access']}"
    assert api.get("/auth/api/me/", HTTP_AUTHORIZATION=header).json()["login"]["method"] == "magic-link"


@pytest.mark.parametrize("body", [{"key": "bad"}, {}, {"key": ["good"]}])
def test_a_wrong_key_is_refused(person: Any, api: Any, body: Any) -> None:
    answer = api.post("/magic/", body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_grant")
    assert not Login.objects.exists()


def test_an_inactive_person_is_refused(person: Any, api: Any) -> None:
    person.is_active = False
    assert api.post("/magic/", {"key": "good"}, format="json").json()["code"] == "no_active_account"
    assert not Login.objects.exists()


def test_a_cookie_needs_the_csrf_proof_before_the_key_is_spent(person: Any, api: Any) -> None:
    answer = api.post("/magic/", {"key": "good", "transport": "cookie"}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed")


def test_a_browser_gets_a_session(person: Any, client: Any) -> None:
    assert client.post("/magic-page/", {"key": "good"}).status_code == 302
    assert client.get("/auth/api/me/").json()["login"]["method"] == "magic-link"
    assert client.post("/magic-page/", {"key": "bad"})["Location"].startswith("/auth/login/")
