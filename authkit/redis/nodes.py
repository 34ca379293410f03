"""One server: its idle connections, one command and its answer, and when it isn't worth asking.

The pool is our own because redis-py's, with its `execute_command`, costs as much as the round trip on loopback. It is a
deque of redis-py's connections: `pop` and `append` need no lock. A connection in it has always had its last answer
read, and was never reconnected. So the run that it was stamped with is the run that answers, as long as it leads to
the server itself. A proxy (a managed Redis has one) may keep it open through a fail-over and lead it to another server.
So a connection that was asked for its run more than half of BOUND ago is asked again, in front of the next command and
in the same packet: that costs no round trip. The new server then runs the command, and its reply says so.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from redis.connection import AbstractConnection
from redis.exceptions import AskError, MovedError, ReadOnlyError, RedisError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from authkit import conf
from authkit.core import clocks
from authkit.core.breaker import Breaker
from authkit.redis.replies import RedisUnavailable, Reply
from authkit.redis.subscription import Subscription

logger = logging.getLogger("authkit.redis")

# More than this many at once are rare: the others are closed after use instead of being kept.
MOST_IDLE = 64

Command = tuple[bytes | str | int | float, ...]

_INFO = ("INFO", "server")
# A replica that was the primary until now: like a connection to a server that is gone.
_GONE = (RedisConnectionError, ReadOnlyError)


class Identity(NamedTuple):
    """Which server a connection leads to, as the server says itself."""

    run: bytes
    ahead: float
    """By how many seconds its clock is ahead of this process'; 0 where it doesn't say its time."""
    ask_again_at: float
    """Of `time.monotonic()`: half of BOUND after it was asked."""


class Node:
    """A server, by the function that makes an unconnected connection to it. `name` is for logs."""

    __slots__ = ("_idle", "_make", "breaker", "name")

    def __init__(self, name: str, make: Callable[[], AbstractConnection]) -> None:
        self.name = name
        self.breaker = Breaker()
        self._make = make
        self._idle: deque[tuple[AbstractConnection, Identity]] = deque()

    def call(self, command: Command, *, asking: bool = False) -> Reply:
        """The server's answer to one command; `asking` as RESP's ASK wants it.

        Raises:
            RedisUnavailable: no answer in time, or a refusal.
            AskError, MovedError: no fault of this server's: another one of its cluster has the key.
        """
        if not self.breaker.lets_through():
            raise RedisUnavailable(f"{self.name} failed a moment ago")
        try:
            reply = self._call(command, asking=asking)
        except AskError:
            self._heard()
            raise
        except RedisUnavailable as error:
            # There is no connection to be made: the project's vault fails, for one, and that may take its time as well.
            self._silent(error)
            raise
        except (RedisConnectionError, RedisTimeoutError, ReadOnlyError, OSError) as error:
            self._silent(error)
            raise RedisUnavailable(f"{self.name}: {told(error)}") from None
        except RedisError as error:
            # It answers, soon, and refuses: out of memory, no permission, a cluster that misses a part.
            self._heard()
            raise RedisUnavailable(f"{self.name} refuses {command[0]!r}: {told(error)}") from None
        if self.breaker.is_open:
            self._heard()
        return reply

    def connect(self) -> tuple[AbstractConnection, Identity]:
        """A new connection and the server that it leads to.

        Raises:
            redis.exceptions.RedisError, OSError
            RedisUnavailable: the settings don't say how.
        """
        connection = self._make()
        try:
            connection.connect()
            asked_at = time.monotonic(), time.time()
            identity = _identity(exchange(connection, _INFO), *asked_at)
        except BaseException:
            connection.disconnect()
            raise
        return connection, identity

    def subscribe(self, channel: bytes) -> Subscription:
        """A new connection that hears `channel`.

        Raises:
            RedisUnavailable
        """
        if not self.breaker.lets_through():
            raise RedisUnavailable(f"{self.name} failed a moment ago")
        try:
            connection, identity = self.connect()
        except RedisUnavailable as error:
            self._silent(error)
            raise
        except (RedisError, OSError) as error:
            self._silent(error)
            raise RedisUnavailable(f"{self.name}: {told(error)}") from None
        self._heard()
        return Subscription(connection, identity.run, channel)

    def clear(self) -> None:
        """Close the idle connections."""
        while True:
            try:
                connection, _ = self._idle.pop()
            except IndexError:
                return
            connection.disconnect()

    def _call(self, command: Command, *, asking: bool) -> Reply:
        try:
            connection, identity = self._idle.pop()
        except IndexError:
            connection, identity = self.connect()
        else:
            try:
                return self._kept(connection, identity, command, asking=asking)
            except _GONE:
                # The server has restarted, was demoted, or closes what idles: then the others are stale as well. A
                # time limit that has passed is no reason to spend another one.
                self.clear()
                connection, identity = self.connect()
        return self._kept(connection, identity, command, asking=asking)

    def _kept(self, connection: AbstractConnection, identity: Identity, command: Command, *, asking: bool) -> Reply:
        try:
            if time.monotonic() >= identity.ask_again_at:
                before, identity = identity, _ask_in_front(connection, command, asking=asking)
                if identity.run != before.run:
                    self.clear()  # the others lead there as well, and would say so half of BOUND later
                value = connection.read_response()
            else:
                if asking:
                    exchange(connection, ("ASKING",))
                value = exchange(connection, command)
        except ReadOnlyError:
            connection.disconnect()
            raise
        except ResponseError as error:
            # A whole answer, though a refusal.
            self._keep(connection, identity)
            raise _classified(error) from None
        except BaseException:
            # Between a command and its answer: the next caller would read this one's.
            connection.disconnect()
            raise
        self._keep(connection, identity)
        return Reply(value, identity.run, identity.ahead)

    def _keep(self, connection: AbstractConnection, identity: Identity) -> None:
        if len(self._idle) < MOST_IDLE:
            self._idle.append((connection, identity))
        else:
            connection.disconnect()

    def _heard(self) -> None:
        if self.breaker.succeeded():
            logger.info("%s answers again", self.name)

    def _silent(self, error: BaseException) -> None:
        self.clear()
        if self.breaker.failed():
            logger.warning("%s is out of reach, the database is asked instead: %s", self.name, told(error))


def told(error: BaseException) -> str:
    """The text of an error, for a log. The error itself is not for one."""
    # Sentinel's goes on with the repr of a connection, in which some versions of redis-py show the password.
    return str(error).partition("<")[0].rstrip(" :") or type(error).__name__


def exchange(connection: AbstractConnection, command: Command) -> Any:
    """Send one command and read its answer. Raises what redis-py raises."""
    connection.send_packed_command(connection.pack_command(*command), check_health=False)
    return connection.read_response()


def _ask_in_front(connection: AbstractConnection, command: Command, *, asking: bool) -> Identity:
    """Sends a command, and in front of it the question which server this is. The command's answer is left to read."""
    asked_at = time.monotonic(), time.time()
    # ASKING is for the next command, whichever that is.
    commands = [_INFO, ("ASKING",), command] if asking else [_INFO, command]
    connection.send_packed_command(connection.pack_commands(commands), check_health=False)
    try:
        identity = _identity(connection.read_response(), *asked_at)
        if asking:
            connection.read_response()
    except ResponseError as error:
        # The command's answer is still to come, and a server that doesn't say who it is can't be believed.
        raise RedisConnectionError(f"INFO is refused: {told(error)}") from None
    return identity


def _classified(error: ResponseError) -> ResponseError:
    # Some versions of redis-py leave these two as they come, unless its own cluster client made the connection.
    code, _, rest = str(error).partition(" ")
    kind = {"MOVED": MovedError, "ASK": AskError}.get(code)
    return error if kind is None else kind(rest)


def _identity(info: bytes, asked_at: float, asked_at_by_the_clock: float) -> Identity:
    said = dict(line.partition(b":")[::2] for line in info.split(b"\r\n"))
    if not (run := said.get(b"run_id")):
        raise RedisConnectionError("INFO server has no run_id: is there a proxy in between?")
    time_of_day = said.get(b"server_time_usec")
    ahead = _difference(int(time_of_day), asked_at_by_the_clock) if time_of_day else 0.0
    return Identity(run, ahead, asked_at + conf.current().revocation.bound.total_seconds() / 2)


def _difference(clock: int, asked_at: float) -> float:
    return clocks.ahead(clock=clock / clocks.SECOND, asked_at=asked_at, answered_at=time.time())
