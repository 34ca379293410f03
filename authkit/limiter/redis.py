"""Budgets in Redis: one script over all keys of a try, by Redis' own clock.

Redis refuses, and the database grants. A flood is refused here without a statement. A try that Redis lets through is
charged in the database as well, which may still refuse it. So a Redis that is cut off, flushed or restarted lets no try
through that the database would refuse, and a try that is being judged meanwhile is not forgotten. A key that Redis does
not know begins with the database's count and lock. While Redis can't be reached, the database counts alone.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from authkit import conf
from authkit.core.clocks import SECOND
from authkit.limiter import database
from authkit.limiter.charges import Charge, Outcome, Refusal, Standing
from authkit.redis import key_names, link
from authkit.redis.replies import RedisUnavailable

logger = logging.getLogger("authkit")

_CLOCK = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local function text(number) return string.format('%.0f', number) end
"""

# ARGV: the number of the charge, whether the seeds count, then for each key: slow_after, lock_after, lock_for,
# max_delay, window, and its spent and wait in the database. Answers {0}: charged; {-1}: a key is not known;
# {n, wait, spent}: the nth key refuses. A command may come twice, so a charge of the same number counts once.
_CHARGE = (
    _CLOCK
    + f"local second = {SECOND}"
    + """
local rows = {}
for i, key in ipairs(KEYS) do
  local at = 2 + (i - 1) * 7
  local row = redis.call('HMGET', key, 's', 'n', 'c')
  if not row[1] then
    if ARGV[2] == '0' then return {-1} end
    local wait, stays = tonumber(ARGV[at + 7]), tonumber(ARGV[at + 5])
    row = {ARGV[at + 6], '0', ''}
    if wait > 0 then
      row[2] = text(now + wait)
      stays = math.max(stays, wait)
    end
    redis.call('HSET', key, 's', row[1], 'n', row[2], 'c', '')
    redis.call('PEXPIRE', key, text(math.ceil(stays / 1000)))
  end
  if row[3] == ARGV[1] then return {0} end
  local wait = tonumber(row[2]) - now
  if wait > 0 then return {i, wait, tonumber(row[1])} end
  rows[i] = row
end
for i, key in ipairs(KEYS) do
  local at = 2 + (i - 1) * 7
  local spent, delay, after = tonumber(rows[i][1]) + 1, 0, rows[i][2]
  if spent >= tonumber(ARGV[at + 2]) then
    delay = tonumber(ARGV[at + 3])
  elseif spent >= tonumber(ARGV[at + 1]) then
    local steps = math.min(spent - tonumber(ARGV[at + 1]), 40)
    delay = math.min(second * 2 ^ steps, tonumber(ARGV[at + 4]))
  end
  if delay > 0 then after = text(now + delay) end
  redis.call('HSET', key, 's', text(spent), 'n', after, 'c', ARGV[1])
  redis.call('PEXPIRE', key, text(math.ceil(math.max(tonumber(ARGV[at + 5]), delay) / 1000)))
end
return {0}
"""
)

# ARGV[1] is the number of the charge.
_REFUND = """
for _, key in ipairs(KEYS) do
  local row = redis.call('HMGET', key, 's', 'c')
  if row[1] and row[2] ~= 'back ' .. ARGV[1] and tonumber(row[1]) > 0 then
    redis.call('HINCRBY', key, 's', -1)
    if row[2] == ARGV[1] then redis.call('HSET', key, 'n', '0', 'c', 'back ' .. ARGV[1]) end
  end
end
return 0
"""

# The keys stay, so that the next try need not ask the database about them.
_CLEAR = """
local count = 0
for _, key in ipairs(KEYS) do
  if redis.call('EXISTS', key) == 1 then
    redis.call('HSET', key, 's', '0', 'n', '0', 'c', '')
    count = count + 1
  end
end
return count
"""

_STANDINGS = (
    _CLOCK
    + """
local found = {}
for i, key in ipairs(KEYS) do
  local row = redis.call('HMGET', key, 's', 'n', 'c')
  if row[1] then
    local wait = tonumber(row[2]) - now
    found[i] = {tonumber(row[1]), wait, row[3] or ''}
  else
    found[i] = {-1, 0, ''}
  end
end
return found
"""
)

# ARGV: for each key its spent, its wait and its window. What the key has already only grows.
_RAISE = (
    _CLOCK
    + """
for i, key in ipairs(KEYS) do
  local at = (i - 1) * 3
  local row = redis.call('HMGET', key, 's', 'n')
  local spent = math.max(tonumber(row[1] or '0'), tonumber(ARGV[at + 1]))
  local after = math.max(tonumber(row[2] or '0'), now + tonumber(ARGV[at + 2]))
  redis.call('HSET', key, 's', text(spent), 'n', text(after))
  redis.call('PEXPIRE', key, text(math.ceil(math.max(tonumber(ARGV[at + 3]), after - now) / 1000)))
end
return 0
"""
)


def is_chosen() -> bool:
    """Whether LIMITER.BACKEND is "redis". Where no Redis is named (check E084), the database counts."""
    return conf.current().limiter.backend == "redis" and link.configured()


def charge(charges: Sequence[Charge], *, number: int) -> Outcome:
    """As `database.charge`."""
    try:
        answer = _charged(charges, number, None)
        if answer[0] == -1:
            answer = _charged(charges, number, database.standings(charges))
    except RedisUnavailable as error:
        logger.warning("the limiter counts in the database: %s", error)
        return database.charge(charges, number=number)
    if answer[0] != 0:
        place, wait, spent = answer
        one = charges[place - 1]
        return Outcome(Refusal(one.scope, wait, locked=spent >= one.limits.lock_after), in_redis=True)
    keys = [one.key for one in charges]
    try:
        outcome = database.charge(charges, number=number)
    except BaseException:
        refund(keys, number=number)
        raise
    if outcome.refusal is not None:
        # Redis has forgotten tries that the database still has.
        refund(keys, number=number)
        agree(charges)
        return outcome
    return Outcome(None, in_redis=True)


def refund(keys: Sequence[str], *, number: int) -> None:
    """As `database.refund`, for the charge in Redis. While Redis can't be reached, that one stays."""
    with suppress(RedisUnavailable):
        _run(_REFUND, keys, [number])


def clear(keys: Sequence[str]) -> int:
    """Forgets these keys. Returns how many there were.

    Raises:
        RedisUnavailable
    """
    return int(_run(_CLEAR, keys, []))


def clear_all() -> None:
    """Forgets every key.

    Raises:
        RedisUnavailable
    """
    prefix = conf.current().redis.prefix
    pattern, cursor = key_names.budget(prefix, "*"), b"0"
    while True:
        cursor, found = link.call(b"SCAN", cursor, b"MATCH", pattern, b"COUNT", 1000, key=pattern).value
        if found:
            link.call(b"UNLINK", *found, key=pattern)
        if int(cursor) == 0:
            return


def standings(charges: Sequence[Charge]) -> dict[str, Standing]:
    """As `database.standings`.

    Raises:
        RedisUnavailable
    """
    rows = _run(_STANDINGS, [one.key for one in charges], [])
    return {
        one.key: Standing(spent, wait, int(last) if last.isdigit() else 0)
        for one, (spent, wait, last) in zip(charges, rows, strict=True)
        if spent >= 0
    }


def agree(charges: Sequence[Charge]) -> dict[str, Standing]:
    """Takes the database's count and wait of these keys into Redis where they are higher there.

    Returns:
        The database's rows of these keys.
    """
    there = database.standings(charges)
    with suppress(RedisUnavailable):
        here = standings(charges)
        behind = [one for one in charges if one.key in there and _is_behind(here.get(one.key), there[one.key])]
        if behind:
            rows = [(there[one.key], one.limits.window) for one in behind]
            arguments = [value for row, window in rows for value in (row.spent, row.wait, window)]
            _run(_RAISE, [one.key for one in behind], arguments)
    return there


def _is_behind(here: Standing | None, there: Standing) -> bool:
    # A second is the time in which the one was read before the other.
    return here is None or here.spent < there.spent or here.wait + SECOND < there.wait


def _charged(charges: Sequence[Charge], number: int, seeds: dict[str, Standing] | None) -> list[int]:
    arguments: list[int] = [number, int(seeds is not None)]
    for one in charges:
        limits, seed = one.limits, (seeds or {}).get(one.key)
        arguments += (limits.slow_after, limits.lock_after, limits.lock_for, limits.max_delay, limits.window)
        arguments += (seed.spent, max(0, seed.wait)) if seed else (0, 0)
    answer: list[int] = _run(_CHARGE, [one.key for one in charges], arguments)
    return answer


def _run(script: str, keys: Sequence[str], arguments: Sequence[int]) -> Any:
    prefix = conf.current().redis.prefix
    names = [key_names.budget(prefix, key) for key in keys]
    return link.call(b"EVAL", script, len(names), *names, *arguments, key=names[0]).value
