"""The Lua scripts that Redis runs when it is told a hint, or its set is warmed (`authkit.revocation.hints`), each in
one go."""

from __future__ import annotations

# The run is read where the marker is looked for or written: a connection may lead to another server the next time.
_RUN = "local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')\n"

# Of ARGV[1], the latest time that a clock of ours shows, and ARGV[2], AHEAD. As text, for Lua would write a number of
# this size as 1.7e+15.
_SCORE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local score = string.format('%.0f', math.max(ARGV[1], now) + ARGV[2])
"""

# ARGV[3] is the earliest time that a clock of ours shows, ARGV[4] how long before it dead tokens were issued.
# Dates the members, drops those of dead tokens, publishes, and answers the epoch for which this server is complete.
TELL = (
    _SCORE
    + """
local horizon = string.format('%.0f', math.min(ARGV[3], now) - ARGV[4])
local channel, members = ARGV[5], ARGV[6]
for i = 7, #ARGV do redis.call('ZADD', KEYS[1], 'GT', score, ARGV[i]) end
if redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. horizon) > 0 then
  redis.call('ZADD', KEYS[1], 'GT', horizon, 'f')
end
redis.call('PUBLISH', channel, '[' .. score .. ',' .. members .. ']')
"""
    + _RUN
    + """
for _, marker in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '8e15', '+inf')) do
  local epoch = string.match(marker, '^e:(%d+):' .. run .. '$')
  if epoch then return epoch end
end
return '0'
"""
)

# Takes every marker away, lifts the floor, and marks this run as complete for a new epoch.
WARM = (
    _SCORE
    + _RUN
    + """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '8e15', '+inf')
redis.call('ZADD', KEYS[1], 'GT', score, 'f')
redis.call('ZADD', KEYS[1], '8e15', 'e:' .. ARGV[3] .. ':' .. run)
"""
)
