"""The places of features' pages in the account area."""

from __future__ import annotations

import pytest
from django.test import RequestFactory

from authkit import features
from authkit.features import OVERVIEW, SECURITY, AccountLink
from authkit.pages.area import Area, area_of
from tests.pages.conftest import ACCOUNT, LOGINS
from tests.pages.conftest import SECURITY as SECURITY_PAGE

PASSWORD = AccountLink("Password", "/auth/account/password/", "Change it.", SECURITY)
DELETION = AccountLink("Delete", "/auth/account/delete/", place=OVERVIEW)
FIRST = AccountLink("First", "/auth/account/first/", order=5)
LAST = AccountLink("Last", "/auth/account/last/")


@pytest.fixture(autouse=True)
def offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "account_links", lambda request: [LAST, PASSWORD, DELETION, FIRST])


def seen_from(path: str) -> Area:
    return area_of(RequestFactory().get(path))


def test_the_navigation_has_the_pages_without_another_place_in_their_order() -> None:
    urls = [entry.link.url for entry in seen_from(ACCOUNT).navigation]
    assert urls == [ACCOUNT, FIRST.url, LOGINS, SECURITY_PAGE, LAST.url]


def test_the_overview_lists_all_but_itself_and_what_belongs_to_security() -> None:
    area = seen_from(ACCOUNT)
    assert [link.url for link in area.pages] == [FIRST.url, LOGINS, SECURITY_PAGE, LAST.url, DELETION.url]
    assert area.security == (PASSWORD,)


@pytest.mark.parametrize(
    ("path", "marked"),
    [
        (LAST.url, {LAST.url: "page"}),
        (PASSWORD.url, {SECURITY_PAGE: "true"}),
        (DELETION.url, {ACCOUNT: "true"}),
        ("/elsewhere/", {}),
    ],
)
def test_a_page_below_another_marks_that_one(path: str, marked: dict[str, str]) -> None:
    assert {entry.link.url: entry.current for entry in seen_from(path).navigation if entry.current} == marked
