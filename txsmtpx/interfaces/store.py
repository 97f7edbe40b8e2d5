"""A store of the counts of rate limits and the times of greylisting."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from zope.interface import Attribute, Interface

from txsmtpx.settling import Eventual


class StoreError(Exception):
    """
    A store of counts and times cannot be used, such as a Redis that does not answer.

    A store raises it.  The argument ``on_failure`` of `txsmtpx.LimitBackend` decides what happens then.  For a filter,
    the argument ``on_failure`` of `txsmtpx.ConfiguredFilter` decides.

    Example:
        >>> print(StoreError("redis unix:/run/redis.sock: no answer within 2 seconds"))
        redis unix:/run/redis.sock: no answer within 2 seconds
    """


class Sighting(NamedTuple):
    """
    The knowledge of a store about a name of an owner.

    Attributes:
        age: Seconds since the time of the name; None if the store does not have the name.
        number: The names of the owner.
    """

    age: float | None
    number: int


class IStore(Interface):
    """
    A store of counts and times, for `txsmtpx.LimitBackend` and `txsmtpx.filters.greylist.Greylist`.

    `txsmtpx.stores.memory_store.MemoryStore` is for one process, `txsmtpx.stores.redis_store.RedisStore` for several.
    Each method is atomic.  A method that cannot reach the store raises `txsmtpx.StoreError`.

    Example:
        Two processes that create this backend share one limit::

            store = RedisStore("unix:/run/redis/redis.sock")
            backend = LimitBackend(RelayBackend("mail.example.org"), 100, 3600, store=store)
    """

    shared: bool = Attribute("True if several processes use the same counts.")

    def take(name: str, number: float, seconds: float) -> Eventual[float]:
        """
        Take one token from a bucket.  A new bucket is full.

        Args:
            name: The name of the bucket.
            number: The tokens in a full bucket.
            seconds: The seconds in which an empty bucket becomes full.

        Returns:
            0 if there was a token, otherwise the seconds until there is one.
        """

    def look(table: str, owner: str, name: str, keep: float) -> Eventual[Sighting]:
        """
        Look up a name.

        Args:
            table: The table.
            owner: The owner of the name.
            name: The name.
            keep: The seconds after which the names of this table are forgotten.

        Returns:
            The age of the name, and the number of names.
        """

    def note(table: str, owner: str, name: str, keep: float, renew: bool = False) -> Eventual[Sighting]:
        """
        Store a name with the present time.  If there are too many names of this owner, its oldest name is forgotten.

        Args:
            table: The table.
            owner: The owner of the name.
            name: The name.
            keep: The seconds after which the names of this table are forgotten.
            renew: True if a name that the store has gets the present time; False if it keeps its time.

        Returns:
            The age of the name, and the number of names.
        """


class StoreLike(Protocol):
    """The type of `IStore`, for type checkers without a plugin for zope.interface."""

    @property
    def shared(self) -> bool:
        """True if several processes use the same counts."""

    def take(self, name: str, number: float, seconds: float) -> Eventual[float]:
        """
        Take one token from a bucket.

        Args:
            name: The name of the bucket.
            number: The tokens in a full bucket.
            seconds: The seconds in which an empty bucket becomes full.

        Returns:
            0 if there was a token, otherwise the seconds until there is one.
        """

    def look(self, table: str, owner: str, name: str, keep: float) -> Eventual[Sighting]:
        """
        Look up a name.

        Args:
            table: The table.
            owner: The owner of the name.
            name: The name.
            keep: The seconds after which the names of this table are forgotten.

        Returns:
            The age of the name, and the number of names.
        """

    def note(self, table: str, owner: str, name: str, keep: float, renew: bool = False) -> Eventual[Sighting]:
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
        """
