"""Live simplejwt tokens while the window is open: who gets in, how a token becomes a login, and what ends it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import TestCase, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from authkit.exceptions import TokenNotValid
from authkit.logins.blacklist import blacklist_token, is_blacklisted
from authkit.logins.crowds import end_logins_of_people
from authkit.logins.models import BlacklistedToken, Login, UserCutoff
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_all_logins, end_logins_of
from authkit.tokens.revoking import revoke_token
from authkit.tokens.services import refresh_tokens, verify_access, verify_token
from tests.dropin.legacy_tokens import OPEN, simplejwt_token

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def window(settings: Any) -> None:
    settings.AUTHKIT = OPEN


def refused(call: Any, token: str) -> TokenNotValid:
    with pytest.raises(TokenNotValid) as caught:
        call(**{"refresh" if call is refresh_tokens else "token": token})
    return caught.value


def call(api: Any, token: str) -> Any:
    return api.get("/probe/", HTTP_AUTHORIZATION=f"Bearer {token}")


def test_access_token_gets_in_with_one_statement(api: Any, user: Any, django_assert_num_queries: Any) -> None:
    token = simplejwt_token(user)
    with django_assert_num_queries(1):
        answer = call(api, token)
    assert (answer.status_code, answer.json()) == (200, {"pk": str(user.pk)})
    assert not Login.objects.exists()


def test_view_sees_claims_and_a_login_as_ever(api: Any, user: Any) -> None:
    token = simplejwt_token(user, tenant="north")
    verified = verify_access(token=token)
    assert (verified.claims["user_id"], verified.claims["tenant"]) == (str(user.pk), "north")
    assert verified.claims.subject == str(user.pk)
    assert (verified.login.method, verified.login.kind) == ("simplejwt", "token")
    assert not [name for name in vars(verified.user) if name.startswith("_authkit")]
    me = api.get(reverse("authkit:me"), HTTP_AUTHORIZATION=f"Bearer {token}").json()
    assert (me["login"]["method"], me["login"]["current"]) == ("simplejwt", True)


def test_window_that_is_closed_or_over_accepts_nothing(user: Any, settings: Any) -> None:
    access, refresh = simplejwt_token(user), simplejwt_token(user, "refresh")
    for block in ({}, {"TOKENS": {"SIMPLEJWT_UNTIL": timezone.now() - timedelta(seconds=1)}}):
        settings.AUTHKIT = block
        for function, token in ((verify_access, access), (refresh_tokens, refresh), (revoke_token, refresh)):
            assert refused(function, token).reason is None
    assert not BlacklistedToken.objects.exists()


def test_refresh_turns_into_a_login_and_a_pair_of_ours(api: Any, user: Any) -> None:
    token = simplejwt_token(user, "refresh", age=600)
    issued = jwt.decode(token, options={"verify_signature": False})
    answer = api.post(reverse("token_refresh"), {"refresh": token}, HTTP_USER_AGENT="Mozilla/5.0 Firefox/130.0")
    assert answer.status_code == 200
    login = Login.objects.get()
    assert (login.user_id, login.method, login.ip) == (user.pk, "simplejwt", "127.0.0.1")
    assert "Firefox" in login.device
    assert login.created_at == datetime.fromtimestamp(issued["iat"], UTC)
    assert login.expires_at > timezone.now() + timedelta(days=6)
    assert is_blacklisted(jti=issued["jti"])
    assert BlacklistedToken.objects.get().reason == "replaced"
    pair = answer.json()
    assert jwt.get_unverified_header(pair["access"])["typ"] == "at+jwt"
    assert call(api, pair["access"]).status_code == 200
    assert api.post(reverse("token_refresh"), {"refresh": pair["refresh"]}).status_code == 200


def test_retry_within_the_grace_gets_the_same_pair(user: Any) -> None:
    token = simplejwt_token(user, "refresh")
    first, again = refresh_tokens(refresh=token), refresh_tokens(refresh=token)
    assert (first.access, first.refresh) == (again.access, again.refresh)
    assert Login.objects.count() == 1


def test_late_retry_of_the_first_refresh_gets_the_same_pair_once(user: Any, clock: Any) -> None:
    token = simplejwt_token(user, "refresh")
    first = refresh_tokens(refresh=token)
    clock.forward(seconds=35)
    assert refresh_tokens(refresh=token).refresh == first.refresh
    login = Login.objects.get()
    assert (login.generation, login.retried_generation, login.late_retries) == (0, 0, 1)
    clock.forward(seconds=11)
    assert refused(refresh_tokens, token).reason == "reused"


def test_replay_after_the_grace_ends_the_login(user: Any) -> None:
    token = simplejwt_token(user, "refresh")
    pair = refresh_tokens(refresh=token)
    Login.objects.update(rotated_at=timezone.now() - timedelta(seconds=61))
    assert refused(refresh_tokens, token).reason == "reused"
    assert refused(verify_access, pair.access).why == "reused"


def test_replay_two_generations_old_ends_the_login_even_within_the_grace(user: Any) -> None:
    token = simplejwt_token(user, "refresh")
    refresh_tokens(refresh=refresh_tokens(refresh=token).refresh)
    assert refused(refresh_tokens, token).reason == "reused"
    assert Login.objects.get().end_reason == "reused"


@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_blacklisted_jti_is_refused(user: Any, kind: str) -> None:
    token, ends = simplejwt_token(user, kind, jti="AbC"), timezone.now() + timedelta(days=1)
    verify_token(token=token)
    blacklist_token(jti="abc", kind=kind, reason=EndReason.REVOKED, expires_at=ends)
    verify_token(token=token)  # another jti
    blacklist_token(jti="AbC", kind=kind, reason=EndReason.REVOKED, expires_at=ends)
    function = verify_access if kind == "access" else refresh_tokens
    assert (refused(function, token).reason, refused(function, token).why) == ("login_ended", "revoked")
    assert not Login.objects.exists()


def test_logout_with_an_access_token_ends_that_token(api: Any, user: Any) -> None:
    token = simplejwt_token(user)
    assert api.post(reverse("authkit:logout-any"), HTTP_AUTHORIZATION=f"Bearer {token}").status_code == 204
    assert call(api, token).json()["why"] == "logout"
    assert BlacklistedToken.objects.get().user_id == user.pk


def test_blacklist_endpoint_before_and_after_the_first_refresh(api: Any, user: Any) -> None:
    url, token = reverse("token_blacklist"), simplejwt_token(user, "refresh")
    assert api.post(url, {"refresh": token}).json() == {}
    answer = api.post(url, {"refresh": token})
    assert (answer.status_code, answer.json()["detail"]) == (401, "Token is blacklisted")
    assert refused(refresh_tokens, token).why == "logout"

    other = simplejwt_token(user, "refresh")
    pair = refresh_tokens(refresh=other)
    assert api.post(url, {"refresh": other}).status_code == 200  # a tab that signs out with what it still holds
    assert refused(verify_access, pair.access).why == "logout"
    assert api.post(url, {"refresh": simplejwt_token(user)}).status_code == 401
    assert api.post(url, {"refresh": simplejwt_token(user, "refresh", age=90_000)}).status_code == 401


def test_expired_refresh_token_still_ends_the_login_that_it_became(user: Any) -> None:
    token = simplejwt_token(user, "refresh", jti="one")
    pair = refresh_tokens(refresh=token)
    assert revoke_token(token=simplejwt_token(user, "refresh", jti="one", age=90_000)) is True
    assert refused(verify_access, pair.access).why == "revoked"
    assert revoke_token(token=simplejwt_token(user, "access", age=9_000)) is False


def test_blacklisting_an_expired_refresh_token_ends_the_login_that_it_became(api: Any, user: Any) -> None:
    pair = refresh_tokens(refresh=simplejwt_token(user, "refresh", jti="one"))
    token = simplejwt_token(user, "refresh", jti="one", age=90_000)
    answer = api.post(reverse("token_blacklist"), {"refresh": token})
    assert (answer.status_code, answer.json()["reason"]) == (401, "expired")  # as with a token of authkit's
    assert refused(verify_access, pair.access).why == "logout"


@pytest.mark.parametrize("kind", ["access", "refresh"])
@pytest.mark.parametrize(
    ("event", "why"),
    [
        (lambda user: end_logins_of(user_id=user.pk, reason=EndReason.FORCED), "forced"),
        (lambda user: end_all_logins(reason=EndReason.FORCED), "forced"),
        (lambda user: type(user)._default_manager.filter(pk=user.pk).update(is_active=False), "deactivated"),
        (lambda user: user.delete(), "deleted"),
        (lambda user: (user.set_password("an entirely different one"), user.save()), "password_changed"),
    ],
    ids=["forced out", "everybody forced out", "deactivated by SQL", "deleted", "password changed"],
)
def test_what_ends_a_token_that_has_no_login(user: Any, kind: str, event: Any, why: str) -> None:
    token = simplejwt_token(user, kind)
    verify_token(token=token)
    event(user)
    function = verify_access if kind == "access" else refresh_tokens
    assert (refused(function, token).reason, refused(function, token).why) == ("login_ended", why)
    assert not Login.objects.exists()


def test_other_peoples_tokens_live_on(user: Any, make_user: Any) -> None:
    token = simplejwt_token(make_user("bob"))
    end_logins_of(user_id=user.pk, reason=EndReason.FORCED)
    user.set_password("an entirely different one")
    user.save()
    verify_access(token=token)


def test_signing_out_everywhere_else_ends_tokens_younger_than_the_login_that_stays(
    api: Any, user: Any, django_capture_on_commit_callbacks: Any
) -> None:
    mine = refresh_tokens(refresh=simplejwt_token(user, "refresh", age=3_000))
    younger = simplejwt_token(user, "refresh", age=1_000)
    with django_capture_on_commit_callbacks(execute=True):
        end_logins_of(user_id=user.pk, reason=EndReason.LOGOUT_ALL, keep=mine.login.pk)
    verify_access(token=mine.access)
    assert refused(refresh_tokens, younger).why == "logout_all"


def statements_of_a_forced_logout(people: list[Any]) -> int:
    with CaptureQueriesContext(connection) as captured, TestCase.captureOnCommitCallbacks(execute=True):
        list(end_logins_of_people(user_ids=[one.pk for one in people], reason=EndReason.FORCED))
    return len(captured)


def test_forced_logout_of_many_refuses_their_tokens_in_as_many_statements_as_of_few(user: Any) -> None:
    users = get_user_model()
    users.objects.bulk_create(
        users(**{users.USERNAME_FIELD: f"person{number:03}@example.test"}, password="!") for number in range(83)
    )
    people = list(users.objects.exclude(pk=user.pk))
    access, refresh = simplejwt_token(people[-1], "access"), simplejwt_token(people[-1], "refresh")
    assert statements_of_a_forced_logout(people[:3]) == statements_of_a_forced_logout(people[3:])
    assert refused(verify_access, access).why == refused(refresh_tokens, refresh).why == EndReason.FORCED
    UserCutoff.objects.all().delete()  # which sees no token of a server whose clock is ahead
    assert refused(verify_access, access).why == refused(refresh_tokens, refresh).why == EndReason.FORCED
    assert set(BlacklistedToken.objects.values_list("user_id", flat=True)) == {one.pk for one in people}
    assert verify_access(token=simplejwt_token(user)).user == user


def test_forced_logout_again_refuses_until_the_end_of_a_longer_window(user: Any, settings: Any) -> None:
    with TestCase.captureOnCommitCallbacks(execute=True):
        list(end_logins_of_people(user_ids=[user.pk], reason=EndReason.FORCED))
    until = timezone.now() + timedelta(days=90)
    settings.AUTHKIT = {"TOKENS": {"SIMPLEJWT_UNTIL": until}}
    with TestCase.captureOnCommitCallbacks(execute=True):
        list(end_logins_of_people(user_ids=[user.pk], reason=EndReason.FORCED))
    assert BlacklistedToken.objects.get().expires_at == until


def test_login_made_of_a_token_is_as_old_as_the_token(user: Any) -> None:
    pair = refresh_tokens(refresh=simplejwt_token(user, "refresh", age=600))
    UserCutoff.objects.create(user_id=user.pk, issued_before=timezone.now() - timedelta(seconds=300))
    assert refused(verify_access, pair.access).why == "forced"


def test_upgrade_of_the_hash_and_other_saves_end_nothing(user: Any, password: str) -> None:
    token = simplejwt_token(user)
    user.save()
    user.set_password(password)
    user.save(update_fields=["email"])
    user._password = None
    user.save()
    verify_access(token=token)
    assert not BlacklistedToken.objects.exists()


def test_check_revoke_token_compares_the_hash(user: Any) -> None:
    from rest_framework_simplejwt.utils import get_md5_hash_password

    good = simplejwt_token(user, hash_password=get_md5_hash_password(user.password))
    with override_settings(SIMPLE_JWT={"CHECK_REVOKE_TOKEN": True}):
        verify_access(token=good)
        assert refused(verify_access, simplejwt_token(user)).why == "password_changed"
        get_user_model()._default_manager.filter(pk=user.pk).update(password="by SQL")
        assert refused(verify_access, good).why == "password_changed"


def test_names_of_the_projects_own(user: Any) -> None:
    names = {
        "USER_ID_FIELD": user.USERNAME_FIELD,
        "USER_ID_CLAIM": "sub",
        "JTI_CLAIM": "id",
        "TOKEN_TYPE_CLAIM": "use",
        "ISSUER": "https://old.test",
        "AUDIENCE": ["web", "app"],
        "SIGNING_KEY": "k" * 64,
        "ALGORITHM": "HS512",
    }
    claims = {"sub": user.get_username(), "id": "x1", "use": "access", "iss": "https://old.test", "aud": "app"}
    gone = {"user_id": ..., "jti": ..., "token_type": ...}
    token = simplejwt_token(user, key="k" * 64, algorithm="HS512", **{**gone, **claims})
    with override_settings(SIMPLE_JWT=names):
        assert verify_access(token=token).user == user
        for claim, wrong in (("iss", "https://evil.test"), ("aud", "other"), ("iss", ...), ("aud", ...)):
            other = simplejwt_token(user, key="k" * 64, algorithm="HS512", **{**gone, **claims, claim: wrong})
            assert refused(verify_access, other).reason is None
        refused(verify_access, simplejwt_token(user))
    refused(verify_access, token)


def test_asymmetric_key_verifies_by_its_public_half(user: Any) -> None:
    from cryptography.hazmat.primitives import serialization as s

    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo).decode()
    token = simplejwt_token(user, key=key, algorithm="ES256")
    with override_settings(SIMPLE_JWT={"ALGORITHM": "ES256", "VERIFYING_KEY": public}):
        assert verify_access(token=token).user == user
        refused(verify_access, simplejwt_token(user))
    with override_settings(SIMPLE_JWT={"ALGORITHM": "ES256", "JWK_URL": "http://127.0.0.1:1/"}):
        refused(verify_access, token)


def test_issued_by_the_library_itself(user: Any) -> None:
    from rest_framework_simplejwt.tokens import RefreshToken

    refresh = RefreshToken.for_user(user)
    assert verify_access(token=str(refresh.access_token)).user == user
    assert refresh_tokens(refresh=str(refresh)).user == user
