"""The accept-list of token formats."""

from __future__ import annotations

import time
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.urls import reverse

from authkit.exceptions import TokenNotValid
from authkit.logins.models import Login
from authkit.logins.principal import Principal
from authkit.tokens import formats, verify_access
from authkit.tokens.codec import Claims
from authkit.tokens.formats import ACCESS, BOTH, REFRESH, accepted, authkit_jwt, format_of, register
from authkit.tokens.pairs import TokenPair
from authkit.tokens.revoking import identify_token, revoke_refresh, revoke_token
from authkit.tokens.services import averify_access, refresh_tokens, verify_token
from authkit.tokens.verified_cache import TokenFacts
from tests.dropin.legacy_tokens import OPEN, simplejwt_token

pytestmark = pytest.mark.django_db


class Opaque:
    """A format as a feature would bring it: `opaque_<the access or refresh token of ours that it stands for>`."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def _inner(self, token: str, asked: str) -> str:
        self.asked.append(asked)
        return token.removeprefix("opaque_")

    def detect(self, token: str) -> bool:
        return token.startswith("opaque_")

    def verify(self, token: str, *, kinds: Any) -> formats.VerifiedAccess:
        return authkit_jwt.verify(self._inner(token, "verify"), kinds=kinds)

    def refresh(self, token: str, **options: Any) -> TokenPair:
        return authkit_jwt.refresh(self._inner(token, "refresh"), **options)

    def identify(self, token: str, *, kinds: Any) -> Claims:
        return authkit_jwt.identify(self._inner(token, "identify"), kinds=kinds)

    def revoke(self, token: str, *, reason: Any) -> bool:
        return authkit_jwt.revoke(self._inner(token, "revoke"), reason=reason)


@pytest.fixture
def opaque(monkeypatch: pytest.MonkeyPatch) -> Opaque:
    monkeypatch.setattr("authkit.tokens.formats.accept_list._accepted", list(accepted()))
    added = Opaque()
    register(added)
    register(added)
    assert accepted()[-1] is added
    assert accepted().count(added) == 1
    return added


def test_authkits_own_jwt_is_asked_first() -> None:
    assert accepted()[0] is authkit_jwt


def test_each_token_is_read_by_one_format(user: Any, pair: TokenPair, settings: Any) -> None:
    settings.AUTHKIT = OPEN
    assert format_of(pair.access) is format_of(pair.refresh) is authkit_jwt
    theirs = simplejwt_token(user)
    assert format_of(theirs) is not authkit_jwt
    assert [one.detect(theirs) for one in accepted()].count(True) == 1
    settings.AUTHKIT = {}
    with pytest.raises(TokenNotValid):
        format_of(theirs)


@pytest.mark.parametrize("text", ["", ".", "a.b.c", "é.é.é", "x" * 9000, "e30.e30.", "bnVsbA.e30.AA", "WzFd.e30.AA"])
def test_text_of_no_format_is_refused_by_every_function(text: str) -> None:
    assert not any(one.detect(text) for one in accepted())
    for ask in (verify_access, verify_token, revoke_token, identify_token, revoke_refresh):
        with pytest.raises(TokenNotValid) as caught:
            ask(token=text)
        assert caught.value.reason is None
    with pytest.raises(TokenNotValid):
        refresh_tokens(refresh=text)


def test_new_format_needs_no_change_elsewhere(opaque: Opaque, pair: TokenPair, client: Any) -> None:
    me = reverse("authkit:me")
    assert client.get(me, HTTP_AUTHORIZATION=f"Bearer opaque_{pair.access}").status_code == 200
    verify_token(token=f"opaque_{pair.refresh}")
    successor = refresh_tokens(refresh=f"opaque_{pair.refresh}")
    assert identify_token(token=f"opaque_{pair.access}").login_id == pair.login.pk
    revoke_refresh(token=f"opaque_{successor.refresh}")
    assert Login.objects.get().ended_at is not None
    assert not revoke_token(token=f"opaque_{pair.access}")
    assert client.get(me, HTTP_AUTHORIZATION=f"Bearer opaque_{pair.access}").status_code == 401
    assert opaque.asked == ["verify", "verify", "refresh", "identify", "identify", "revoke", "revoke", "verify"]


def test_other_formats_are_verified_off_the_event_loop(opaque: Opaque, pair: TokenPair) -> None:
    verified = async_to_sync(averify_access)(token=f"opaque_{pair.access}")
    assert verified.user.pk == pair.user.pk
    assert opaque.asked == ["verify"]


def test_verified_access_has_person_and_login(pair: TokenPair) -> None:
    now = int(time.time())
    facts = TokenFacts(pair.login.pk, str(pair.user.pk), now, now, now + 9, None)
    verified = formats.VerifiedAccess(principal=Principal(user=pair.user, login=pair.login), claims=Claims(facts, {}))
    assert (verified.user, verified.login) == (pair.user, pair.login)


def test_kind_that_was_not_asked_for_is_refused(pair: TokenPair) -> None:
    for token, kinds in ((pair.refresh, ACCESS), (pair.access, REFRESH)):
        for ask in (authkit_jwt.verify, authkit_jwt.identify):
            with pytest.raises(TokenNotValid):
                ask(token, kinds=kinds)
            ask(token, kinds=BOTH)
