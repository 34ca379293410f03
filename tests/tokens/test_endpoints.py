"""The token endpoints as a program sees them (docs/http.md, "Tokens")."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import jwt
import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from authkit.logins.models import Login

ENDPOINTS = ["token", "token-refresh", "token-verify", "token-revoke", "token-blacklist"]


def url(name: str) -> str:
    return reverse(f"authkit:{name}")


@pytest.fixture
def post(api: Any) -> Any:
    def post_(name: str, **body: Any) -> Any:
        return api.post(url(name), body, format="json")

    return post_


@pytest.fixture
def tokens(post: Any, user: Any, credentials: Any) -> dict[str, Any]:
    return post("token", **credentials(user)).json()


def bearer(token: str) -> dict[str, str]:
    return {"HTTP_AUTHORIZATION": f"Bearer {token}"}


def test_paths_are_those_of_the_contract() -> None:
    assert [url(name) for name in ENDPOINTS] == [
        "/auth/api/token/",
        "/auth/api/token/refresh/",
        "/auth/api/token/verify/",
        "/auth/api/token/revoke/",
        "/auth/api/token/blacklist/",
    ]


def test_obtain(post: Any, user: Any, credentials: Any) -> None:
    answer = post("token", **credentials(user), transport="body")
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"access", "refresh", "token_type", "expires_in"}
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 900)
    assert answer["Cache-Control"] == "no-store"
    assert not answer.cookies
    login = Login.objects.get()
    assert (login.user_id, login.kind, login.method, login.ip) == (user.pk, "token", "password", "127.0.0.1")
    user.refresh_from_db()
    assert user.last_login is not None


def test_claims_and_headers_are_those_of_the_contract(tokens: Any, user: Any) -> None:
    login = Login.objects.get()
    names = {"iss", "aud", "sub", "sid", "jti", "iat", "exp", "token_type"}
    for token, typ, more, lifetime in [
        (tokens["access"], "at+jwt", set(), timedelta(minutes=15)),
        (tokens["refresh"], "rt+jwt", {"gen"}, timedelta(days=7)),
    ]:
        header = jwt.get_unverified_header(token)
        claims = jwt.decode(token, options={"verify_signature": False})
        assert (set(header), header["typ"], header["alg"]) == ({"alg", "typ", "kid"}, typ, "HS256")
        assert set(claims) == names | more
        assert (claims["sub"], claims["sid"]) == (str(user.pk), str(login.pk))
        assert claims["exp"] - claims["iat"] == lifetime.total_seconds()
    assert jwt.get_unverified_header(tokens["access"])["kid"] != jwt.get_unverified_header(tokens["refresh"])["kid"]


def test_bearer_calls_a_project_view(api: Any, tokens: Any, user: Any) -> None:
    answer = api.get("/probe/", **bearer(tokens["access"]))
    assert (answer.status_code, answer.json()) == (200, {"pk": str(user.pk)})


def test_bearer_request_is_one_statement(api: Any, tokens: Any, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        assert api.get("/probe/", **bearer(tokens["access"])).status_code == 200


def test_bearer_needs_no_csrf_proof(api: Any, tokens: Any) -> None:
    assert api.post("/probe/", **bearer(tokens["access"])).status_code == 200


def test_wrong_unknown_and_inactive_look_alike(post: Any, user: Any, make_user: Any, credentials: Any) -> None:
    inactive = make_user("inactive", is_active=False)
    ghost = get_user_model()(**{user.USERNAME_FIELD: "ghost@example.test"})
    answers = [post("token", **credentials(user, "wrong")), post("token", **credentials(inactive))]
    answers.append(post("token", **credentials(ghost)))
    assert [a.status_code for a in answers] == [401, 401, 401]
    assert len({a.content for a in answers}) == 1
    assert answers[0].json()["code"] == "no_active_account"
    assert answers[0]["WWW-Authenticate"].startswith("Bearer")
    assert not Login.objects.exists()


@pytest.mark.parametrize("transport", ["Body", "cookies", "", "x"])
def test_transport_that_is_not_offered(post: Any, user: Any, credentials: Any, transport: str) -> None:
    answer = post("token", **credentials(user), transport=transport)
    assert answer.status_code == 400
    if transport:
        assert answer.json()["code"] == "transport_not_allowed"
    assert not Login.objects.exists()


def test_refresh_rotates(post: Any, api: Any, tokens: Any) -> None:
    answer = post("token-refresh", refresh=tokens["refresh"])
    assert answer.status_code == 200
    assert set(answer.json()) == {"access", "refresh", "token_type", "expires_in"}
    assert answer.json()["refresh"] != tokens["refresh"]
    assert api.get("/probe/", **bearer(answer.json()["access"])).status_code == 200
    assert Login.objects.count() == 1


def test_refresh_is_two_statements(post: Any, tokens: Any, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(2):
        assert post("token-refresh", refresh=tokens["refresh"]).status_code == 200


def test_retry_of_a_lost_answer_gets_the_same_pair(post: Any, tokens: Any) -> None:
    first, second = (post("token-refresh", refresh=tokens["refresh"]).json() for _ in range(2))
    assert (first["access"], first["refresh"]) == (second["access"], second["refresh"])


def test_reuse_ends_the_login_and_its_access_tokens(post: Any, api: Any, tokens: Any) -> None:
    newest = post("token-refresh", refresh=tokens["refresh"]).json()
    Login.objects.update(rotated_at=timezone.now() - timedelta(seconds=61))
    stolen = post("token-refresh", refresh=tokens["refresh"])
    assert (stolen.status_code, stolen.json()["code"], stolen.json()["reason"]) == (401, "token_not_valid", "reused")
    for token in (tokens["access"], newest["access"]):
        refusal = api.get("/probe/", **bearer(token))
        assert refusal.status_code == 401
        assert (refusal.json()["code"], refusal.json()["why"]) == ("token_not_valid", "reused")
    after = post("token-refresh", refresh=newest["refresh"])
    assert (after.status_code, after.json()["reason"], after.json()["why"]) == (401, "login_ended", "reused")


def test_verify(post: Any, tokens: Any) -> None:
    assert (post("token-verify", token=tokens["access"]).status_code, post("token-verify", token="x").status_code) == (
        200,
        401,
    )
    assert post("token-verify", token=tokens["refresh"]).json()["code"] == "token_not_valid"


@pytest.mark.parametrize(
    ("endpoint", "field", "which"),
    [
        ("token-revoke", "token", "access"),
        ("token-revoke", "token", "refresh"),
        ("token-blacklist", "refresh", "refresh"),
    ],
)
def test_revoking_either_token_ends_the_whole_login(
    post: Any, api: Any, tokens: Any, endpoint: str, field: str, which: str
) -> None:
    for _ in range(2):  # idempotent
        answer = post(endpoint, **{field: tokens[which]})
        assert (answer.status_code, answer.json()) == (200, {})
    refusal = api.get("/probe/", **bearer(tokens["access"])).json()
    assert (refusal["code"], refusal["reason"], refusal["why"]) == ("token_not_valid", "login_ended", "revoked")
    assert post("token-verify", token=tokens["access"]).status_code == 401
    assert post("token-refresh", refresh=tokens["refresh"]).json()["why"] == "revoked"


def test_revoking_an_expired_or_superseded_token_still_ends_its_login(post: Any, api: Any, tokens: Any) -> None:
    newest = post("token-refresh", refresh=tokens["refresh"]).json()
    assert post("token-revoke", token=tokens["refresh"]).status_code == 200
    assert api.get("/probe/", **bearer(newest["access"])).status_code == 401


def test_revoking_what_we_never_issued_is_200_and_does_nothing(post: Any, api: Any, tokens: Any) -> None:
    forged = jwt.encode(jwt.decode(tokens["access"], options={"verify_signature": False}), "k" * 32, "HS256")
    for token in ("x", forged, tokens["access"][:-4] + "AAAA"):
        assert post("token-revoke", token=token).status_code == 200
    assert api.get("/probe/", **bearer(tokens["access"])).status_code == 200


def test_refresh_of_a_deleted_inactive_or_expired_person_is_401(post: Any, tokens: Any, user: Any) -> None:
    Login.objects.update(expires_at=timezone.now())
    assert post("token-refresh", refresh=tokens["refresh"]).json()["reason"] == "expired"
    Login.objects.update(expires_at=timezone.now() + timedelta(days=1))
    user.delete()
    answer = post("token-refresh", refresh=tokens["refresh"])
    assert (answer.status_code, answer.json()["why"]) == (401, "deleted")


def test_deletion_and_deactivation_by_raw_sql_bite_on_the_next_request(post: Any, api: Any, tokens: Any) -> None:
    table = get_user_model()._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET is_active = %s", [False])
    assert api.get("/probe/", **bearer(tokens["access"])).json()["why"] == "deactivated"
    assert post("token-refresh", refresh=tokens["refresh"]).json()["why"] == "deactivated"
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM authkit_login")
        cursor.execute(f"DELETE FROM {table}")
    assert api.get("/probe/", **bearer(tokens["access"])).json()["why"] == "deleted"
    assert post("token-refresh", refresh=tokens["refresh"]).json()["why"] == "deleted"


def test_other_scheme_is_left_to_the_project(api: Any, db: Any) -> None:
    assert api.get("/probe/", HTTP_AUTHORIZATION="Basic YTpi").status_code == 401


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Bearer a b", "bearer x", "Bearer \xff", "Bearer " + "a." * 9000]
)
def test_malformed_bearer(api: Any, db: Any, header: str) -> None:
    answer = api.get("/probe/", HTTP_AUTHORIZATION=header)
    assert (answer.status_code, answer.json()["code"]) == (401, "token_not_valid")
    assert "reason" not in answer.json()


@pytest.mark.django_db
@pytest.mark.parametrize("name", ENDPOINTS)
@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"a=b", "application/x-www-form-urlencoded", 415),
        (b"--x--", "multipart/form-data; boundary=x", 415),
        (b"{}", "text/plain", 415),
        (b"{}", "application/json; charset=base64", 400),
        (b"{", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"[]", "application/json", 400),
        (b'"x"', "application/json", 400),
        (b"null", "application/json", 400),
        (b"{}", "application/json", 400),
        (b'{"token": {}, "refresh": [], "password": 1}', "application/json", 400),
        (
            b'{"token": "\\u0000", "refresh": "\\u0000", "username": "\\u0000", "password": "x"}',
            "application/json",
            400,
        ),
        (
            b'{"token": "\\ud800", "refresh": "\\ud800", "username": "\\ud800", "password": "x"}',
            "application/json",
            400,
        ),
        (b'{"token": "' + b"x" * 65_000 + b'"}', "application/json", (200, 400, 401)),
        (b'{"password": "' + b"x" * 1_000_000 + b'"}', "application/json", 400),
    ],
    ids=lambda value: str(value)[:24],
)
def test_bad_input_gets_a_clear_refusal(api: Any, name: str, body: bytes, content_type: str, status: Any) -> None:
    answer = api.generic("POST", url(name), body, content_type=content_type)
    assert answer.status_code in (status if isinstance(status, tuple) else (status,))
    assert isinstance(answer.json(), dict)
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.django_db
@pytest.mark.parametrize("name", ENDPOINTS)
def test_get_is_405_whatever_is_accepted(api: Any, name: str) -> None:
    answer = api.get(url(name), HTTP_ACCEPT="text/html")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


def test_password_longer_than_4096_is_a_400_before_any_hashing(post: Any, user: Any, credentials: Any) -> None:
    answer = post("token", **credentials(user, "x" * 4097))
    assert (answer.status_code, list(answer.json())) == (400, ["password"])
    assert post("token", **credentials(user, "x" * 4096)).status_code == 401


BARE, INVALID = 'Bearer realm="api"', 'Bearer realm="api", error="invalid_token"'


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/auth/api/me/", "/auth/api/logins/", "/probe/"])
@pytest.mark.parametrize(
    ("header", "challenge"),
    [(None, BARE), ("Bearer nonsense", INVALID), ("bearer a b", INVALID), ("Bearer", INVALID), ("Basic YTpi", BARE)],
)
def test_challenge_names_the_error_of_a_bad_bearer_alone(
    api: Any, path: str, header: str | None, challenge: str
) -> None:
    answer = api.get(path, **({} if header is None else {"HTTP_AUTHORIZATION": header}))
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, challenge)


def test_challenge_of_a_logout_by_a_bad_bearer_names_the_error(api: Any, db: None) -> None:
    answer = api.post("/auth/api/logout/", HTTP_AUTHORIZATION="Bearer nonsense")
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, INVALID)


def test_challenge_says_nothing_of_a_good_bearer_where_the_body_is_refused(
    post: Any, api: Any, tokens: dict[str, Any], user: Any, credentials: Any
) -> None:
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens['access']}")
    for answer in (post("token-verify", token="nonsense"), post("token", **credentials(user, "wrong"))):
        assert (answer.status_code, answer["WWW-Authenticate"]) == (401, BARE)
