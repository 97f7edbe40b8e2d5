"""
The scripts of a consumer of a stream.  Redis executes each as a whole.

A message that is tried again leaves the stream, and waits in a sorted set by the time at which it returns.  A message
that is settled is deleted from the stream, so the stream has only messages that are not handled.
"""

_NOW = """\
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""

_OWNED = """\
local function owned(id)
  local pending = redis.call('XPENDING', KEYS[1], ARGV[1], id, id, 1)
  return #pending == 1 and pending[1][2] == ARGV[2]
end
"""

_COPY = """\
local function copy(count)
  local entry = redis.call('XRANGE', KEYS[1], ARGV[3], ARGV[3])[1]
  if not entry or not entry[2] then
    return nil
  end
  local fields, places = entry[2], {}
  for place = 1, #fields, 2 do
    places[fields[place]] = place
  end
  for _ = 1, count do
    local name, value = ARGV[argument], ARGV[argument + 1]
    argument = argument + 2
    local place = places[name] or #fields + 1
    fields[place], fields[place + 1] = name, value
  end
  return fields
end
local function acknowledge()
  redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
  redis.call('XDEL', KEYS[1], ARGV[3])
end
"""

HANDLED = """\
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
return {redis.call('XDEL', KEYS[1], ARGV[2])}
"""
"""Delete a message that is handled, whichever consumer has it now.  Redis does so also when it is full."""

SETTLE = (
    _NOW
    + _OWNED
    + "local argument = 7\n"
    + _COPY
    + """\
if not owned(ARGV[3]) then
  return {0}
end
local again, dead = tonumber(ARGV[5]), tonumber(ARGV[6])
local waiting, given_up = copy(math.max(again, 0)), nil
given_up = copy(math.max(dead, 0))
if again >= 0 and waiting then
  redis.call('ZADD', KEYS[2], now + ARGV[4], cmsgpack.pack(waiting))
end
if dead >= 0 and given_up then
  redis.call('XADD', KEYS[3], '*', unpack(given_up))
end
acknowledge()
return {1}
"""
)
"""
Store what is tried again and what is given up, and delete the message, unless another consumer has it now.

The arguments: the group, the consumer, the message, the milliseconds until the next attempt, and two numbers of changed
fields, -1 for nothing.  The names and values of these fields follow.
"""

RELEASE = (
    _OWNED
    + "local argument = 4\n"
    + _COPY
    + """\
if not owned(ARGV[3]) then
  return {0}
end
local fields = copy(0)
if fields then
  redis.call('XADD', KEYS[1], '*', unpack(fields))
end
acknowledge()
return {1}
"""
)
"""Return a message to the end of the stream.  The arguments: the group, the consumer, the message."""

RETURN_DUE = (
    _NOW
    + """\
local due = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, 100)
for _, packed in ipairs(due) do
  redis.call('XADD', KEYS[1], '*', unpack(cmsgpack.unpack(packed)))
  redis.call('ZREM', KEYS[2], packed)
end
return {#due}
"""
)
"""Return the messages whose time has come to the stream."""

RENEW = (
    _OWNED
    + """\
local renewed = 0
for place = 3, #ARGV do
  if owned(ARGV[place]) then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[place], 'JUSTID')
    renewed = renewed + 1
  end
end
return {renewed}
"""
)
"""Keep the messages of a consumer from other consumers.  The arguments: the group, the consumer, the messages."""

FORGET = """\
local forgotten = 0
for _, facts in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local found = {}
  for place = 1, #facts, 2 do
    found[facts[place]] = facts[place + 1]
  end
  if found.pending == 0 and (found.name == ARGV[2] or found.idle > tonumber(ARGV[3])) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], found.name)
    forgotten = forgotten + 1
  end
end
return {forgotten}
"""
"""Forget consumers that have no message: a named one, and those that are idle for some milliseconds."""
