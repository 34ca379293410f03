"""Check `push`: the hints of `authkit.revocation.hints` in a table of this process, fed by what Redis publishes.

A feed (`push_feed`) is one subscription and what came over it. It is begun by subscribing *first* and reading the whole
set *then*, from the same run of the same server: a hint told meanwhile comes twice, and none is missed. Before each
check the hints that have arrived are taken off the socket without waiting; there is no thread that could die or fall
behind.

A table is believed while all of this holds, else Redis is asked (`hints.ask`) and the feed mended:

- the process's lease stands, and the feed was begun under its epoch. A process that could not tell the server that
  feeds us has raised the epoch (see `authkit.revocation.epochs`), so a wrong server is left within half of BOUND;
- the last PING that was answered *on this very connection* was sent less than BOUND ago. A server writes to a
  subscriber in order, so its answer says that all that was published before has arrived. This also finds a connection
  that died without a word, and a server that froze;
- half of BOUND ago at most, the server that answers on other connections was the run that feeds us. A proxy may keep a
  connection open through a fail-over and lead it to another server (see `authkit.redis.nodes`). That takes one command,
  at the time of the lease;
- the connection stands. A server that drops a slow subscriber's messages closes its connection.

Threads share the feed under a lock that is never held while anything is waited for. The child of a fork begins anew.
"""

from __future__ import annotations

import logging
import os
import time
from threading import Lock
from uuid import UUID

from asgiref.sync import sync_to_async

from authkit import conf
from authkit.core.hidden import traced
from authkit.redis import key_names, link
from authkit.redis.replies import RedisUnavailable
from authkit.revocation import epochs, hints
from authkit.revocation.push_feed import NEVER, Feed

logger = logging.getLogger("authkit")

_SHORTEST_PAUSE = 0.1
"""Between two attempts to begin a feed, in seconds."""

_feed: Feed | None = None
_mending = Lock()
_next_attempt = NEVER


def ask(*, login_id: UUID, user_id: str, issued_at: int) -> bool:
    """Whether the database has to be asked for an access token; neither SQL nor Redis while the feed is believed.

    Args and raises: as `hints.ask`, which this falls back to.
    """
    answer = _told(login_id, user_id, issued_at)
    if answer is None:
        lease = epochs.lease()
        if lease.suspended or not lease.punctual:
            return True
        _identify()
        # Often only the lease had run out.
        answer = _told(login_id, user_id, issued_at)
        if answer is None:
            _mend(lease.epoch)
            answer = hints.ask(login_id=login_id, user_id=user_id, issued_at=issued_at)
    return answer


async def aask(*, login_id: UUID, user_id: str, issued_at: int) -> bool:
    """The same; in the event loop's own thread for as long as nothing is waited for."""
    answer = _told(login_id, user_id, issued_at)
    if answer is None:
        lease = epochs.held_lease() or await sync_to_async(epochs.lease)()
        if lease.suspended or not lease.punctual:
            return True
        if _unidentified():
            await sync_to_async(_identify, thread_sensitive=False)()
        answer = _told(login_id, user_id, issued_at)
        if answer is None:
            await sync_to_async(_mend, thread_sensitive=False)(lease.epoch)
            answer = await hints.aask(login_id=login_id, user_id=user_id, issued_at=issued_at)
    return answer


def forget() -> None:
    """Hangs up, for tests."""
    global _next_attempt  # noqa: PLW0603
    _next_attempt = NEVER
    if _feed is not None:
        _drop(_feed)


def _told(login_id: UUID, user_id: str, issued_at: int) -> bool | None:
    """The table's answer; None if it isn't believed."""
    feed = _feed
    if feed is None or feed.settings is not conf.current():
        return None
    lease = epochs.held_lease()
    if lease is None:
        return None
    if lease.suspended or not lease.punctual:
        return True
    now = time.monotonic()
    if lease.epoch != feed.epoch or now - feed.identified_at > feed.bound / 2:
        return None
    try:
        with feed.lock:
            heard = feed.subscription.drain()
            if heard:
                feed.take(heard)
            if now - feed.pinged_at > feed.beat:
                feed.ping(now)
            proven = now - feed.proven_at <= feed.bound
            if not proven and feed.unanswered_since is not None and now - feed.unanswered_since > feed.bound:
                raise RedisUnavailable("no answer within BOUND")
    except RedisUnavailable:
        _drop(feed)
        return None
    except BaseException as error:
        # Something was taken off the socket and not entered.
        _drop(feed)
        if not isinstance(error, Exception):
            raise
        logger.error("what came over the channel of revocations can't be read: %s", traced(error))
        return None
    if not proven:
        return None
    return (
        feed.floor >= issued_at * hints.SECOND
        or login_id.int in feed.logins
        or (bool(feed.people) and hints.folded(user_id) in feed.people)
    )


def _unidentified() -> bool:
    """Whether half of BOUND has passed since the feed's server was known to be the one that is asked for hints."""
    feed = _feed
    return feed is not None and time.monotonic() - feed.identified_at > feed.bound / 2


def _identify() -> None:
    """Makes sure that the feed comes from the run that answers on other connections: one command, where it is due.

    A proxy may keep the subscription open while it leads everything else to another server. Redis has no command that
    asks a subscriber's own connection for its run.
    """
    feed = _feed
    if feed is None or not _unidentified():
        return
    asked_at = time.monotonic()
    key = key_names.revoked(conf.current().redis.prefix)
    try:
        run = link.call(b"PING", key=key).run
    except RedisUnavailable:
        return  # so it isn't believed until Redis says who it is
    if run == feed.subscription.run:
        feed.identified_at = asked_at
    else:
        _drop(feed)


def _mend(epoch: int) -> None:
    """Begins a feed under this epoch, unless another thread is about it or nothing but a PING's answer is missing."""
    global _feed, _next_attempt  # noqa: PLW0603
    if not _mending.acquire(blocking=False):
        return
    try:
        settings, before, now = conf.current(), _feed, time.monotonic()
        if before is not None and before.settings is settings and before.epoch == epoch:
            return
        if now < _next_attempt:
            return
        _next_attempt = now + _SHORTEST_PAUSE
        feed = _begun(epoch, settings)
        if feed is not None:
            _feed = feed
            if before is not None:
                _drop(before)
    except RedisUnavailable:
        return  # the breaker keeps the next attempts short
    finally:
        _mending.release()


def _begun(epoch: int, settings: conf.Settings) -> Feed | None:
    prefix = settings.redis.prefix
    subscription = link.subscribe(key_names.revoked_channel(prefix), key=key_names.revoked(prefix))
    try:
        feed = Feed(subscription, epoch=epoch, settings=settings)
        # Before the set is read: by the time that the set has come, the answer most likely has come too.
        feed.ping(time.monotonic())
        found = hints.read_all(epoch=epoch)
        if found is None or found[0] != subscription.run:
            subscription.close()
            return None
        for member, score in found[1].items():
            feed.enter(member.decode("utf-8", "surrogatepass"), score)
    except BaseException:
        subscription.close()
        raise
    return feed


def _drop(feed: Feed) -> None:
    global _feed  # noqa: PLW0603
    if _feed is feed:
        _feed = None
    with feed.lock:  # another thread may be reading; the next one finds the connection gone
        feed.subscription.close()


def _begin_anew() -> None:
    # In the child of a fork: the connection is the parent's, and a lock that one of its threads held is held for ever.
    global _feed, _mending, _next_attempt
    inherited, _feed, _mending, _next_attempt = _feed, None, Lock(), NEVER
    if inherited is not None:
        inherited.subscription.close()


os.register_at_fork(after_in_child=_begin_anew)
