from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import override_settings
from django.utils import timezone

from authkit.exceptions import TokenNotValid
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason, TokenKind
from authkit.tokens.codec import Claims
from authkit.tokens.keys import signing_key
from authkit.tokens.revoking import revoke_token
from authkit.tokens.services import TokenPair, refresh_tokens, verify_access


def test_claims_read_like_a_dict(pair: TokenPair, user: Any) -> None:
    claims = verify_access(token=pair.access).claims
    assert isinstance(claims, Claims)
    assert claims["sub"] == claims.subject == str(user.pk)
    assert claims.get("email") is None
    assert len(claims) == len(list(claims)) == 8


@override_settings(AUTHKIT={"TOKENS": {"ACCESS_LIFETIME": timedelta(minutes=5), "REFRESH_IDLE": timedelta(hours=1)}})
def test_lifetimes_come_from_the_settings(user: Any, request: Any) -> None:
    pair: TokenPair = request.getfixturevalue("pair")
    assert pair.expires_in == 300
    assert pair.login.expires_at - pair.login.created_at == timedelta(hours=1)


def test_access_token_never_outlives_its_login(user: Any, request: Any) -> None:
    with override_settings(AUTHKIT={"TOKENS": {"REFRESH_ABSOLUTE": timedelta(minutes=1)}}):
        pair: TokenPair = request.getfixturevalue("pair")
    assert pair.expires_in == 60


def test_answer_of_a_retry_counts_down(pair: TokenPair) -> None:
    refresh_tokens(refresh=pair.refresh)
    Login.objects.update(rotated_at=timezone.now() - timedelta(seconds=8))
    assert 890 <= refresh_tokens(refresh=pair.refresh).expires_in <= 892


def test_expired_refresh_token_is_refused_with_its_reason(pair: TokenPair, monkeypatch: pytest.MonkeyPatch) -> None:
    later = timezone.now().timestamp() + timedelta(days=8).total_seconds()
    monkeypatch.setattr("authkit.tokens.codec.time.time", lambda: later)
    with pytest.raises(TokenNotValid) as caught:
        refresh_tokens(refresh=pair.refresh)
    assert caught.value.reason == "expired"
    assert revoke_token(token=pair.access, reason=EndReason.LOGOUT) is True
    assert revoke_token(token=pair.access) is False
    assert Login.objects.get().end_reason == EndReason.LOGOUT


def test_keys_differ_by_use_and_secret(settings: Any) -> None:
    access, refresh = signing_key(TokenKind.ACCESS), signing_key(TokenKind.REFRESH)
    assert len({access.secret, refresh.secret, settings.SECRET_KEY.encode()}) == 3
    assert len(access.secret) == len(refresh.secret) == 32
    assert access.kid != refresh.kid
    with override_settings(SECRET_KEY="n" * 50):
        assert signing_key(TokenKind.ACCESS).secret != access.secret
