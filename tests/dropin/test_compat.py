"""What the compat endpoints do beside answering as simplejwt does (test_contract compares that)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from authkit.logins.models import Login
from authkit.tokens.services import TokenPair

FORM = "application/x-www-form-urlencoded"
NAMES = ["token_obtain_pair", "token_refresh", "token_verify", "token_blacklist"]


@pytest.fixture
def post(api: Any) -> Any:
    def post_(name: str, **body: Any) -> Any:
        return api.post(reverse(name), body, format="json")

    return post_


def test_paths_and_names_are_simplejwts() -> None:
    paths = ["/api/token/", "/api/token/refresh/", "/api/token/verify/", "/api/token/blacklist/"]
    assert [reverse(name) for name in NAMES] == paths


def test_obtain_refresh_call_and_sign_out(post: Any, api: Any, user: Any, credentials: Any) -> None:
    pair = post("token_obtain_pair", **credentials(user)).json()
    renewed = post("token_refresh", refresh=pair["refresh"]).json()
    assert api.get("/probe/", HTTP_AUTHORIZATION=f"Bearer {renewed['access']}").json() == {"pk": str(user.pk)}
    answer = post("token_blacklist", refresh=renewed["refresh"])
    assert (answer.status_code, answer.json(), answer["Cache-Control"]) == (200, {}, "no-store")
    assert api.get("/probe/", HTTP_AUTHORIZATION=f"Bearer {renewed['access']}").status_code == 401
    assert Login.objects.get().end_reason == "logout"


def test_verify_is_one_statement_and_rotates_nothing(
    post: Any, pair: TokenPair, django_assert_num_queries: Any
) -> None:
    for token in (pair.access, pair.refresh):
        with django_assert_num_queries(1):
            assert post("token_verify", token=token).status_code == 200
    assert Login.objects.get().generation == 0


def test_verify_of_a_refresh_token_that_has_a_successor(post: Any, pair: TokenPair) -> None:
    post("token_refresh", refresh=pair.refresh)
    assert post("token_verify", token=pair.refresh).status_code == 200  # refreshing with it would still work
    Login.objects.update(rotated_at=timezone.now() - timedelta(seconds=61))
    answer = post("token_verify", token=pair.refresh)
    assert (answer.status_code, answer.json()["reason"]) == (401, "reused")
    assert Login.objects.get().ended_at is None
    Login.objects.update(rotated_at=timezone.now(), generation=2)
    assert post("token_verify", token=pair.refresh).status_code == 401


def test_expired_tokens_say_so_in_simplejwts_words(post: Any, pair: TokenPair, monkeypatch: pytest.MonkeyPatch) -> None:
    later = timezone.now() + timedelta(days=8)
    monkeypatch.setattr("authkit.tokens.codec.time.time", later.timestamp)
    monkeypatch.setattr("django.utils.timezone.now", lambda: later)
    for name, body in (
        ("token_verify", {"token": pair.access}),
        ("token_refresh", {"refresh": pair.refresh}),
        ("token_blacklist", {"refresh": pair.refresh}),
    ):
        answer = post(name, **body)
        assert (answer.status_code, answer.json()["detail"]) == (401, "Token is expired")
    assert Login.objects.get().ended_at is not None  # blacklisting ended it all the same


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "body",
    [
        "username=a&username=b&password=x&refresh=x&refresh=y&token=x&token=y",
        "&".join(f"field{number}=x" for number in range(100)),
        "refresh=%ff%fe",
        "x=" + "y" * 200_000,
        "a=b;c=d",
        "\x00",
    ],
    ids=["the same field twice", "a hundred fields", "no UTF-8", "too large", "semicolons", "NUL"],
)
def test_forms_that_no_client_sends(api: Any, db: None, name: str, body: str) -> None:
    assert api.post(reverse(name), body, content_type=FORM).status_code == 400


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"--x\r\n"),
        ("multipart/form-data; boundary=x", b"nothing of the kind"),
        ("multipart/form-data; boundary=x", b"--x\r\n" + b"y" * 200_000),
        ("multipart/form-data; boundary=" + "\xff" * 300, b"--x\r\n"),
    ],
)
def test_multipart_that_no_client_sends(api: Any, db: None, content_type: str, body: bytes) -> None:
    answer = api.generic("POST", reverse("token_refresh"), body, content_type=content_type)
    assert answer.status_code == 400


def test_an_uploaded_file_is_no_refresh_token(api: Any, pair: TokenPair) -> None:
    head = b'--x\r\nContent-Disposition: form-data; name="refresh"; filename="a"\r\n\r\n'
    body = head + pair.refresh.encode() + b"\r\n--x--\r\n"
    answer = api.generic("POST", reverse("token_refresh"), body, content_type="multipart/form-data; boundary=x")
    assert (answer.status_code, answer.json()) == (400, {"refresh": ["This field is required."]})


@pytest.mark.parametrize("content_type", [FORM, "multipart/form-data; boundary=x"])
def test_authkits_own_endpoints_still_take_json_alone(api: Any, db: None, content_type: str) -> None:
    for name in ("token", "token-refresh", "session-login"):
        answer = api.generic("POST", reverse(f"authkit:{name}"), "username=a", content_type=content_type)
        assert answer.status_code == 415


@pytest.mark.django_db(transaction=True)
def test_under_atomic_requests_the_end_of_a_reused_login_stays(post: Any, pair: TokenPair, settings: Any) -> None:
    settings.AUTHKIT = {"TOKENS": {"GRACE": timedelta(0)}}
    connection.settings_dict["ATOMIC_REQUESTS"] = True
    try:
        assert post("token_refresh", refresh=pair.refresh).status_code == 200
        assert post("token_refresh", refresh=pair.refresh).status_code == 401
    finally:
        connection.settings_dict["ATOMIC_REQUESTS"] = False
    assert Login.objects.get().end_reason == "reused"
