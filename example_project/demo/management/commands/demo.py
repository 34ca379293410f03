"""`manage.py demo`: everything that is needed to try authkit, until Ctrl-C."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
from collections.abc import Mapping
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler, get_internal_wsgi_application
from django.urls import reverse

from example_project import state
from example_project.demo import notebook, provider, week, words

HOST = "127.0.0.1"
# Easy to type off a screen: no 0/O, 1/l/I.
ALPHABET = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
PASSWORD_LENGTH = 16
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Command(BaseCommand):
    """See `help`."""

    help = "Serves the example on PORT (8000 unless given), with people, passwords and an OpenID provider beside it."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        # Set here and not left to Python: a shell starts background jobs with SIGINT ignored.
        for number in STOP_SIGNALS:
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # ignored on purpose: nohup
                signal.signal(number, _stop)
        with contextlib.suppress(KeyboardInterrupt), contextlib.ExitStack() as stack:
            self._serve(stack)
        self.stdout.write("\nStopped.")

    def _serve(self, stack: contextlib.ExitStack) -> None:
        server = stack.enter_context(_bound(chosen_port(os.environ)))  # first of all: a port in use must change nothing
        site = f"http://{HOST}:{server.server_port}"
        settings.AUTHKIT = {**settings.AUTHKIT, "PUBLIC_URL": site}  # PORT may be 0, for any that is free
        call_command("migrate", verbosity=0, interactive=False)
        self.check()
        passwords = {name: _set_up(name) for name in ("demo", "admin")}
        week.make_up()
        back = reverse("authkit:social-complete", args=["demo-id"])
        found = stack.enter_context(
            provider.running(
                redirect_uris=[f"http://{host}:{server.server_port}{back}" for host in (HOST, "localhost")]
            )
        )
        stack.enter_context(state.announced(found))
        # Other processes read the announcement; this one has read its settings already. The block is read at use.
        social = {**settings.AUTHKIT["SOCIAL"], "PROVIDERS": {"demo-id": found.section()}}
        settings.AUTHKIT = {**settings.AUTHKIT, "SOCIAL": social, "PUBLIC_URL": site}
        third_party = stack.enter_context(notebook.running(site=site))
        server.set_app(get_internal_wsgi_application())
        issuer = urlsplit(found.issuer).netloc
        self.stdout.write(words.welcome(site=site, issuer=issuer, passwords=passwords, app=third_party))
        self.stdout.flush()
        server.serve_forever()


def _stop(_number: int, _frame: FrameType | None) -> None:
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)  # a second signal would only disturb the cleaning up, which is short
    raise KeyboardInterrupt


def chosen_port(environ: Mapping[str, str]) -> int:
    """PORT; 0 takes a free one."""
    given = environ.get("PORT") or "8000"
    if not given.isascii() or not given.isdigit() or int(given) > 65535:
        raise CommandError(f"PORT is {given!r}; it must be a number up to 65535.")
    return int(given)


def _bound(port: int) -> ThreadedWSGIServer:
    try:
        return ThreadedWSGIServer((HOST, port), WSGIRequestHandler)
    except OSError as error:
        raise CommandError(
            f"Port {port} on {HOST} can't be used ({error.strerror}). Choose another: make demo PORT={port + 1}"
        ) from error


def _set_up(name: str) -> str:
    """Makes the person, or gives them a new password: it is stored as a hash, so an old one can't be printed again."""
    password = "".join(secrets.choice(ALPHABET) for _ in range(PASSWORD_LENGTH))
    users = get_user_model()._default_manager
    user, _created = users.get_or_create(username=name, defaults={"email": f"{name}@example.com"})
    user.is_active = True
    user.is_staff = user.is_superuser = name == "admin"
    user.set_password(password)
    user.save()
    return password
