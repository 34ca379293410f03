"""An OpenID provider that misbehaves on demand: what no certified one can be asked to do.

Honest until a test bends it: PKCE, the client's secret and the code are checked as RFC 6749 and 7636 want it. There is
no login page; `/authorize` says yes at once, as `subject`.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import secrets
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qs, parse_qsl, unquote_plus, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
STRANGERS_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
CLIENT_ID = "authkit"
CLIENT_SECRET = "crooked/secret+with=reserved&characters"

WELL_KNOWN = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True)
class Stall:
    """How an answer is held back: it is silent until ``seconds`` are over, or drips as long from ``where`` on."""

    where: Literal["silent", "headers", "body"]
    seconds: float = 30.0


STALLS: list[Stall] = [Stall("silent"), Stall("headers"), Stall("body")]
DRIP_SECONDS = 0.02
"""Between two bytes: no limit for a single read ever ends a drip."""

Bend = Callable[[dict[str, Any]], Any]


def public_jwk(key: rsa.RSAPrivateKey, **members: Any) -> dict[str, Any]:
    """Answer the public half as a JWK that signs with RS256."""
    jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
    del jwk["key_ops"]
    return {**jwk, "kid": "one", "use": "sig", "alg": "RS256", **members}


def unchanged(value: dict[str, Any]) -> dict[str, Any]:
    """Bend nothing."""
    return value


class CrookedProvider:
    """Each ``bend_…`` gets what an honest provider would send, and answers what this one sends instead."""

    def __init__(self, port: int) -> None:
        self.issuer = f"http://127.0.0.1:{port}"
        self.client_id, self.client_secret = CLIENT_ID, CLIENT_SECRET
        self.subject = "alice"
        self.claims: dict[str, Any] = {
            "email": "alice@idp.test",
            "email_verified": True,
            "preferred_username": "alice",
            "given_name": "Alice",
            "family_name": "Liddell",
        }
        self.bend_discovery: Bend = unchanged
        self.bend_callback: Bend = unchanged
        self.bend_id_token: Bend = unchanged
        self.bend_userinfo: Bend = unchanged
        self.bend_token_answer: Bend = unchanged
        self.bend_keys: Bend = unchanged
        self.sign: Callable[[dict[str, Any]], str] = lambda claims: jwt.encode(
            claims, KEY, algorithm="RS256", headers={"kid": "one"}
        )
        self.accepts: Callable[[str, str], bool] = lambda client_id, secret: (
            (client_id, secret) == (self.client_id, self.client_secret)
        )
        self.wants_pkce = True
        self.pages: dict[str, Any] = {}
        self.revoked: list[dict[str, str]] = []
        self.requests: list[str] = []
        self.sent: list[str] = []
        self._codes: dict[str, dict[str, str]] = {}
        self._access: dict[str, str] = {}
        self._refresh: dict[str, str] = {}
        self.bend_refreshed: Bend = unchanged
        self.redirects: dict[str, tuple[int, str]] = {}
        """By path: the status and the Location with which a request there is sent elsewhere."""
        self.stalls: dict[str, Stall] = {}
        """By the end of a path: how its honest answer is held back."""
        self.stalled: list[str] = []
        """Paths of the answers that were held back."""
        self.released = threading.Event()
        """Once set, nothing is held back any more."""

    def discovery(self) -> Any:
        """OpenID Connect Discovery 1.0, section 3."""
        return self.bend_discovery(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "userinfo_endpoint": f"{self.issuer}/userinfo",
                "jwks_uri": f"{self.issuer}/keys",
                "revocation_endpoint": f"{self.issuer}/revoke",
                "response_types_supported": ["code"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic"],
                "code_challenge_methods_supported": ["S256"],
                "authorization_response_iss_parameter_supported": True,
            }
        )

    def authorize(self, asked: dict[str, str]) -> str:
        """Answer the callback's URL."""
        code = secrets.token_urlsafe(24)
        self._codes[code] = asked
        self.sent.append(code)
        answer = self.bend_callback({"code": code, "state": asked["state"], "iss": self.issuer})
        return f"{asked['redirect_uri']}?{urlencode(answer)}"

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, Any]:
        """Redeem a code, once, for the client and the verifier that it was made for; or a refresh token, once."""
        if form.get("grant_type") == "refresh_token":
            return self._refreshed(form, authorization)
        asked = self._codes.pop(form.get("code", ""), None)
        if not self._knows(form, authorization):
            return 401, {"error": "invalid_client"}
        if asked is None or form.get("redirect_uri") != asked["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        proof = (asked.get("code_challenge_method"), asked.get("code_challenge"))
        if proof != (("S256", challenge) if self.wants_pkce else (None, None)):
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": self.subject,
            "aud": asked["client_id"],
            "exp": now + 300,
            "iat": now,
            "nonce": asked.get("nonce"),
            **({"auth_time": now} if "max_age" in asked else {}),
        }
        access = secrets.token_urlsafe(24)
        id_token = self.sign(self.bend_id_token(claims))
        refresh = secrets.token_urlsafe(24)
        self.sent += [access, id_token, refresh]
        self._access[access] = self._refresh[refresh] = self.subject
        answer = {"access_token": access, "refresh_token": refresh, "id_token": id_token, "token_type": "Bearer"}
        return 200, self.bend_token_answer(answer)

    def _refreshed(self, form: dict[str, str], authorization: str) -> tuple[int, Any]:
        if not self._knows(form, authorization):
            return 401, {"error": "invalid_client"}
        if self._refresh.pop(form.get("refresh_token", ""), None) is None:
            return 400, {"error": "invalid_grant"}
        access, refresh = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        self.sent += [access, refresh]
        self._refresh[refresh] = self.subject
        answer = {"access_token": access, "refresh_token": refresh, "token_type": "Bearer", "expires_in": 3600}
        return 200, self.bend_refreshed(answer)

    def revoke(self, form: dict[str, str], authorization: str) -> tuple[int, Any]:
        """RFC 7009."""
        if not self._knows(form, authorization):
            return 401, {"error": "invalid_client"}
        self.revoked.append(form)
        return 200, {}

    def _knows(self, form: dict[str, str], authorization: str) -> bool:
        if not authorization:
            return self.accepts(form.get("client_id", ""), form.get("client_secret", ""))
        basic = base64.b64decode(authorization.partition(" ")[2]).decode()
        return self.accepts(*(unquote_plus(part) for part in basic.split(":", 1)))

    def userinfo(self, authorization: str) -> tuple[int, Any]:
        """OpenID Connect Core 1.0, section 5.3."""
        subject = self._access.get(authorization.partition(" ")[2])
        if subject is None:
            return 401, {"error": "invalid_token"}
        return 200, self.bend_userinfo({"sub": subject, **self.claims})

    def keys(self) -> Any:
        """RFC 7517."""
        return self.bend_keys({"keys": [public_jwk(KEY)]})


def _handler(provider: CrookedProvider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            provider.requests.append(url.path)
            if url.path in provider.redirects:
                self._redirect(*provider.redirects[url.path])
            elif url.path == "/authorize":
                self.send_response(302)
                self.send_header("Location", provider.authorize(dict(parse_qsl(url.query))))
                self.send_header("Content-Length", "0")
                self.end_headers()
            elif url.path == "/userinfo":
                self._json(*provider.userinfo(self.headers.get("Authorization", "")))
            elif url.path == "/keys":
                self._json(200, provider.keys())
            elif url.path.endswith(WELL_KNOWN):
                self._json(200, provider.discovery())
            elif url.path in provider.pages:
                self._json(200, provider.pages[url.path])
            else:
                self._json(404, {})

        def do_POST(self) -> None:
            provider.requests.append(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
            if self.path in provider.redirects:
                self._redirect(*provider.redirects[self.path])
                return
            form = {name: values[0] for name, values in parse_qs(body).items()}
            answer = provider.revoke if self.path == "/revoke" else provider.token
            self._json(*answer(form, self.headers.get("Authorization", "")))

        def _redirect(self, status: int, location: str) -> None:
            self.send_response(status)
            self.send_header("Location", location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _json(self, status: int, value: Any) -> None:
            body = value if isinstance(value, bytes) else json.dumps(value).encode()
            path = urlsplit(self.path).path
            stall = next((stall for end, stall in provider.stalls.items() if path.endswith(end)), None)
            if stall is not None:
                provider.stalled.append(path)
                if stall.where == "silent":
                    provider.released.wait(stall.seconds)
            # Blanks before JSON mean nothing.
            blanks = b" " * int(stall.seconds / DRIP_SECONDS) if stall is not None and stall.where == "body" else b""
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(blanks + body)))
            if stall is not None and stall.where == "headers":
                self.flush_headers()
                self._drip(b"X-Drip: " + b"x" * int(stall.seconds / DRIP_SECONDS) + b"\r\n")
            self.end_headers()
            self._drip(blanks)
            self.wfile.write(body)

        def _drip(self, data: bytes) -> None:
            for at in range(len(data)):
                self.wfile.write(data[at : at + 1])
                if provider.released.wait(DRIP_SECONDS):
                    self.wfile.write(data[at + 1 :])
                    return

        def log_message(self, *_arguments: Any) -> None:
            pass

    return Handler


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # threads of a test come all at once

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that has hung up: some tests do."""


@contextlib.contextmanager
def serve(tls: ssl.SSLContext | None = None) -> Iterator[CrookedProvider]:
    """Run one until the block ends."""
    server = _Server(("127.0.0.1", 0), BaseHTTPRequestHandler)
    provider = CrookedProvider(server.server_address[1])
    server.RequestHandlerClass = _handler(provider)
    if tls is not None:
        provider.issuer = provider.issuer.replace("http:", "https:")
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    with running(server):
        try:
            yield provider
        finally:
            provider.released.set()


@contextlib.contextmanager
def running(server: ThreadingHTTPServer) -> Iterator[None]:
    """Serve in a thread until the block ends."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
