"""A filter that defers the first attempt of an unknown client: greylisting (RFC 6647)."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from ipaddress import ip_address

from txsmtpx.arguments import checked
from txsmtpx.grammar.host import client_network, plain_network
from txsmtpx.grammar.mailbox import mailbox_key
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import Accept, Connection, Reactor, StoreLike, Verdict
from txsmtpx.middleware.filter import Filter
from txsmtpx.settling import deferred_call
from txsmtpx.stores.memory_store import MemoryStore
from txsmtpx.stores.store_names import store_named

DELAY = 300.0
"""Seconds from the first attempt to the first that is accepted, by default, as in postgrey."""

WINDOW = 2 * 86_400.0
"""Seconds from the first attempt in which the client has to try again, by default, as in postgrey."""

LIFETIME = 35 * 86_400.0
"""Seconds for which a client is known after its last mail, by default, as in postgrey: mail may come once a month."""

KNOWN_AFTER = 5
"""Accepted triplets after which all mail of a client is accepted, by default, as in postgrey."""

WAITING_TABLE, KNOWN_TABLE = "greylist-waiting", "greylist-known"

ANY = "any"
"""The name that a client has in the table of known triplets if all its mail is accepted."""


def greylisted_451(seconds: int) -> Reply:
    """
    Return the reply to RCPT, if the client is unknown to the greylist and its delay has not passed.

    Args:
        seconds: The seconds that are left.

    Returns:
        The reply.
    """
    return Reply(451, (4, 7, 1), f"Greylisted, try again in {seconds} s")


@dataclass(frozen=True)
class PassedGreylist:
    """
    A result: a recipient was accepted after the delay.

    Args:
        seconds: The seconds since the first attempt.

    Example:
        >>> PassedGreylist(312.7).facts()
        {'greylisted': 312}
    """

    seconds: float

    def facts(self) -> Mapping[str, int]:
        """
        Return the facts for the log.

        Returns:
            The whole seconds.
        """
        return {"greylisted": int(self.seconds)}


class Greylist:
    """
    A maker of filters for `txsmtpx.FilterBackend`, which defer mail from unknown clients.

    The first attempt for a triplet is rejected by 451 4.7.1.  A triplet is the client, the sender and the
    recipient.  The client is its network: 24 bits for IPv4, 64 bits for IPv6.  If it tries again after the delay, the
    triplet is known, and accepted from then on.  A client with several known triplets is known itself: its mail is not
    delayed.

    Not delayed are clients that have authenticated, clients on a UNIX socket, and clients of the networks ``exempt``.

    If the store fails, the argument ``on_failure`` of `txsmtpx.ConfiguredFilter` decides, as for each filter.

    Args:
        store: The store of the triplets.  Processes and machines share them by a store that they share, such as
            `txsmtpx.stores.redis_store.RedisStore`.  None: the memory of this process.
        delay: Seconds from the first attempt to the first that is accepted.
        window: Seconds from the first attempt in which the client has to try again; afterwards it is unknown again.
        lifetime: Seconds for which a triplet is known after its last mail.
        known_after: The known triplets after which a client is known; 0 for never.
        exempt: The networks of clients that are not delayed.
        reactor: The reactor of the memory of this process.  None: the global one.

    Attributes:
        one_process: True if the triplets are in the memory of this process, so ``twistd smtpx --workers`` refuses it.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A value cannot be used.

    Example:
        >>> from twisted.internet.task import Clock
        >>> from txsmtpx import FilterBackend, MemoryBackend
        >>> backend = FilterBackend(MemoryBackend(), Greylist(exempt=["10.0.0.0/8"], reactor=Clock()))
    """

    @checked
    def __init__(
        self,
        store: StoreLike | None = None,
        *,
        delay: float = DELAY,
        window: float = WINDOW,
        lifetime: float = LIFETIME,
        known_after: int = KNOWN_AFTER,
        exempt: Collection[str] = (),
        reactor: Reactor | None = None,
    ) -> None:
        if not 0 < delay < window < math.inf:
            raise ValueError(f"delay ({delay:g} s) must be above 0 and below window ({window:g} s)")
        if not 0 < lifetime < math.inf:
            raise ValueError(f"lifetime must be above 0 s, not {lifetime:g} s")
        if known_after < 0:
            raise ValueError(f"known_after is a number from 0, not {known_after}")
        if store is not None and reactor is not None:
            raise ValueError("greylisting has a store or a reactor, not both: the store has its own clock")
        self.store = MemoryStore(reactor=reactor) if store is None else store
        self.delay = delay
        self.window = window
        self.lifetime = lifetime
        self.known_after = known_after
        self._exempt = [plain_network(each) for each in exempt]

    @property
    def one_process(self) -> bool:
        """True if the triplets are in the memory of this process."""
        return not self.store.shared

    def exempts(self, host: str) -> bool:
        """
        Return whether a client is not delayed because of its address.

        Args:
            host: The IP address of the client, in its plain form.

        Returns:
            True for a client of an exempt network.
        """
        if not self._exempt:
            return False
        try:
            address = ip_address(host)
        except ValueError:  # a program may give a client another name
            return False
        return any(address in network for network in self._exempt)

    async def check(self) -> str:
        """
        Check that the store can be used.

        Returns:
            A part of a sentence about the store.

        Raises:
            StoreError: It cannot be used.
        """
        await deferred_call(self.store.look, KNOWN_TABLE, "", ANY, self.lifetime)
        return "its store can be used"

    def __call__(self, connection: Connection) -> GreylistFilter:
        """Return the filter for a connection."""
        return GreylistFilter(connection, self)


class GreylistFilter(Filter):
    """
    The filter of one connection.  `Greylist` creates it.

    Args:
        connection: The connection.
        greylist: The maker, with its settings.
    """

    def __init__(self, connection: Connection, greylist: Greylist) -> None:
        super().__init__(connection)
        self._greylist = greylist
        self._sender = ""

    def mail(self, sender: str, options: MailOptions) -> None:
        """
        Handle MAIL: keep the sender.

        Args:
            sender: The address.
            options: The parameters.
        """
        self._sender = sender

    async def recipient(self, address: str, options: RcptOptions) -> Verdict:
        """
        Handle RCPT: defer a recipient whose triplet is new.

        Args:
            address: The address.
            options: The parameters.

        Returns:
            The verdict.

        Raises:
            StoreError: The store cannot be used.
        """
        host, rules = self.connection.peer_host, self._greylist
        if not host or self.connection.username is not None or rules.exempts(host):
            return None
        store, client = rules.store, client_network(host)
        if rules.known_after and await self._knows(client, ANY):
            await deferred_call(store.note, KNOWN_TABLE, client, ANY, rules.lifetime, renew=True)
            return None
        triplet, verdict = _name(self._sender, address), None
        if not await self._knows(client, triplet):
            waited = (await deferred_call(store.note, WAITING_TABLE, client, triplet, rules.window)).age or 0.0
            if waited < rules.delay:
                return greylisted_451(math.ceil(rules.delay - waited))
            verdict = Accept(results=[PassedGreylist(waited)])
        known = await deferred_call(store.note, KNOWN_TABLE, client, triplet, rules.lifetime, renew=True)
        if 0 < rules.known_after <= known.number:
            await deferred_call(store.note, KNOWN_TABLE, client, ANY, rules.lifetime, renew=True)
        return verdict

    async def _knows(self, client: str, name: str) -> bool:
        rules = self._greylist
        return (await deferred_call(rules.store.look, KNOWN_TABLE, client, name, rules.lifetime)).age is not None


def _name(sender: str, recipient: str) -> str:
    """Return the name of a pair of addresses, which does not show them."""
    pair = f"{mailbox_key(sender)}\0{mailbox_key(recipient)}"
    return hashlib.blake2b(pair.encode(), digest_size=16).hexdigest()


def greylist(
    store: str = "memory",
    *,
    store_login: str = "",
    delay: float = DELAY,
    window: float = WINDOW,
    lifetime: float = LIFETIME,
    known_after: int = KNOWN_AFTER,
    exempt: Collection[str] = (),
) -> Greylist:
    """
    Return the maker of ``twistd smtpx --filter greylist``.

    Args:
        store: The store of the triplets, by its name (`txsmtpx.stores.store_names.store_named`).
        store_login: The path of the file with the login of the store; ``""`` for none.
        delay: As for `Greylist`.
        window: As for `Greylist`.
        lifetime: As for `Greylist`.
        known_after: As for `Greylist`.
        exempt: As for `Greylist`.

    Returns:
        The maker.
    """
    return Greylist(
        store_named(store, store_login),
        delay=delay,
        window=window,
        lifetime=lifetime,
        known_after=known_after,
        exempt=exempt,
    )
