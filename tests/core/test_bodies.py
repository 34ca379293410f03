"""Bodies without Content-Length, as servers hand them on."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIRequest
from django.urls import resolve

from authkit.core.parsers import MAX_BODY_BYTES
from authkit.logins.models import Login
from tests.browsers import Browser

CHUNKED = {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"}
TERMINATED = {**CHUNKED, "wsgi.input_terminated": True}
"""As gunicorn and waitress do."""

TOKEN = "/auth/api/token/"


def sent(api: Any, body: bytes, *, path: str = TOKEN, how: dict[str, Any] = TERMINATED) -> Any:
    stream: Any = BytesIO(body)
    return api.generic("POST", path, body, content_type="application/json", **{**how, "wsgi.input": stream})


def test_chunked_body_signs_in(user: Any, credentials: Any, api: Any) -> None:
    assert sent(api, json.dumps(credentials(user)).encode()).status_code == 200


@pytest.mark.parametrize("length", ["0", "7", ""])
def test_chunks_override_a_content_length(user: Any, credentials: Any, api: Any, length: str) -> None:
    how = {**TERMINATED, "CONTENT_LENGTH": length}
    assert sent(api, json.dumps(credentials(user)).encode(), how=how).status_code == 200


def test_chunked_body_that_names_a_token_is_not_answered_by_the_cookie(user: Any, credentials: Any) -> None:
    browser = Browser(credentials(user))
    browser.obtain("cookie")
    body = json.dumps({"refresh": "another"}).encode()
    headers = {"HTTP_X_CSRFTOKEN": browser.proof()["x-csrftoken"], "HTTP_REFERER": "https://testserver/"}
    answer = browser.client.generic(
        "POST", "/auth/api/token/refresh/", body, content_type="application/json", secure=True,
        **{**TERMINATED, **headers, "wsgi.input": BytesIO(body)},
    )  # fmt: skip
    assert (answer.status_code, answer.json()["code"]) == (401, "token_not_valid")
    assert Login.objects.get().generation == 0


@pytest.mark.parametrize(
    ("body", "status"), [(b"{", 400), (b"[" * 100_000, 400), (b" " * (MAX_BODY_BYTES + 1), 400), (b"", 400)]
)
@pytest.mark.django_db
def test_chunked_body_is_judged_like_any_other(body: bytes, status: int, api: Any) -> None:
    assert sent(api, body).status_code == status


@pytest.mark.django_db
def test_chunked_body_of_another_type_is_415(api: Any) -> None:
    stream = BytesIO(b"a=b")
    answer = api.generic("POST", TOKEN, b"", content_type="text/plain", **{**TERMINATED, "wsgi.input": stream})
    assert answer.status_code == 415


@pytest.mark.django_db
def test_chunked_body_that_the_server_does_not_hand_on_is_refused(api: Any) -> None:
    answer = sent(api, b"{}", how=CHUNKED)
    assert (answer.status_code, answer.json()["code"]) == (400, "parse_error")


class InvalidChunkSize(Exception):
    """As gunicorn raises it: of no class that Django knows."""


@pytest.mark.django_db
@pytest.mark.parametrize("error", [OSError, InvalidChunkSize])
def test_chunks_that_are_none_are_refused(api: Any, error: type[Exception]) -> None:
    class Broken(BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise error

    answer = api.generic("POST", TOKEN, b"", content_type="application/json", **{**TERMINATED, "wsgi.input": Broken()})
    assert (answer.status_code, answer.json()["code"]) == (400, "parse_error")


def test_request_without_body_and_length_is_an_empty_one(user: Any, credentials: Any) -> None:
    browser = Browser(credentials(user))
    browser.obtain("cookie")
    headers = {"HTTP_X_CSRFTOKEN": browser.proof()["x-csrftoken"], "HTTP_REFERER": "https://testserver/"}
    answer = browser.client.generic(
        "POST", "/auth/api/token/refresh/", b"", content_type="application/json", secure=True,
        **{**headers, "CONTENT_LENGTH": ""},
    )  # fmt: skip
    assert answer.status_code == 200


@pytest.mark.parametrize("headers", [[], [(b"transfer-encoding", b"chunked")]], ids=["HTTP/2", "chunked"])
@pytest.mark.parametrize("read_before", [False, True], ids=["untouched", "read by a middleware"])
def test_body_without_length_under_asgi_signs_in(
    user: Any, credentials: Any, headers: list[Any], read_before: bool
) -> None:
    scope = {
        "type": "http", "method": "POST", "path": TOKEN, "query_string": b"", "client": ("127.0.0.1", 4_000),
        "server": ("testserver", 80), "headers": [(b"content-type", b"application/json"), *headers],
    }  # fmt: skip
    request: Any = ASGIRequest(scope, BytesIO(json.dumps(credentials(user)).encode()))
    if read_before:
        assert request.body
    found = resolve(TOKEN)
    answer: Any = found.func(request, *found.args, **found.kwargs)
    assert answer.status_code == 200
