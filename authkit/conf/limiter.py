"""The section LIMITER."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from authkit.conf.fields import CENTURY, SECOND, Hook, Secret, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class LimiterSettings:
    """How often a secret that can be guessed may be tried; see docs/limiter.md. The limiter can't be switched off."""

    backend: str = setting("database", choices=("database", "redis"))
    """Where tries are counted. With `"redis"`, Redis refuses without a statement, and the database counts each try that
    Redis lets through."""
    slow_after: int = setting(5, least=1, most=1_000)
    """From which failure of one name on the next try has to wait: 1 s, then 2, 4, 8 … up to `MAX_DELAY`."""
    lock_after: int = setting(20, least=2, most=10_000)
    """From which failure of one name on every further failure locks the name for `LOCK_FOR`."""
    lock_for: timedelta = setting(timedelta(hours=1), least=SECOND, most=timedelta(days=30))
    """How long a lock lasts."""
    stop_after: int = setting(100, least=1, most=100_000)
    """After how many failures without a success a person's password is taken no more, whatever name was typed, until
    the person is unlocked. Their known devices go on."""
    max_delay: timedelta = setting(timedelta(seconds=60), least=SECOND, most=timedelta(days=1))
    """The longest wait before the lock."""
    window: timedelta = setting(timedelta(hours=24), least=timedelta(minutes=1), most=timedelta(days=365))
    """Failures of a name are forgotten this long after its last try."""
    network_slow_after: int = setting(50, least=1, most=1_000_000)
    """As `SLOW_AFTER`, for the failures of one network with any names."""
    network_lock_after: int = setting(300, least=2, most=1_000_000)
    """As `LOCK_AFTER`, for one network."""
    network_window: timedelta = setting(timedelta(hours=1), least=timedelta(minutes=1), most=timedelta(days=365))
    """As `WINDOW`, for one network."""
    ipv6_prefix: int = setting(64, least=16, most=128)
    """How many bits of an IPv6 address make a network. An IPv4 address is a network by itself."""
    device_lock_after: int = setting(10, least=1, most=1_000)
    """How many failures a device that signed in before has for itself. Then it spends the budget of the name."""
    device_age: timedelta = setting(timedelta(days=365), least=timedelta(minutes=1), most=CENTURY)
    """How long a device is known after its person last signed in from it."""
    hashes: int = setting(4, least=1, most=1_024)
    """How many passwords one process hashes at once. A further sign-in waits for a second, and is then refused."""
    exempt: tuple[str, ...] = setting(())
    """Networks such as `"192.0.2.0/24"` whose budget is not charged. Names are limited there as well."""
    challenge: Hook = setting(Hook(""), call=Callable[[], Any])
    """A class, or its dotted path, that asks for proof that a person tries: `authkit.signin.challenges.ProofOfWork`,
    `Turnstile` or `HCaptcha` there, or your own; see docs/challenges.md."""
    challenge_after: int = setting(3, least=0, most=1_000)
    """From how many failures of one name, or of a known device, on a try needs the challenge. With `0`, each try."""
    challenge_site_key: str = setting("")
    """The public key of your site at Turnstile or hCaptcha."""
    challenge_secret: Secret = setting(Secret(""))
    """The secret key of your site there."""
    stuffing_failures: int = setting(100, least=1, most=1_000_000)
    """From how many failed tries a minute on the whole site may be suspected of being under attack with many names. It
    also has to be four times the usual."""
    stuffing_names: int = setting(20, least=2, most=100)
    """With how many names tries may fail from one network in 10 minutes, before the network is suspected; counted
    roughly."""
