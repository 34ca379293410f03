"""authkit.d.ts, as TypeScript sees it, and that it is the module's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.services import openid

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.oidc  # for its Node.js and what npm installed beside it

HERE = Path(__file__).parent
DECLARATIONS = HERE.parents[1] / "authkit" / "static" / "authkit" / "authkit.d.ts"


def checked(file: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(openid.run_script("types.mjs", FILE=str(file), DECLARATIONS=str(DECLARATIONS)))
    return told


def test_strict_typescript_takes_what_is_right_and_nothing_else() -> None:
    """Where a mistake passes, TypeScript complains of the line that expects an error."""
    assert checked(HERE / "usage.ts")["problems"] == []


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_the_types_are_those_of_the_module(page: Page, live_server: Any) -> None:
    declared = checked(HERE / "usage.ts")
    page.goto(f"{live_server.url}/auth/login/")
    members, values = page.evaluate(
        "async () => { const module = await import('/static/authkit/authkit.js'); "
        "return [Object.keys(module.createAuth()), Object.keys(module)]; }"
    )
    assert sorted(members) == sorted(declared["members"])
    assert sorted(values) == sorted(declared["values"])
