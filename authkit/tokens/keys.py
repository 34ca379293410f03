"""The keys in force: the ring that TOKENS.KEYS names, and keys derived from SECRET_KEY.

One key per use, so that a refresh token can never pass for an access token even if all else failed. The ring is read
at use and kept for as long as its source stays the same: the text, or the file's time, size and inode. A
callable is asked once in HOLD_SECONDS.

A source that fails (a callable that raises, a file that is gone, empty or half written) must not sign people out: the
last good ring goes on for KEEP_SECONDS, with an error in the log. After that, and if no ring was ever read, nothing is
known of a token, and the answer is 503. No other key takes its place.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any, NamedTuple

from django.core.exceptions import ImproperlyConfigured
from django.views.decorators.debug import sensitive_variables

from authkit import conf
from authkit.core.secret_keys import secrets_as_set
from authkit.exceptions import KeysUnavailable
from authkit.logins.reasons import TokenKind
from authkit.tokens.key_sources import Stamp, is_json, read, source_of, stamp_of, text_of, unreadable
from authkit.tokens.keyring import Key, Ring, document

__all__ = ["Key", "Ring", "configured", "current", "inspect", "signing_key", "verifying_key"]

logger = logging.getLogger("authkit")

HOLD_SECONDS = 5.0
"""How long a callable's answer is used without asking again, and how long after a failure nothing is tried."""
KEEP_SECONDS = 600.0
"""How long the last good ring is used while its source fails: a key that was withdrawn verifies no longer than that."""
PATIENCE_SECONDS = 5.0
"""How long a request without a ring waits for the one request that reads it."""


def signing_key(use: TokenKind) -> Key:
    """The key that signs tokens of this use: the first of the ring, else the one derived from SECRET_KEY.

    Raises:
        ImproperlyConfigured, KeysUnavailable: as `current`.
    """
    return current().signing[use]


def verifying_key(use: TokenKind, kid: str) -> Key | None:
    """The key of this use that a token's `kid` names; None if it is in no ring of ours.

    Raises:
        ImproperlyConfigured, KeysUnavailable: as `current`.
    """
    return current().verifying.get((use, kid))


def current() -> Ring:
    """The ring as it is now, or as it was before its source failed.

    Raises:
        ImproperlyConfigured: one of the keys that are written in the settings is not fit for use. A refusal is
            better than a token that an attacker can sign; `manage.py check` says the same at start-up.
        KeysUnavailable: the same of a file or callable, which may come right by itself, for longer than KEEP_SECONDS.
    """
    ring = _current().ring
    assert ring is not None  # noqa: S101  # `_current` raises without one
    return ring


def inspect() -> tuple[Ring, list[conf.Problem]]:
    """The ring as far as it is fit for use, and everything that is wrong. Reads anew, and keeps nothing.

    Raises:
        ImproperlyConfigured: SECRET_KEY is empty.
    """
    tokens = conf.inspect()[0].tokens
    try:
        source = source_of(tokens)
    except Exception as error:  # noqa: BLE001  # a callable may raise anything
        return read(tokens, "")[0], [unreadable(error)]
    return read(tokens, source)


@sensitive_variables()
def configured() -> list[dict[str, Any]]:
    """The private JWKs of TOKENS.KEYS as they were written, for a command that prints a new ring.

    Raises:
        ImproperlyConfigured, KeysUnavailable: as `current`; the second at once, since the last good ring is not what
            the source says.
    """
    held = _current()
    if held.failing_since is not None:
        raise KeysUnavailable(held.failure)
    return document(text_of(held.source)) or []


def key_file() -> Path | None:
    """The file that the ring is read from, if it is one."""
    source = source_of(conf.inspect()[0].tokens)
    return Path(source) if source and not is_json(source) else None


class _Configuration(NamedTuple):
    """The settings that the ring depends on, besides its source's content; under others the last ring doesn't count.

    A tuple, which is compared in C: each check of a token makes one and compares it.
    """

    keys: conf.KeySource
    derived_keys: bool
    secrets: tuple[str | bytes, ...]

    def __repr__(self) -> str:
        return "<hidden>"

    @classmethod
    def of(cls, tokens: conf.TokenSettings) -> _Configuration:
        return cls(tokens.keys, tokens.derived_keys, secrets_as_set())


@dataclass(frozen=True, slots=True)
class _Held:
    """The state of the ring in this process. Replaced as a whole, so threads see the old one or the new one."""

    configuration: _Configuration
    source: str = field(repr=False)
    stamp: Stamp | None
    ring: Ring | None
    """The last good one."""
    asked_at: float
    """When the source was last asked, whether or not it answered; of `monotonic`, as is `failing_since`."""
    failing_since: float | None = None
    failure: str = ""

    @property
    def is_lasting(self) -> bool:
        """Whether only another configuration can change the ring: one that is written in the settings, or derived."""
        return (
            self.ring is not None
            and self.failing_since is None
            and not self.configuration.keys.is_callable
            and (not self.source or is_json(self.source))
        )

    def is_due(self, now: float) -> bool:
        """Whether the source may say something else by now."""
        changes = self.failing_since is not None or self.configuration.keys.is_callable
        return (changes and now - self.asked_at >= HOLD_SECONDS) or stamp_of(self.source) != self.stamp

    def is_usable(self, now: float) -> bool:
        """Whether there is a ring, and its source was heard lately enough."""
        since = self.failing_since
        if since is None and self.configuration.keys.is_callable:
            since = self.asked_at + HOLD_SECONDS  # as long as it is being asked, it may be failing
        return self.ring is not None and (since is None or now - since < KEEP_SECONDS)


_held: _Held | None = None
_lasting: _Held | None = None
"""The same, if it `is_lasting`: asked at each check of a token, the answer is not worked out again."""
_lock = Lock()
"""Held by the one thread that reads."""


def _renew_lock() -> None:
    global _lock  # noqa: PLW0603
    _lock = Lock()  # another thread may have held it when the process was forked


os.register_at_fork(after_in_child=_renew_lock)


def _current() -> _Held:
    tokens = conf.current().tokens
    held = _known(_Configuration.of(tokens))
    if held is not None and held is _lasting:
        return held
    now = monotonic()
    if held is None or held.is_due(now):
        held = _renewed(tokens, held)
    if held is None or not held.is_usable(now):
        failure = held.failure if held is not None else "TOKENS.KEYS is being read by another request."
        written = held is not None and not tokens.keys.is_callable and (not held.source or is_json(held.source))
        if written:  # in the settings, which don't come right by themselves
            raise ImproperlyConfigured(failure)
        raise KeysUnavailable(failure)
    return held


def _known(configuration: _Configuration) -> _Held | None:
    held = _held
    return held if held is not None and held.configuration == configuration else None


def _renewed(tokens: conf.TokenSettings, held: _Held | None) -> _Held | None:
    # One thread asks the vault, or reads the file. The others go on with the ring that is there: a slow source
    # must not hold up every worker.
    global _held, _lasting  # noqa: PLW0603
    now = monotonic()
    has_ring = held is not None and held.is_usable(now)
    if not _lock.acquire(timeout=0 if has_ring else PATIENCE_SECONDS):
        return held
    try:
        configuration = _Configuration.of(tokens)
        latest = _known(configuration)
        if latest is None or latest.is_due(monotonic()):
            latest = _held = _asked(tokens, configuration, latest)
            _lasting = latest if latest.is_lasting else None
        return latest
    finally:
        _lock.release()


@sensitive_variables()
def _asked(tokens: conf.TokenSettings, configuration: _Configuration, last: _Held | None) -> _Held:
    source, stamp = ("", None) if last is None else (last.source, last.stamp)
    last_ring = None if last is None else last.ring
    try:
        source = source_of(tokens)
    except Exception as error:  # noqa: BLE001  # a callable may raise anything
        problems = [unreadable(error)]
    else:
        stamp = stamp_of(source)  # before the file is read: at worst older than the ring, which is then read once more
        ring, problems = read(tokens, source)
        if not source and last_ring is not None and not all(key.derived for key in last_ring.keys):
            # The setting is the same, so the project didn't ask for derived keys: the callable has lost its ring.
            problems = [unreadable(ValueError())]
        if not problems:
            return _Held(configuration, source, stamp, ring, monotonic())
    failure = "; ".join(f"AUTHKIT {p.path}: {p.message} {p.hint}" for p in problems)
    since = None if last is None else last.failing_since
    logger.error(
        "the key ring can't be used%s: %s", "" if last_ring is None else ", the last good one goes on", failure
    )
    now = monotonic()
    return _Held(configuration, source, stamp, last_ring, now, now if since is None else since, failure)
