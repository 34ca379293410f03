"""A proxy as managed Redis has one: its clients' connections stay open while it leads them to another server."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

_READ = 65536


class Proxy:
    """Listens on the loopback, and sends what it hears to ``upstream``."""

    def __init__(self, upstream: int) -> None:
        self.upstream = upstream
        self.accepted = 0
        """How many connections clients have made."""
        self.packets = 0
        """How many times a client sent something."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._pairs: dict[socket.socket, socket.socket] = {}

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"redis://127.0.0.1:{self._listener.getsockname()[1]}"

    def start(self) -> None:
        """Begin to accept clients."""
        threading.Thread(target=self._accept, daemon=True).start()

    def switch(self, upstream: int) -> None:
        """Lead each client to another server, on the connection that it has."""
        with self._lock:
            self.upstream = upstream
            for client, before in list(self._pairs.items()):
                self._lead(client)
                _hang_up(before)

    def stop(self) -> None:
        """Hang up on everybody."""
        _hang_up(self._listener)
        with self._lock:
            pairs, self._pairs = self._pairs, {}
        for pair in pairs.items():
            for end in pair:
                _hang_up(end)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                with self._lock:
                    self.accepted += 1
                    self._lead(client)
                threading.Thread(target=self._upwards, args=(client,), daemon=True).start()

    def _lead(self, client: socket.socket) -> None:
        server = socket.create_connection(("127.0.0.1", self.upstream), timeout=60)
        self._pairs[client] = server
        threading.Thread(target=self._downwards, args=(client, server), daemon=True).start()

    def _upwards(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(_READ):
                with self._lock:
                    self.packets += 1
                    self._pairs[client].sendall(data)
        with self._lock:
            server = self._pairs.pop(client, None)
        if server is not None:
            _hang_up(server)
        _hang_up(client)

    def _downwards(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            server.settimeout(None)
            while data := server.recv(_READ):
                client.sendall(data)
        # A server that goes away takes its clients along, unless they were led to another one.
        with self._lock:
            alone = self._pairs.get(client) is server
        if alone:
            _hang_up(client)


def _hang_up(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()


@contextlib.contextmanager
def serve(upstream: int) -> Iterator[Proxy]:
    """Give a proxy that leads to this port, gone when the block ends."""
    proxy = Proxy(upstream)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()
