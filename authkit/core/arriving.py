"""The bytes of an answer, read until a deadline by the wall clock.

The time limit of a socket begins anew with each piece that arrives, so a server that sends one byte a second is never
too late for it. http.client reads every byte of an answer, status and headers too, from the one file that it makes of
its socket: the deadline is kept there.
"""

from __future__ import annotations

import io
import socket
from collections.abc import Callable
from typing import Any

Left = Callable[[], float]
"""Returns the seconds to wait for the next bytes; asked again if none came. Raises TimeoutError when time is up."""


class _Arriving(io.RawIOBase):
    def __init__(self, sock: socket.socket, left: Left) -> None:
        self._socket = sock
        self._left = left
        # Its connection may be closed while the rest of an answer is to be read; this counts the readers.
        self._open = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while True:
            self._socket.settimeout(self._left())
            try:
                return self._socket.recv_into(buffer)
            except TimeoutError:
                continue  # `_left` says whether that was the end

    def close(self) -> None:
        self._open.close()
        super().close()


class Readable:
    """The part of a socket that http.client's answers use.

    Args:
        sock: connected.
        left: the rest of the time.
    """

    def __init__(self, sock: socket.socket, left: Left) -> None:
        self._socket = sock
        self._left = left

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Arriving(self._socket, self._left))
