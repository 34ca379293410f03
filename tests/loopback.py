"""A server on loopback that says what a test wants, and misbehaves on demand."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Talk = Callable[[socket.socket], None]


@contextmanager
def server(talk: Talk) -> Iterator[str]:
    """A server whose every connection is given to ``talk``; yields its URL. Held connections end with it."""
    listener = socket.create_server(("127.0.0.1", 0))
    held: list[socket.socket] = []
    talks: list[threading.Thread] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            held.append(connection)
            talks.append(threading.Thread(target=_given, args=(talk, connection), daemon=True))
            talks[-1].start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)
        listener.close()
        for connection in held:
            with contextlib.suppress(OSError):  # it is over already
                connection.shutdown(socket.SHUT_RDWR)
        for each in talks:
            each.join(5)


def _given(talk: Talk, connection: socket.socket) -> None:
    with connection, contextlib.suppress(OSError):  # the client has hung up
        talk(connection)


def request_of(connection: socket.socket) -> bytes:
    """The request's head, and as much of its body as its length says."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += _more(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    lengths = (line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
    length = int(next(lengths, b"0"))
    while len(body) < length:
        body += _more(connection)
    return head + b"\r\n\r\n" + body


def _more(connection: socket.socket) -> bytes:
    received = connection.recv(4096)
    if not received:
        raise ConnectionResetError("the client has hung up")
    return received


def answers(body: bytes, status: str = "200 OK", more: str = "", seen: list[bytes] | None = None) -> Talk:
    """Talk as a server does that answers so."""

    def talk(connection: socket.socket) -> None:
        asked = request_of(connection)
        if seen is not None:
            seen.append(asked)
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{more}\r\n"
        connection.sendall(head.encode() + body)
        connection.close()

    return talk


def hangs(connection: socket.socket) -> None:
    """Take the request and say nothing."""
    request_of(connection)
    _more(connection)  # the client hangs up first


def drips(connection: socket.socket) -> None:
    """Send the answer byte by byte, so that no limit for a single read ever ends it."""
    request_of(connection)
    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n" + b"x" * 10000:
        connection.sendall(bytes([byte]))
        threading.Event().wait(0.05)
