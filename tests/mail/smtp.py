"""A mail server on loopback, which keeps what it is given, and refuses what it is told to."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import django

BACKEND = "django.core.mail.backends.smtp.EmailBackend"


class MailServer(socketserver.ThreadingTCPServer):
    """Speaks as much of SMTP (RFC 5321) as Django's back end needs."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.taken: list[str] = []
        self.refuse_recipients = ""
        """The answer to RCPT, such as "550 no such mailbox"; empty to take every address."""
        self.hold = threading.Event()
        """Set while the server answers; cleared to let every client wait at DATA."""
        self.hold.set()
        self.has_client = threading.Event()
        """Set once a client has come to DATA."""

    @property
    def settings(self) -> dict[str, Any]:
        """Django's settings that lead here."""
        host, port = str(self.server_address[0]), int(self.server_address[1])
        if django.VERSION >= (6, 1):
            options = {"host": host, "port": port, "timeout": 10}
            return {"MAILERS": {"default": {"BACKEND": BACKEND, "OPTIONS": options}}}
        return {"EMAIL_BACKEND": BACKEND, "EMAIL_HOST": host, "EMAIL_PORT": port, "EMAIL_TIMEOUT": 10}


class _Session(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self._say("220 ready")
        while line := self.rfile.readline():
            verb = line.split()[0].upper().decode() if line.split() else ""
            if verb == "RCPT" and self.server.refuse_recipients:
                self._say(self.server.refuse_recipients)
            elif verb == "DATA":
                self.server.has_client.set()
                self.server.hold.wait(30)
                self._say("354 go on")
                self.server.taken.append(self._message())
                self._say("250 taken")
            elif verb == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 fine")

    def _message(self) -> str:
        lines = []
        while (line := self.rfile.readline()) not in {b".\r\n", b""}:
            lines.append(line.decode())
        return "".join(lines)

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """A server for as long as the block lasts."""
    with MailServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.hold.set()
            server.shutdown()
            thread.join()
