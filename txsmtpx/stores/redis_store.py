"""A store of counts and times in Redis, which several processes and machines share."""

from __future__ import annotations

import hashlib

from zope.interface import implementer

from txsmtpx.arguments import checked
from txsmtpx.interfaces import ClientEndpoint, IStore, Reactor, Sighting
from txsmtpx.stores.redis_connection import RedisConnection, writable

ENDPOINT = "tcp:127.0.0.1:6379"
"""The default endpoint of Redis."""

PREFIX = "txsmtpx:"
"""The beginning of all keys, by default."""

TIMEOUT = 2.0
"""Seconds to wait for an answer, by default.  A script takes less than a millisecond."""

MOST_NAMES = 500
"""Names of an owner in a table.  One client cannot fill the memory of Redis."""

MAX_NAME = 64
"""Characters of a name that is stored.  A longer one is stored as its hash."""

# All times are those of Redis in microseconds, so machines with different clocks share them.  A number of Lua is exact
# up to 2^53 microseconds since 1970, in the year 2255.

_NOW = """\
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
"""

TAKE = (
    _NOW
    + """\
local interval, period = tonumber(ARGV[1]), tonumber(ARGV[2])
local full = math.min(math.max(tonumber(redis.call('GET', KEYS[1]) or now), now), now + period)
local wait = full - now + interval - period
if wait > interval / 1000 then
  return {math.ceil(wait)}
end
full = full + interval
redis.call('SET', KEYS[1], string.format('%.17g', full), 'PX', math.ceil((full - now) / 1000))
return {0}
"""
)
"""A token bucket: the time at which it is full.  A token takes one interval to come back."""

_FORGET = (
    _NOW
    + """\
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - ARGV[2]))
"""
)

_SIGHTING = """\
local at = redis.call('ZSCORE', KEYS[1], ARGV[1])
return {at and math.max(0, now - at) or -1, redis.call('ZCARD', KEYS[1])}
"""

LOOK = _FORGET + _SIGHTING
"""The age of a name, and the number of the owner's names.  They are a sorted set, by their times."""

NOTE = (
    _FORGET
    + """\
local at = string.format('%.0f', now)
if ARGV[3] == 'renew' then
  redis.call('ZADD', KEYS[1], at, ARGV[1])
else
  redis.call('ZADD', KEYS[1], 'NX', at, ARGV[1])
end
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -1 - ARGV[4])
redis.call('PEXPIRE', KEYS[1], math.ceil(ARGV[2] / 1000))
"""
    + _SIGHTING
)
"""Add a name; forget the oldest names above the limit."""


@implementer(IStore)
class RedisStore:
    """
    A store of counts and times in Redis 5 or newer, or in another server with its protocol.

    It connects when it is used first.  A connection that fails is opened again a second later; until then each request
    raises `txsmtpx.StoreError` at once.  Each request is one script, which Redis executes as a whole.

    Args:
        endpoint: The endpoint of Redis, or its string, such as ``"unix:/run/redis/redis.sock"``.
        username: The user of an ACL; ``""`` for the default user.
        password: The password; ``""`` for none.
        database: The number of the database.
        prefix: The beginning of all keys.  Servers with the same prefix share their counts.
        timeout: The most seconds for a connection, and for an answer.
        reactor: The reactor.  None: the global one.

    Attributes:
        shared: True.

    Raises:
        ImportError: ``txredisapi`` is not installed: ``pip install txsmtpx[redis]``.
        TypeError: An argument has the wrong type.
        ValueError: A value cannot be used.

    Example:
        At most 100 messages an hour from each client, over all processes with this Redis::

            store = RedisStore("unix:/run/redis/redis.sock")
            backend = LimitBackend(RelayBackend("mail.example.org"), 100, 3600, store=store)
    """

    shared = True

    @checked
    def __init__(
        self,
        endpoint: ClientEndpoint | str = ENDPOINT,
        *,
        username: str = "",
        password: str = "",
        database: int = 0,
        prefix: str = PREFIX,
        timeout: float = TIMEOUT,
        reactor: Reactor | None = None,
    ) -> None:
        prepare = writable(f"{prefix}probe")
        self._redis = RedisConnection(endpoint, username, password, database, prepare, timeout, reactor)
        self._prefix = prefix

    async def take(self, name: str, number: float, seconds: float) -> float:
        """
        Take one token from a bucket.  A new bucket is full.

        Args:
            name: The name of the bucket.
            number: The tokens in a full bucket.
            seconds: The seconds in which an empty bucket becomes full.

        Returns:
            0 if there was a token, otherwise the seconds until there is one.

        Raises:
            StoreError: Redis cannot be used.
        """
        key = f"{self._prefix}limit:{_short(name)}"
        (wait,) = await self._redis.run(TAKE, key, _microseconds(seconds / number), _microseconds(seconds))
        return wait / 1e6

    async def look(self, table: str, owner: str, name: str, keep: float) -> Sighting:
        """
        Look up a name.

        Args:
            table: The table.
            owner: The owner of the name.
            name: The name.
            keep: The seconds after which the names of this table are forgotten.

        Returns:
            The age of the name, and the number of names.

        Raises:
            StoreError: Redis cannot be used.
        """
        return _sighting(await self._redis.run(LOOK, self._key(table, owner), _short(name), _microseconds(keep)))

    async def note(self, table: str, owner: str, name: str, keep: float, renew: bool = False) -> Sighting:
        """
        Store a name with the present time.

        Args:
            table: The table.
            owner: The owner of the name.
            name: The name.
            keep: The seconds after which the names of this table are forgotten.
            renew: True if a name that the store has gets the present time.

        Returns:
            The age of the name, and the number of names.

        Raises:
            StoreError: Redis cannot be used.
        """
        key, how = self._key(table, owner), "renew" if renew else "keep"
        arguments = _short(name), _microseconds(keep), how, str(MOST_NAMES)
        return _sighting(await self._redis.run(NOTE, key, *arguments))

    def _key(self, table: str, owner: str) -> str:
        return f"{self._prefix}{table}:{_short(owner)}"

    def close(self) -> None:
        """Close the connection.  The next request opens another one."""
        self._redis.close()


def _microseconds(seconds: float) -> str:
    return f"{seconds * 1e6:.3f}"


def _sighting(found: list[int]) -> Sighting:
    age, number = found
    return Sighting(None if age < 0 else age / 1e6, number)


def _short(name: str) -> str:
    return name if len(name) <= MAX_NAME else hashlib.blake2b(name.encode(), digest_size=24).hexdigest()
