"""What runs inside the server: one script for each verb that reads before it writes.

A script runs alone from its first to its last line, and what it writes is replicated and logged as
one transaction, so nobody ever sees half a verb. Each touches one key, which it is given: in a
cluster a record is in one place. Written for Redis 6.2, and so without functions and shebangs.

Answers: 1 done, 0 no such record, 2 the user's index must know first. Eight bytes are the end of
somebody else's lease, and a list is the record as it is stored.
"""

from hashlib import sha1
from typing import Final

SLACK: Final = 600
"""Seconds that a record is kept beyond its deadline: it covers clocks that differ."""


class Script:
    """Lua source, and the digest that a server knows it by."""

    def __init__(self, *parts: str) -> None:
        self.text = "\n".join(part.strip() for part in parts)
        # The protocol's name for a script, not a signature.
        self.sha = sha1(self.text.encode(), usedforsecurity=False).hexdigest()


# A header is 1 byte format, 8 version, 8 seen, 8 expires, all big-endian, then what no script
# reads. Time to live is relative and reckoned from the record's own times: no clocks are compared,
# and a deadline in the past keeps the slack instead of meaning "for ever".
_KEEP = f"""
local function times(header)
  return struct.unpack('>dd', header, 10)
end
local function keep(key, header)
  local seen, expires = times(header)
  local milliseconds = (math.max(expires - seen, 0) + {SLACK}) * 1000
  redis.call('PEXPIRE', key, string.format('%.0f', math.min(milliseconds, 1e15)))
end
"""

# Lua hands over a limited number of values at once.
_PUT = """
local function put(key, first, last)
  for i = first, last, 1000 do
    redis.call('HSET', key, unpack(ARGV, i, math.min(i + 999, last)))
  end
end
"""

CREATE: Final = Script(
    _KEEP,
    _PUT,
    # whether it is asked again; then names and values, the header's first
    """
    local key, header = KEYS[1], ARGV[3]
    if redis.call('EXISTS', key) == 1 then
      if ARGV[1] == '1' and redis.call('HGET', key, ARGV[2]) == header then return 1 end
      return 0
    end
    put(key, 2, #ARGV)
    keep(key, header)
    return 1
    """,
)

LEASE: Final = Script(
    # holder, now, lease
    r"""
    local key = KEYS[1]
    local header, lease = unpack(redis.call('HMGET', key, '\255h', '\255l'))
    if not header then return 0 end
    if lease and string.sub(lease, 9) ~= ARGV[1]
        and struct.unpack('>d', ARGV[2]) < struct.unpack('>d', lease) then
      return string.sub(lease, 1, 8)
    end
    if string.byte(header) == 1 then redis.call('HSET', key, '\255l', ARGV[3]) end
    return redis.call('HGETALL', key)
    """,
)

COMMIT: Final = Script(
    _KEEP,
    _PUT,
    # base, user, holder, now, whether the index knows, where the values end; then names and values,
    # the header's first; then names to remove
    r"""
    local key, user, header, last = KEYS[1], ARGV[2], ARGV[8], tonumber(ARGV[6])
    local stored, lease, bound = unpack(redis.call('HMGET', key, '\255h', '\255l', '\255u'))
    if not stored then return 0 end
    if lease and string.sub(lease, 9) ~= ARGV[3]
        and struct.unpack('>d', ARGV[4]) < struct.unpack('>d', lease) then
      return string.sub(lease, 1, 8)
    end
    if string.sub(stored, 1, 9) ~= ARGV[1] then return redis.call('HGETALL', key) end

    local binding, moved = user ~= '' and user ~= bound, false
    if string.sub(stored, 10, 25) ~= string.sub(header, 10, 25) then
      local seen, expires = times(header)
      local before, deadline = times(stored)
      if before > seen then
        -- A touch has moved the deadline since the record was loaded.
        ARGV[8] = string.sub(header, 1, 9) .. string.sub(stored, 10, 25) .. string.sub(header, 26)
      else
        moved, binding = true, binding or (user ~= '' and expires > deadline)
      end
    end
    if binding and ARGV[5] ~= '1' then return 2 end

    put(key, 7, last)
    for i = last + 1, #ARGV do redis.call('HDEL', key, ARGV[i]) end
    if lease then redis.call('HDEL', key, '\255l') end
    if user == '' then
      if bound then redis.call('HDEL', key, '\255u') end
    elseif user ~= bound then
      redis.call('HSET', key, '\255u', user)
    end
    if moved then keep(key, header) end
    return 1
    """,
)

TOUCH: Final = Script(
    _KEEP,
    # seen, expires, the user whose index knows
    r"""
    local key = KEYS[1]
    local header, user = unpack(redis.call('HMGET', key, '\255h', '\255u'))
    if not header then return 0 end
    if string.byte(header) ~= 1 or #header < 25 then return 1 end
    local before, deadline = times(header)
    if struct.unpack('>d', ARGV[1]) <= before then return 1 end
    local expires = string.sub(header, 18, 25)
    if struct.unpack('>d', ARGV[2]) > deadline then
      if user and user ~= ARGV[3] then return user end
      expires = ARGV[2]
    end
    header = string.sub(header, 1, 9) .. ARGV[1] .. expires .. string.sub(header, 26)
    redis.call('HSET', key, '\255h', header)
    keep(key, header)
    return 1
    """,
)

RELEASE: Final = Script(
    # holder
    r"""
    local lease = redis.call('HGET', KEYS[1], '\255l')
    if lease and string.sub(lease, 9) == ARGV[1] then redis.call('HDEL', KEYS[1], '\255l') end
    return 1
    """,
)

END: Final = Script(
    # answers with the user, if the record had one
    r"""
    local user = redis.call('HGET', KEYS[1], '\255u')
    if redis.call('UNLINK', KEYS[1]) == 0 then return 0 end
    return user or 1
    """,
)

SWEEP: Final = Script(
    _KEEP,
    # now
    r"""
    local header = redis.call('HGET', KEYS[1], '\255h')
    if not header or string.byte(header) ~= 1 then return 0 end
    local _, expires = times(header)
    if struct.unpack('>d', ARGV[1]) < expires then return 0 end
    return redis.call('UNLINK', KEYS[1])
    """,
)

# A user's index is a sorted set of record ids, each with the moment after which its record cannot
# be alive any more, by the server's clock. Until then an entry stays, whether its record is there
# or not.
_FORGET = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('(%.0f', now))
"""

ENTER: Final = Script(
    _FORGET,
    # id, milliseconds to live
    """
    redis.call('ZADD', KEYS[1], 'GT', string.format('%.0f', now + ARGV[2]), ARGV[1])
    if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then
      redis.call('PEXPIRE', KEYS[1], ARGV[2])
    end
    return 1
    """,
)

LIST: Final = Script(
    _FORGET,
    """
    return redis.call('ZRANGE', KEYS[1], 0, -1)
    """,
)
