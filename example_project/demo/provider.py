"""An OpenID provider beside the demo: oidc-provider-mock with a page that people understand.

It runs in a thread of the demo's own process, so that nothing is left behind however the demo ends.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import flask
import jinja2
import requests
from authlib.deprecate import AuthlibDeprecationWarning
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from example_project import state

with warnings.catch_warnings():
    warnings.simplefilter("ignore", AuthlibDeprecationWarning)  # the mock's own business, printed at each start
    import oidc_provider_mock

HOST = "127.0.0.1"
TEMPLATES = Path(__file__).resolve().parent / "provider_templates"
PEOPLE = {"dora": "Dora Demo", "sam": "Sam Sample"}


class Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002  # werkzeug's name
        pass


@contextlib.contextmanager
def running(*, redirect_uris: Sequence[str]) -> Iterator[state.DemoProvider]:
    """Serves the provider for as long as the block lasts.

    Args:
        redirect_uris: where it may send people back to, exactly.
    """
    os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # plain HTTP, to itself
    server = _bound(_app())
    thread = threading.Thread(target=server.serve_forever, name="demo-id", daemon=True)
    thread.start()
    try:
        issuer = f"http://{HOST}:{server.server_port}"
        client = requests.post(
            f"{issuer}/oauth2/clients",
            json={"redirect_uris": list(redirect_uris), "token_endpoint_auth_method": "client_secret_basic"},
            timeout=10,
        )
        client.raise_for_status()
        registered = client.json()
        yield state.DemoProvider(issuer, registered["client_id"], registered["client_secret"])
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _app() -> Any:
    people = [
        oidc_provider_mock.User(
            sub=sub,
            claims={
                "name": name,
                "given_name": name.split()[0],
                "family_name": name.split()[1],
                "preferred_username": sub,
                "email": f"{sub}@demo-id.example",
                "email_verified": True,
            },
        )
        for sub, name in PEOPLE.items()
    ]
    logging.getLogger("oidc_provider_mock").setLevel(logging.ERROR)
    app = oidc_provider_mock.app(require_client_registration=True, require_nonce=True, user_claims=people)
    app.jinja_loader = jinja2.ChoiceLoader([jinja2.FileSystemLoader(TEMPLATES), app.jinja_loader])
    app.context_processor(lambda: {"people": PEOPLE})
    app.after_request(_with_state)
    app.debug = False
    return app.wsgi_app.app  # without the debugger that the mock wraps around it


def _with_state(response: flask.Response) -> flask.Response:
    # The mock forgets the state where a person cancels; OAuth wants it back (RFC 6749 section 4.1.2.1).
    back, state_given = response.location or "", flask.request.args.get("state")
    if "error=" in back and "state=" not in back and state_given:
        response.location = f"{back}&{urlencode({'state': state_given})}"
    return response


def _bound(app: Any) -> BaseWSGIServer:
    # The same port as last time if it is free: the issuer is half of an identity, and Dora keeps her account.
    for port in (_last_port(), 0):
        with contextlib.suppress(OSError, SystemExit):  # werkzeug exits on a port in use
            server = make_server(HOST, port, app, threaded=True, request_handler=Quiet)
            state.PROVIDER_PORT_FILE.write_text(str(server.server_port), encoding="ascii")
            return server
    raise OSError(f"no free port on {HOST}")


def _last_port() -> int:
    try:
        return int(state.PROVIDER_PORT_FILE.read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        return 0
