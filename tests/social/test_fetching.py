"""How far an answer of a provider's server is followed and read."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from authkit.social.providers import discovery
from authkit.social.providers.fetching import MAX_BYTES
from tests.services import certificates, crooked
from tests.services.crooked import running
from tests.social.browsers import begin, come_back, refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def behind_tls(provider: Any, configure: Any, tmp_path: Path) -> Iterator[Any]:
    """The provider at an https address, from which each request is sent on to ``behind_tls.target``."""

    class Redirect(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", f"{provider.target}{self.path}")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments: Any) -> None:
            pass

    certificate, key = certificates.write(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Redirect)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    provider.target, provider.issuer = provider.issuer, f"https://127.0.0.1:{server.server_address[1]}"
    configure(provider, options={"VERIFY_SSL": str(certificate)})
    with running(server):
        yield provider


def test_redirect_out_of_tls_is_not_followed(behind_tls) -> None:
    assert refused(begin(Client()), "unverified")
    assert behind_tls.requests == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_exchange_of_a_code_follows_no_redirect_with_its_secrets(provider, status) -> None:
    with crooked.serve() as thief:
        thief.accepts = lambda client_id, secret: True
        for there in (f"{thief.issuer}/token", "/elsewhere"):
            provider.redirects["/token"] = (status, there)
            provider.requests.clear()
            assert refused(come_back(Client()), "unverified")
            assert thief.requests == []
            assert "/elsewhere" not in provider.requests


def test_userinfo_is_asked_where_the_provider_said_and_nowhere_else(provider) -> None:
    with crooked.serve() as thief:
        provider.redirects["/userinfo"] = (302, f"{thief.issuer}/userinfo")
        assert refused(come_back(Client()), "unverified")
        assert thief.requests == []


def test_a_document_may_have_moved_within_its_host_and_not_to_another(provider) -> None:
    provider.redirects["/keys"] = (302, "/moved")
    provider.pages["/moved"] = provider.keys()
    assert come_back(Client()).status_code == 302
    with crooked.serve() as other:
        provider.redirects["/keys"] = (302, f"{other.issuer}/keys")
        discovery.forget()
        assert refused(come_back(Client()), "unverified")
        assert other.requests == []


@pytest.mark.parametrize("stage", ["bend_keys", "bend_token_answer", "bend_userinfo"])
def test_answer_that_is_too_long_is_not_read(provider, stage) -> None:
    setattr(provider, stage, lambda honest: {**honest, "more": "x" * MAX_BYTES})
    assert refused(come_back(Client()), "unverified")


def test_answer_that_is_long_is_read(provider) -> None:
    provider.bend_userinfo = lambda honest: {**honest, "more": "x" * (MAX_BYTES - 1000)}
    assert come_back(Client()).status_code == 302
