from __future__ import annotations

import logging
import re
import time
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.urls import reverse
from django.utils import timezone

from authkit.core.clients import Client
from authkit.logins.blacklist import blacklist_token
from authkit.logins.models import BlacklistedToken, Login
from authkit.logins.reasons import EndReason, TokenKind
from authkit.tokens.blacklisting import summarize_token
from authkit.tokens.codec import sign
from authkit.tokens.services import TokenPair, issue_tokens

pytestmark = pytest.mark.django_db

PAGE = "/admin/authkit/blacklistedtoken/add-token/"
LIST = "/admin/authkit/blacklistedtoken/"


@pytest.fixture
def pair(user: Any) -> TokenPair:
    return issue_tokens(user=user, method="password", client=Client())


def sealed(answer: Any) -> str:
    found = re.search(r'name="chosen" value="([^"]+)"', answer.content.decode())
    assert found is not None
    return found[1]


def holds(text: str, pair: TokenPair) -> bool:
    return any(part in text for token in (pair.access, pair.refresh) for part in token.split("."))


def test_address() -> None:
    assert reverse("admin:authkit_blacklistedtoken_blacklist") == PAGE


@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_paste_see_confirm(pair: TokenPair, boss: Any, browse: Any, kind: str) -> None:
    browser = browse(boss)
    shown = browser.post(PAGE, {"token": f" {getattr(pair, kind)} \n"})
    text = shown.content.decode()
    summary = summarize_token(token=getattr(pair, kind))
    for fact in (f"{kind} token", str(pair.user), f"{pair.login.pk}: live", summary.jti):
        assert fact in text
    assert Login.objects.get(pk=pair.login.pk).ended_at is None  # nothing yet
    assert not BlacklistedToken.objects.exists()

    done = browser.post(PAGE, {"chosen": sealed(shown)}, follow=True)
    assert done.redirect_chain == [(LIST, 302)]
    assert "The token is on the blacklist. Its login was ended." in done.content.decode()
    row = BlacklistedToken.objects.get()
    assert (row.jti, row.kind, row.user, row.by, row.reason) == (summary.jti, kind, pair.user, boss, "forced")
    assert Login.objects.get(pk=pair.login.pk).end_reason == "forced"
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id, entry.object_repr) == (boss, row.pk, summary.jti)

    again = browser.post(PAGE, {"token": getattr(pair, kind)})
    assert f"{pair.login.pk}: forced out" in again.content.decode()
    done = browser.post(PAGE, {"chosen": sealed(again)}, follow=True)
    assert "was on the blacklist already. Its login was over already." in done.content.decode()
    assert LogEntry.objects.count() == 1


def test_an_expired_token_says_so(pair: TokenPair, boss: Any, browse: Any) -> None:
    hour_ago = int(time.time()) - 3600
    old = sign(
        kind=TokenKind.ACCESS,
        login_id=pair.login.pk,
        subject=str(pair.user.pk),
        generation=0,
        issued_at=hour_ago - 900,
        expires_at=hour_ago,
        issuer="authkit",
        audience="authkit",
    )
    text = browse(boss).post(PAGE, {"token": old}).content.decode()
    assert "(expired)" in text
    assert f"{pair.login.pk}: live" in text


@pytest.mark.parametrize("text", ["", "x.y.z", "€", "x" * 70_000])
def test_what_is_no_token_of_ours_is_told_so_and_not_echoed(boss: Any, browse: Any, text: str) -> None:
    answer = browse(boss).post(PAGE, {"token": text})
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "errornote" in page
    assert not text or text not in page
    assert not BlacklistedToken.objects.exists()


def test_the_token_is_not_stored_logged_or_echoed(
    pair: TokenPair, boss: Any, browse: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    browser = browse(boss)
    damaged = browser.post(PAGE, {"token": pair.refresh[:-2]})
    shown = browser.post(PAGE, {"token": pair.refresh})
    done = browser.post(PAGE, {"chosen": sealed(shown)}, follow=True)
    entry = browser.get(f"{LIST}{BlacklistedToken.objects.get().pk}/change/")
    for answer in (damaged, shown, done, entry):
        assert answer.status_code == 200
        assert not holds(answer.content.decode(), pair)
    for answer in (browser.get(PAGE), damaged, shown):
        assert "no-store" in answer["Cache-Control"]
    stored = [str(list(model._default_manager.values())) for model in (BlacklistedToken, LogEntry, Login)]
    assert not any(holds(text, pair) for text in (*stored, caplog.text))


def test_the_form_is_not_kept_by_the_browser(boss: Any, browse: Any) -> None:
    page = browse(boss).get(PAGE).content.decode()
    field = re.search(r"<textarea[^>]*>", page)
    assert field is not None
    assert 'autocomplete="off"' in field[0]
    assert 'spellcheck="false"' in field[0]


def test_a_confirmation_is_good_for_whoever_pasted_and_not_for_ever(
    pair: TokenPair, boss: Any, browse: Any, staff: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    clerk = browse(staff("view_blacklistedtoken", "authkit.force_logout"))
    chosen = sealed(clerk.post(PAGE, {"token": pair.refresh}))
    for browser, text in ((browse(boss), chosen), (clerk, chosen[:-1]), (clerk, ""), (clerk, "x")):
        assert "You took too long" in browser.post(PAGE, {"chosen": text}).content.decode()
    monkeypatch.setattr("authkit.admin.blacklist.CONFIRM_WITHIN_SECONDS", -1)
    assert "You took too long" in clerk.post(PAGE, {"chosen": chosen}).content.decode()
    assert not BlacklistedToken.objects.exists()


@pytest.mark.parametrize(
    ("permissions", "sees", "may"),
    [
        ((), 403, 403),
        (("view_blacklistedtoken",), 200, 403),
        (("authkit.force_logout",), 403, 403),
        (("view_blacklistedtoken", "authkit.force_logout"), 200, 200),
    ],
)
def test_permissions(
    pair: TokenPair, staff: Any, browse: Any, permissions: tuple[str, ...], sees: int, may: int
) -> None:
    browser = browse(staff(*permissions))
    page = browser.get(LIST)
    assert (page.status_code, browser.get(PAGE).status_code) == (sees, may)
    assert browser.post(PAGE, {"token": pair.refresh}).status_code == may
    assert (PAGE.encode() in page.content) is (may == 200)


def test_csrf_is_asked_for(pair: TokenPair, boss: Any, browse: Any) -> None:
    assert browse(boss, enforce_csrf_checks=True).post(PAGE, {"token": pair.refresh}).status_code == 403


def test_the_list_is_read_only_and_found_by_a_whole_jti(boss: Any, browse: Any) -> None:
    for jti in ("abc", "ABC"):
        blacklist_token(jti=jti, kind="access", reason=EndReason.REVOKED, expires_at=timezone.now() + timedelta(1))
    browser = browse(boss)
    for pk in BlacklistedToken.objects.values_list("pk", flat=True):
        assert browser.get(f"{LIST}{pk}/change/").status_code == 200
        assert browser.post(f"{LIST}{pk}/change/", {"jti": "x"}).status_code == 403
        assert browser.post(f"{LIST}{pk}/delete/", {"post": "yes"}).status_code == 403
    assert browser.get(f"{LIST}add/").status_code == 403
    found = [
        len(browser.get(LIST, {"q": term}).context["cl"].result_list) for term in (" abc ", "ABC", "Abc", "ab", "")
    ]
    assert found == [1, 1, 0, 0, 2]


def test_a_person_with_blacklisted_tokens_can_be_deleted_in_the_admin(
    pair: TokenPair, boss: Any, browse: Any, url: Any
) -> None:
    blacklist_token(
        jti="abc",
        kind="access",
        user_id=pair.user.pk,
        reason=EndReason.REVOKED,
        expires_at=timezone.now() + timedelta(1),
    )
    answer = browse(boss).post(url(pair.user, "delete", pair.user.pk), {"post": "yes"})
    assert answer.status_code == 302
    assert not get_user_model()._base_manager.filter(pk=pair.user.pk).exists()
    assert BlacklistedToken.objects.get().user is None


def test_address_with_a_nul_in_it_is_nobodys(boss: Any, browse: Any) -> None:
    assert browse(boss).get(f"{LIST}%00/change/").status_code == 302
    assert browse(boss).get(LIST, {"kind__exact": "\x00"}).status_code in {200, 302}
