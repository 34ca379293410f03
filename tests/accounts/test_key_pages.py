"""The base of the pages behind links whose key stands in the fragment."""

from __future__ import annotations

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from authkit.exceptions import InvalidGrant
from authkit.mail import links
from authkit.pages.keys import KeyForm, KeyPage

KEY = "A-key_of-43-characters-AAAAAAAAAAAAAAAAAAAA"


class Once(KeyPage):
    template = "authkit/key_page.html"

    def act(self, request: HttpRequest, form: KeyForm) -> HttpResponse:
        if form.cleaned_data["key"] != KEY:
            raise InvalidGrant
        return self.show(request, "done")


def answer(**posted: str) -> HttpResponse:
    request = RequestFactory().post("/auth/once/", posted)
    request.csrf_processing_done = True  # type: ignore[attr-defined]
    request.session = {}  # type: ignore[assignment]
    response = Once.as_view()(request)
    assert isinstance(response, HttpResponse)
    assert "no-store" in response["Cache-Control"]
    assert request.sensitive_post_parameters == "__ALL__"  # type: ignore[attr-defined]
    return response


@pytest.mark.parametrize("pasted", [KEY, f" {KEY}\n", f"https://www.example.com/auth/once/#key={KEY}", f"#key={KEY}"])
def test_a_person_without_a_script_pastes_the_key_or_its_link(pasted: str) -> None:
    assert answer(key=pasted).status_code == 200


@pytest.mark.parametrize("pasted", ["", "  ", "\x00", "x" * 129, "x" * 1_000_000, "\ud800#key="])
def test_what_can_be_no_key_is_a_field_error(pasted: str) -> None:
    response = answer(key=pasted.encode("utf-8", "surrogatepass").decode("utf-8", "replace"))
    assert response.status_code == 400
    assert 'aria-invalid="true"' in response.content.decode()


def test_an_unknown_key_is_told() -> None:
    response = answer(key="another")
    assert (response.status_code, "This link can't be used" in response.content.decode()) == (400, True)


def test_get_acts_on_no_key_of_the_query() -> None:
    request = RequestFactory().get("/auth/once/", {"key": KEY})
    request.session = {}  # type: ignore[assignment]
    response = Once.as_view()(request)
    assert KEY not in response.content.decode()
    assert 'type="module"' in response.content.decode()


def test_a_link_carries_its_key_in_the_fragment(settings: pytest.FixtureRequest) -> None:
    settings.AUTHKIT = {"PUBLIC_URL": "https://www.example.com", "ACCOUNTS": {}}  # type: ignore[attr-defined]
    assert links.link("login", key=KEY) == f"https://www.example.com/auth/login/#key={KEY}"
    assert repr(links.link("login", key=KEY)) == "<hidden>"
