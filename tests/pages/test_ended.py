"""A person who was signed out by another hand is told why, once, where they sign in again."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from authkit.logins.reasons import EndReason
from authkit.logins.services import end_logins_of
from authkit.pages.ended import SENTENCES
from tests.pages.conftest import ACCOUNT, LOGIN

pytestmark = pytest.mark.django_db

COOKIE = "authkit-ended"


@pytest.fixture
def forced_out(user: Any, sign_in: Callable[..., Any], browser_client: Client) -> Client:
    sign_in(user)
    end_logins_of(user_id=user.pk, reason=EndReason.FORCED)
    return browser_client


def said(client: Client, path: str = LOGIN, **query: str) -> list[str]:
    page = client.get(path, query).content.decode()
    return [word for word, sentence in SENTENCES.items() if str(sentence) in page]


def test_every_reason_has_a_sentence_of_its_own() -> None:
    assert set(SENTENCES) == set(EndReason)
    assert len({str(sentence) for sentence in SENTENCES.values()}) == len(EndReason)


def test_a_person_who_is_forced_out_reads_it_once_on_the_sign_in_page(forced_out: Client) -> None:
    answer = forced_out.get(ACCOUNT)
    assert answer["Location"].startswith(LOGIN)
    cookie = answer.cookies[COOKIE]
    assert (cookie.value, cookie["httponly"], cookie["samesite"], cookie["max-age"]) == ("forced", True, "Lax", 600)
    assert [said(forced_out), said(forced_out)] == [["forced"], []]


def test_the_sign_in_page_itself_may_be_what_finds_it_out(forced_out: Client) -> None:
    assert [said(forced_out), said(forced_out)] == [["forced"], []]


def test_a_screen_reader_reads_it_with_the_field_that_has_the_cursor(forced_out: Client) -> None:
    page = forced_out.get(LOGIN).content.decode()
    [field] = re.findall(r'<input [^>]*name="username"[^>]*>', page)
    assert 'aria-describedby="authkit-ended"' in field
    assert "autofocus" in field
    assert 'id="authkit-ended"' in page


def test_signing_in_again_ends_the_note(forced_out: Client, user: Any, sign_in: Callable[..., Any]) -> None:
    forced_out.get(ACCOUNT)
    sign_in(user)
    assert not forced_out.cookies[COOKIE].value


def test_a_program_reads_it_in_its_answer_and_gets_no_cookie(forced_out: Client) -> None:
    answer = forced_out.get("/auth/api/me/")
    assert (answer.status_code, answer.json()["why"]) == (401, "forced")
    assert COOKIE not in answer.cookies


def test_over_tls_no_sibling_site_can_plant_it(forced_out: Client) -> None:
    assert forced_out.get(ACCOUNT, secure=True).cookies[f"__Host-{COOKIE}"]["secure"] is True
    forced_out.cookies.clear()
    forced_out.cookies[COOKIE] = "deactivated"
    assert str(SENTENCES[EndReason.DEACTIVATED]) not in forced_out.get(LOGIN, secure=True).content.decode()


@pytest.mark.parametrize("word", ["", "no_such_reason", "<script>", "x" * 5000])
def test_an_unknown_word_says_nothing(client: Client, word: str) -> None:
    client.cookies[COOKIE] = word
    assert said(client) == []
    assert said(client, "/auth/ended/", why=word) == []


def test_an_app_leads_a_person_to_the_page_that_says_why(client: Client) -> None:
    assert said(client, "/auth/ended/", why="evicted") == ["evicted"]
    assert said(client, "/auth/ended/") == []


def test_no_link_tells_a_person_who_is_signed_in_that_they_are_not(
    user: Any, sign_in: Callable[..., Any], browser_client: Client
) -> None:
    sign_in(user)
    assert browser_client.get("/auth/ended/", {"why": "forced"})["Location"] == ACCOUNT
