"""An app of another company beside the demo: it asks people to let it read their notes, as any OAuth client would.

It knows the example by its address alone, and talks to it by HTTP. It runs in a thread of the demo's own process.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from hashlib import sha256
from urllib.parse import urlencode

import flask
import requests
from werkzeug.serving import make_server
from werkzeug.wrappers import Response

from authkit.oauth.clients import register_client, rotate_secret
from authkit.oauth.models import OAuthClient
from example_project.demo.provider import HOST, Quiet

NAME = "Notebook"
SCOPE = "openid notes:read offline_access"
SECONDS = 10

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Notebook</title><h1>Notebook</h1>
{% if error %}<p>The site says: {{ error }}</p>{% endif %}
{% if notes is not none %}<p>These are your notes there, read with a token of this app:</p>
<ul>{% for note in notes %}<li>{{ note.text }}</li>{% else %}<li>none yet</li>{% endfor %}</ul>{% endif %}
<p><a href="/connect">Connect</a>{% if connected %} <a href="/">Read again</a>{% endif %}</p>"""


@contextlib.contextmanager
def running(*, site: str) -> Iterator[str]:
    """Serves the app for as long as the block lasts.

    Args:
        site: scheme, host and port of the example.

    Returns:
        The same of the app.
    """
    server = make_server(HOST, 0, flask.Flask("notebook"), threaded=True, request_handler=Quiet)
    own = f"http://{HOST}:{server.server_port}"
    client_id, secret = _registered(f"{own}/callback")
    server.app = _app(site=site, own=own, client=(client_id, secret))
    thread = threading.Thread(target=server.serve_forever, name="notebook", daemon=True)
    thread.start()
    try:
        yield own
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _registered(redirect_uri: str) -> tuple[str, str]:
    """The client's id, and a new secret: only digests are kept, so the last start's can't be read again."""
    client = OAuthClient.objects.filter(name=NAME).first()
    if client is None:
        made = register_client(name=NAME, redirect_uris=[redirect_uri], scopes=SCOPE.split())
    else:
        client.redirect_uris = [redirect_uri]
        client.save(update_fields=["redirect_uris"])
        made = rotate_secret(client=client)
    return made.client.client_id, made.secret


def _app(*, site: str, own: str, client: tuple[str, str]) -> flask.Flask:
    app = flask.Flask("notebook")
    app.secret_key = secrets.token_bytes(32)
    # Another host's cookies can't be told apart by their port: the names differ from the site's.
    app.config["SESSION_COOKIE_NAME"] = "notebook"
    tokens: dict[str, str] = {}  # on the server: the cookie can be read

    @app.get("/")
    def home() -> str:
        token = tokens.get(flask.session.get("browser", ""))
        if token is None:
            return flask.render_template_string(_PAGE, notes=None, error="", connected=False)
        answer = requests.get(f"{site}/api/notes/", headers={"Authorization": f"Bearer {token}"}, timeout=SECONDS)
        body = answer.json()
        notes, error = (body["results"], "") if answer.ok else (None, f"{answer.status_code} {body.get('code')}")
        return flask.render_template_string(_PAGE, notes=notes, error=error, connected=True)

    @app.get("/connect")
    def connect() -> Response:
        verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
        flask.session.update(verifier=verifier, state=state)
        challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=")
        query = {
            "response_type": "code", "client_id": client[0], "redirect_uri": f"{own}/callback", "scope": SCOPE,
            "state": state, "code_challenge": challenge, "code_challenge_method": "S256",
        }  # fmt: skip
        return flask.redirect(f"{site}/auth/oauth/authorize?{urlencode(query)}")

    @app.get("/callback")
    def callback() -> Response | str:
        given, kept = flask.request.args, flask.session
        # RFC 9207 section 2.4: the answer names the site that was asked.
        if given.get("state") != kept.pop("state", None) or given.get("iss") != site or "code" not in given:
            return flask.render_template_string(_PAGE, notes=None, error=given.get("error", "?"), connected=False)
        form = {
            "grant_type": "authorization_code", "code": given["code"], "redirect_uri": f"{own}/callback",
            "code_verifier": kept.pop("verifier", ""),
        }  # fmt: skip
        answer = requests.post(f"{site}/auth/oauth/token", data=form, auth=client, timeout=SECONDS)
        kept["browser"] = secrets.token_urlsafe(16)
        tokens[kept["browser"]] = answer.json().get("access_token")
        return flask.redirect("/")

    return app
