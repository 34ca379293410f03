from __future__ import annotations

import time
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from authkit.exceptions import TokenNotValid
from authkit.logins.blacklist import blacklist_token, is_blacklisted
from authkit.logins.models import BlacklistedToken, Login
from authkit.logins.reasons import EndReason, TokenKind
from authkit.logins.services import end_login
from authkit.tokens.blacklisting import blacklist_text, summarize_token, token_state
from authkit.tokens.codec import sign
from authkit.tokens.services import refresh_tokens, verify_access

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_a_blacklisted_token_and_its_sibling_are_both_refused(pair: Any, kind: str, make_user: Any) -> None:
    boss = make_user("boss")
    summary, result = blacklist_text(token=getattr(pair, kind), reason=EndReason.FORCED, by=boss)
    assert (result.added, result.login_ended) == (True, True)
    for call in (lambda: refresh_tokens(refresh=pair.refresh), lambda: verify_access(token=pair.access)):
        with pytest.raises(TokenNotValid) as caught:
            call()
        assert (caught.value.reason, caught.value.why) == ("login_ended", "forced")
    row = BlacklistedToken.objects.get()
    assert (row.jti, row.kind, row.user_id, row.by) == (summary.jti, kind, pair.user.pk, boss)
    assert (row.login_id, row.expires_at) == (pair.login.pk, summary.expires_at)


def test_an_expired_token_can_be_blacklisted_and_that_ends_its_login(pair: Any) -> None:
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
    assert token_state(summary=summarize_token(token=old)).expired
    summary, result = blacklist_text(token=f"  {old}\n")
    assert (summary.expires_at.timestamp(), result.login_ended) == (hour_ago, True)
    with pytest.raises(TokenNotValid):
        refresh_tokens(refresh=pair.refresh)


def test_the_summary_says_what_it_is_and_holds_no_token(pair: Any) -> None:
    summary = summarize_token(token=pair.refresh)
    assert (summary.kind, summary.subject, summary.login_id) == ("refresh", str(pair.user.pk), pair.login.pk)
    assert summary.issued_at == pair.login.rotated_at.replace(microsecond=0)
    assert summary.expires_at == pair.login.expires_at.replace(microsecond=0)
    assert not any(part in repr(summary) for part in pair.refresh.split("."))


def test_the_state_follows_the_login_the_blacklist_and_the_clock(pair: Any) -> None:
    summary = summarize_token(token=pair.access)
    state = token_state(summary=summary)
    assert (state.owner, state.over, state.expired, state.blacklisted) == (pair.user, None, False, False)
    end_login(login_id=pair.login.pk, reason=EndReason.LOGOUT)
    state = token_state(summary=summary)
    assert (state.owner, state.over, state.blacklisted) == (pair.user, EndReason.LOGOUT, False)
    blacklist_text(token=pair.access)
    assert token_state(summary=summary).blacklisted
    get_user_model()._base_manager.all().delete()
    state = token_state(summary=summary)
    assert (state.owner, state.over) == (None, EndReason.DELETED)


def test_a_token_of_another_user_model_belongs_to_nobody(pair: Any) -> None:
    from dataclasses import replace

    summary = replace(summarize_token(token=pair.access), subject="no key at all")
    assert token_state(summary=summary).owner is None


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "€", "x" * 9000])
def test_what_is_no_token_of_ours_is_refused_and_leaves_no_row(db: None, text: str) -> None:
    with pytest.raises(TokenNotValid):
        blacklist_text(token=text)
    assert not BlacklistedToken.objects.exists()


@pytest.mark.parametrize("endpoint", ["revoke", "blacklist"])
def test_strangers_cannot_fill_the_blacklist_through_the_endpoints(api: Any, pair: Any, endpoint: str) -> None:
    body = {"token": pair.refresh} if endpoint == "revoke" else {"refresh": pair.refresh}
    for _ in range(3):
        assert api.post(f"/auth/api/token/{endpoint}/", body, format="json").status_code == 200
    assert Login.objects.get().end_reason == "revoked"
    assert not BlacklistedToken.objects.exists()
    assert not is_blacklisted(jti=summarize_token(token=pair.refresh).jti)


def test_a_jti_listed_by_hand_is_refused_at_refresh_and_ends_the_login_then(
    pair: Any, django_assert_num_queries: Any
) -> None:
    until = summarize_token(token=pair.refresh).expires_at
    other = summarize_token(token=pair.refresh).jti.swapcase()
    blacklist_token(jti=other, kind="refresh", reason=EndReason.REVOKED, expires_at=until)
    with django_assert_num_queries(2):
        pair = refresh_tokens(refresh=pair.refresh)
    jti = summarize_token(token=pair.refresh).jti
    blacklist_token(jti=jti, kind="refresh", reason=EndReason.REVOKED, expires_at=until)
    verify_access(token=pair.access)
    with pytest.raises(TokenNotValid) as caught:
        refresh_tokens(refresh=pair.refresh)
    assert (caught.value.reason, caught.value.why) == ("login_ended", "revoked")
    assert Login.objects.get().end_reason == "revoked"
    with pytest.raises(TokenNotValid):
        verify_access(token=pair.access)
