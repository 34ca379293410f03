"""A connection that hears one channel, and is read without waiting."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from typing import Any, cast

from redis.connection import AbstractConnection
from redis.exceptions import RedisError

from authkit.redis.replies import RedisUnavailable

try:
    import hiredis
except ModuleNotFoundError:  # `authkit.redis.checks` says so
    hiredis = None  # type: ignore[assignment]

MESSAGE = b"message"
PONG = b"pong"

_READ = 65536
# The errors of a socket that doesn't block and has nothing to read; both are OSErrors.
_NOTHING_YET = (BlockingIOError, ssl.SSLWantReadError)


class Subscription:
    """Hears what is published from its making on. Not for two threads at once: the caller has a lock.

    It belongs to the process that made it: a child that a fork made has to `close()` it, and make its own. `run` is the
    run of the server to which it was made.
    """

    __slots__ = ("_connection", "_reader", "_recv", "_socket", "run")

    def __init__(self, connection: AbstractConnection, run: bytes, channel: bytes) -> None:
        """Take over a fresh connection: subscribe, and wait for the server to say so.

        Raises:
            RedisUnavailable
        """
        self.run = run
        self._connection = connection
        if hiredis is None:
            self.close()
            raise RedisUnavailable("hiredis is not installed")
        try:
            connection.send_packed_command(connection.pack_command("SUBSCRIBE", channel), check_health=False)
            # The socket itself from here on: redis-py reads it through a parser that knows no "nothing yet".
            self._socket: Any = cast("Any", connection._sock)
            self._recv = self._socket.recv
            self._reader = hiredis.Reader()
            answer = self._reader.gets()
            while answer is False:
                if not (data := self._recv(_READ)):
                    raise ConnectionError("closed by the server")
                self._reader.feed(data)
                answer = self._reader.gets()
            if isinstance(answer, Exception):
                raise ConnectionError(str(answer))
            self._socket.setblocking(False)
        except (RedisError, OSError) as error:
            self.close()
            raise RedisUnavailable(f"can't subscribe: {error}") from error

    def drain(self) -> Sequence[tuple[bytes, bytes]]:
        """The messages since the last time, in order: (MESSAGE, payload) and (PONG, payload). Never waits.

        Raises:
            RedisUnavailable: the connection is gone, and with it perhaps what was published; it is closed.
        """
        try:
            data = self._recv(_READ)
        except _NOTHING_YET:
            return ()
        except OSError as error:
            raise self._gone(error) from error
        heard: list[tuple[bytes, bytes]] = []
        while True:
            if not data:
                raise self._gone("closed by the server")
            self._feed(data, heard)
            try:
                # Until it would wait: TLS hands out one record at a time, and each may hold a revocation.
                data = self._recv(_READ)
            except _NOTHING_YET:
                return heard
            except OSError as error:
                raise self._gone(error) from error

    def ping(self, payload: bytes) -> None:
        """Ask for a (PONG, payload). When it has arrived, so has all that was published before. Never waits.

        Raises:
            RedisUnavailable: the connection is gone, or takes nothing more; it is closed.
        """
        command = b"*2\r\n$4\r\nPING\r\n$%d\r\n%b\r\n" % (len(payload), payload)
        try:
            sent = self._socket.send(command)
        except OSError as error:
            raise self._gone(error) from error
        if sent != len(command):
            raise self._gone("it takes nothing more")

    def fileno(self) -> int:
        """For `select`."""
        number: int = self._socket.fileno()
        return number

    def close(self) -> None:
        """Hang up; in a child that inherited it, without disturbing the parent's."""
        self._connection.disconnect()

    def _feed(self, data: bytes, heard: list[tuple[bytes, bytes]]) -> None:
        reader = self._reader
        reader.feed(data)
        while (said := reader.gets()) is not False:
            if isinstance(said, list) and said[0] in (MESSAGE, PONG):
                heard.append((said[0], said[-1]))

    def _gone(self, why: object) -> RedisUnavailable:
        self.close()
        return RedisUnavailable(f"the subscription is gone: {why}")
