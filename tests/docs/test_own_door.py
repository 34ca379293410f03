"""docs/own-door.md: its blocks are mounted and used."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.conf import settings
from django.urls import include, path
from django.views.decorators.csrf import csrf_protect
from drf_spectacular.generators import SchemaGenerator

from authkit.logins.models import Login
from authkit.openapi import document as _loaded  # noqa: F401  # as its app does in a project

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
        path("described/", namespace["DescribedMagicLink"].as_view()),
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


def test_the_described_door_is_the_same_door(person: Any, api: Any) -> None:
    assert api.post("/described/", {"key": "good"}, format="json").status_code == 200


def test_the_document_has_what_the_door_declares(person: Any) -> None:
    generator: Any = SchemaGenerator
    [door] = [pattern for pattern in settings.ROOT_URLCONF.urlpatterns if str(pattern.pattern) == "described/"]
    found = generator(patterns=[door]).get_schema(public=True)["paths"]["/described/"]["post"]
    assert (found["operationId"], found["tags"]) == ("magic_link", ["Doors"])
    assert set(found["responses"]) == {"200", "400", "403", "415", "429", "503"}
    answer = found["responses"]["200"]["content"]["application/json"]["schema"]
    assert answer == {"$ref": "#/components/schemas/AuthKitTokenAnswer"}


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
