"""The ways out of a lock."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Collection
from typing import Any

from django.contrib.auth.models import AbstractBaseUser

from authkit import conf
from authkit.limiter import database, redis
from authkit.limiter.budgets import budgets
from authkit.limiter.events import BudgetUnlocked, tell
from authkit.limiter.excuses import excuse
from authkit.limiter.models import AttemptBudget
from authkit.limiter.names import account_key, decoy_key, key_of, name_key, network_of, person_key
from authkit.redis.replies import RedisUnavailable

logger = logging.getLogger("authkit")


def unlock(
    *,
    name: str | None = None,
    network: str | None = None,
    everything: bool = False,
    user: AbstractBaseUser | None = None,
    by_id: Any = None,
) -> int:
    """Forgets the failures of what is given. Redis forgets after the database, so that it can't learn them again.

    Args:
        name: a name as people type it, known or not. The counter of the person who has it stays.
        network: an address, or a network as authkit counts it.
        everything: all budgets.
        user: a person: their own counter, their user name and their address.
        by_id: the key of the person who unlocks; None for the command and for the person's own mail.

    Returns:
        How many budgets the database had.

    Raises:
        ValueError: `network` is neither an address nor a network of the size that is counted.
    """
    if everything:
        count = AttemptBudget.objects.all().delete()[0]
        _in_redis(None)
        _announce("everything", None, by_id, count)
        return count
    scope, keys = "person", list[str]()
    if name is not None:
        scope, keys = "name", [name_key(name), decoy_key(name)]
    if network is not None:
        scope, keys = "network", keys + _network_keys(network)
    if user is not None:
        keys += [person_key(user.pk), account_key(user.pk), *map(name_key, _names_of(user))]
    count = database.clear(keys)
    _in_redis(keys)
    excuse(names={*([name] if name is not None else []), *(_names_of(user) if user is not None else [])})
    _announce(scope, None if user is None else user.pk, by_id, count)
    return count


def unlock_keys(keys: Collection[str], *, by_id: Any) -> int:
    """Forgets budgets by their keys, for the admin's list. Returns how many the database had."""
    count = database.clear(list(keys))
    _in_redis(keys)
    _announce("key", None, by_id, count)
    return count


def _in_redis(keys: Collection[str] | None) -> None:
    if not redis.is_chosen():
        return
    try:
        if keys is None:
            redis.clear_all()
        elif keys:
            redis.clear(list(keys))
    except RedisUnavailable as error:
        logger.warning("Redis may still refuse what was unlocked, until its window is over: %s", error)


def _names_of(user: Any) -> Collection[str]:
    address = getattr(user, user.get_email_field_name(), "")
    return [str(name) for name in (user.get_username(), address) if name]


def _network_keys(text: str) -> list[str]:
    """The keys of a network in every scope that counts networks."""
    prefix = conf.current().limiter.ipv6_prefix
    given = ipaddress.ip_network(text, strict=False)  # a ValueError says what is wrong with it
    subject = network_of(str(given.network_address), ipv6_prefix=prefix)
    counted = ipaddress.ip_network(subject)
    if given.prefixlen < counted.prefixlen:
        raise ValueError(f"{text!r} holds several networks: /{counted.prefixlen} is counted as one")
    return [key_of(scope, subject) for scope in {budget.network for budget in budgets().values()} if scope]


def _announce(scope: str, user_id: Any, by_id: Any, count: int) -> None:
    tell(BudgetUnlocked(scope=scope, user_id=user_id, by_id=by_id, count=count))
