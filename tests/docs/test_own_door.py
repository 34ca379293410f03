"""docs/own-door.md: its blocks are mounted and used."""

from __future__ import annotations

import re
import sys
from datetime import date
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
from authkit.signin import doors, guards, methods
from authkit.signin.checks import check_doors

PAGE = (Path(__file__).resolve().parent.parent.parent / "docs" / "own-door.md").read_text()
BLOCKS = dict(re.findall(r"^```python\n# ([^\n]+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))


@pytest.fixture
def names(user: Any) -> dict[str, Any]:
    """What the page's blocks define; Alice's key is "good"."""
    namespace: dict[str, Any] = {"__name__": "mysite.doors", "spend_key": lambda key: user if key == "good" else None}
    for block in BLOCKS.values():
        exec(block, namespace)
    return namespace


@pytest.fixture
def person(user: Any, settings: Any, names: dict[str, Any]) -> Any:
    """Alice, at a site that has the page's two doors."""
    urls = ModuleType("urls")
    urls.__dict__["urlpatterns"] = [
        path("magic/", names["MagicLink"].as_view()),
        path("described/", names["DescribedMagicLink"].as_view()),
        path("magic-page/", csrf_protect(names["magic_page"])),
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


@pytest.fixture
def registries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors, "_doors", dict(doors._doors))
    monkeypatch.setattr(methods, "_methods", dict(methods._methods))
    monkeypatch.setattr(guards, "_guards", list(guards._guards))


@pytest.mark.usefixtures("registries")
def test_a_door_and_a_method_with_names(person: Any, client: Any, names: dict[str, Any]) -> None:
    sys.modules["mysite"], sys.modules["mysite.doors"] = ModuleType("mysite"), ModuleType("mysite.doors")
    try:
        vars(sys.modules["mysite.doors"]).update(names)
        names["MySiteConfig"].ready(None)
        assert check_doors() == []
    finally:
        del sys.modules["mysite.doors"], sys.modules["mysite"]
    client.post("/magic-page/", {"key": "good"})
    assert "Link by mail" in client.get("/auth/account/logins/").content.decode()


def test_the_rule_refuses_with_its_sentence(person: Any, client: Any, api: Any, settings: Any, names: Any) -> None:
    settings.AUTHKIT = {"LOGIN": {"MAY_SIGN_IN": names["may_sign_in"]}}
    person.contract_ends = date(2020, 1, 31)
    answer = api.post("/magic/", {"key": "good"}, format="json")
    assert (answer.status_code, answer.json()) == (
        403,
        {"code": "sign_in_refused", "detail": "Your contract has ended."},
    )
    page = client.post("/magic-page/", {"key": "good"})
    assert page.status_code == 403
    assert "Your contract has ended." in page.content.decode()
    assert not Login.objects.exists()
    del person.contract_ends
    assert api.post("/magic/", {"key": "good"}, format="json").status_code == 200


@pytest.mark.usefixtures("registries")
def test_the_guard_leads_to_its_step(person: Any, client: Any, api: Any, names: Any) -> None:
    names["connect"]()
    person.accepted_terms = False
    answer = api.post("/magic/", {"key": "good"}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (403, "terms_changed")
    assert client.post("/magic-page/", {"key": "good"})["Location"] == "/auth/login/"
    assert not Login.objects.exists()
