"""Reports of a secret scanner: a key that was found ends at once, and only the scanner's signature does that."""

from __future__ import annotations

import json
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.core import mail
from rest_framework.test import APIClient

from authkit.apikeys import leaks
from authkit.apikeys.key_text import new_key

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.apikeys.urls")]

REPORTS = "/auth/api/leaks/"


class Scanner:
    """Signs reports, and serves its public keys."""

    def __init__(self) -> None:
        self.secret = generate_private_key(SECP256R1())
        self.answer: bytes = b""
        self.asked = 0
        self.list(self.secret)

    def list(self, *secrets: Any) -> None:
        pems = [key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo) for key in secrets]
        listed = [{"key_identifier": str(n), "key": pem.decode(), "is_current": True} for n, pem in enumerate(pems)]
        self.answer = json.dumps({"public_keys": listed}).encode()

    def send(self, findings: Any, *, key_id: str = "0", sign: Any = None, changed: bytes = b"") -> Any:
        body = json.dumps(findings).encode()
        signature = b64encode((sign or self.secret).sign(body, ECDSA(SHA256()))).decode()
        return APIClient().post(
            REPORTS,
            body + changed,
            content_type="application/json",
            headers={"Github-Public-Key-Identifier": key_id, "Github-Public-Key-Signature": signature},
        )


@pytest.fixture
def scanner(api_keys: Any) -> Iterator[Scanner]:
    scanner = Scanner()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            scanner.asked += 1
            self.send_response(200 if scanner.answer else 500)
            self.send_header("Content-Length", str(len(scanner.answer)))
            self.end_headers()
            self.wfile.write(scanner.answer)

        def log_message(self, *args: Any) -> None:
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    leaks.forget_keys()
    api_keys(LEAKS=f"http://127.0.0.1:{server.server_port}/")
    yield scanner
    server.shutdown()
    thread.join()
    server.server_close()
    leaks.forget_keys()


def finding(text: Any, url: str = "https://git.example/blob/1") -> dict[str, str]:
    return {"token": str(text), "type": "authkit_key", "url": url, "source": "content"}


def test_a_key_that_was_found_ends_at_once_and_its_owner_is_told(
    scanner: Scanner, make: Any, by_key: Any, user: Any, django_capture_on_commit_callbacks: Any
) -> None:
    made, kept = make(), make()
    with django_capture_on_commit_callbacks(execute=True):
        report = [finding(made.text), finding(new_key().text), finding("ak_no_key"), finding(made.text)]
        answer = scanner.send(report)
    assert answer.status_code == 200
    labels = [judged["label"] for judged in answer.json()]
    assert labels == ["true_positive", "false_positive", "false_positive", "true_positive"]
    assert str(made.text) not in answer.content.decode()
    assert by_key(made).get("/notes/").json()["why"] == "leaked"
    assert by_key(kept).get("/notes/").status_code == 200
    assert (mail.outbox[-1].to, "git.example" in mail.outbox[-1].body) == ([user.email], True)
    assert scanner.asked == 1


ATTACKS: dict[str, Callable[[Scanner, Any], Any]] = {
    "another's signature": lambda scanner, report: scanner.send(report, sign=generate_private_key(SECP256R1())),
    "another body": lambda scanner, report: scanner.send(report, changed=b" "),
    "a key that is not listed": lambda scanner, report: scanner.send(report, key_id="7"),
    "no signature": lambda scanner, report: APIClient().post(REPORTS, report, format="json"),
    "no base64": lambda scanner, report: APIClient().post(
        REPORTS,
        report,
        format="json",
        headers={"Github-Public-Key-Identifier": "0", "Github-Public-Key-Signature": "é"},
    ),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_forged_report_ends_nothing(attack: str, scanner: Scanner, make: Any, by_key: Any) -> None:
    made = make()
    answer = ATTACKS[attack](scanner, [finding(made.text)])
    assert (answer.status_code, answer.json()["code"]) == (401, "token_not_valid")
    assert by_key(made).get("/notes/").status_code == 200


@pytest.mark.parametrize(
    "report", [{}, [1], [{"type": "x"}], [finding("")] * 20_001, [{"token": None}], "x", [{"token": "a\x00"}]]
)
def test_a_malformed_report_is_a_400(report: Any, scanner: Scanner) -> None:
    assert scanner.send(report).status_code == 400


def test_attack_made_up_keys_beside_a_stolen_one_and_odd_addresses_keep_none_alive(
    scanner: Scanner, make: Any, by_key: Any
) -> None:
    made = make()
    for address in ("https://git.example/" + "a" * 4000, "a\x00\n\ud800", None, 5):
        report: list[Any] = [finding(new_key().text) for _ in range(700)]
        assert scanner.send([*report, {**finding(made.text), "url": address, "type": address}]).status_code == 200
        assert by_key(made).get("/notes/").json()["why"] == "leaked"
        made = make()
    assert scanner.send([finding("x" * 500)] * 4000).status_code == 400  # more than 2 MiB


def test_an_entry_of_another_kind_in_the_scanners_list_shuts_no_report_out(scanner: Scanner) -> None:
    listed = json.loads(scanner.answer)
    odd = [{"key_identifier": "1", "key": 5}, {"key_identifier": "2"}, None, {"key_identifier": "3", "key": "x"}]
    scanner.answer = json.dumps({"public_keys": [*odd, *listed["public_keys"]]}).encode()
    assert scanner.send([]).status_code == 200


def test_without_the_scanners_keys_no_report_is_judged(scanner: Scanner, make: Any, api_keys: Any) -> None:
    report = [finding(make().text)]
    for answer in (b"", b"[]", b'{"public_keys": [{"key_identifier": "0", "key": "x"}]}'):
        scanner.answer = answer
        leaks.forget_keys()
        assert scanner.send(report).status_code == 503
    assert scanner.asked == 3
    api_keys(LEAKS="")
    assert scanner.send(report).status_code == 404


def test_a_scanner_that_is_down_is_asked_once_a_minute_whatever_strangers_send(
    scanner: Scanner, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed, scanner.answer = scanner.answer, b""
    report = [finding(make().text)]
    answers = [scanner.send(report, sign=generate_private_key(SECP256R1())) for _ in range(4)]
    assert {answer.status_code for answer in answers} == {503}
    assert scanner.asked == 1
    scanner.answer = listed
    monkeypatch.setattr(leaks, "AGAIN_SECONDS", -1)
    assert scanner.send(report).status_code == 200
