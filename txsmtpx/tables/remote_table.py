"""A table of another program, by the protocol socketmap or tcp_table, over a few connections that are kept."""

from __future__ import annotations

import functools
import math
import os
from typing import cast

from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore
from twisted.internet.error import ConnectError, DNSLookupError
from twisted.internet.error import TimeoutError as Elapsed
from twisted.internet.interfaces import IReactorTime

from txsmtpx.arguments import checked
from txsmtpx.interfaces import Clock, Reactor, clock_of
from txsmtpx.tables.socketmap import Socketmap
from txsmtpx.tables.table_codec import TableCodec, TableError
from txsmtpx.tables.table_connection import ConnectionClosed, TableConnection
from txsmtpx.tables.tcp_table import TCPTable
from txsmtpx.wire.target import target
from txsmtpx.wire.unlogged_factory import UnloggedFactory

TIMEOUT = 10.0
"""Seconds for a look-up, the connection and the wait for others included.  Postfix waits 100 s for a reply."""

IDLE = 10.0
"""Seconds for which a connection without a request is kept, as Postfix has it for socketmap."""

CONNECTIONS = 5
"""Connections to a server.  Each carries one request at a time."""

WAITING = 1000
"""Look-ups that wait for a connection."""


class RemoteTable:
    """
    A table that a server looks up.

    Args:
        description: ``socketmap:ENDPOINT:NAME``, or ``tcp:HOST:PORT`` for tcp_table.
        timeout: Seconds for a look-up.
        reactor: The reactor.  None: the global one.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The description or the time cannot be used.

    Example:
        >>> from twisted.internet.task import Clock
        >>> RemoteTable("socketmap:unix:/run/map.sock:virtual", reactor=Clock()).description
        'socketmap:unix:/run/map.sock:virtual'
    """

    @checked
    def __init__(self, description: str, *, timeout: float = TIMEOUT, reactor: Reactor | None = None) -> None:
        if not 0 < timeout < math.inf:
            raise ValueError(f"timeout must be a number of seconds greater than 0, not {timeout!r}")
        self.description = description
        self._clock: Clock = clock_of(reactor)
        self._codec, endpoint = _codec_and_endpoint(description)
        found = target(self._clock, endpoint)
        if found.tls == "implicit":
            raise ValueError("a table has no TLS; write tcp:HOST:PORT or unix:PATH")
        self._endpoint = found.endpoint
        self._timeout = timeout
        self._free: list[TableConnection] = []
        self._places = DeferredSemaphore(CONNECTIONS)

    def look_up(self, key: str) -> Deferred[str | None]:
        """
        Look a key up.

        Args:
            key: The key.

        Returns:
            A Deferred of the value; of None if the table has no such key.  It fails with `TableError` if the server has
            no answer, or none in time.
        """
        found = Deferred.fromCoroutine(self._look_up(key))
        return found.addTimeout(self._timeout, cast(IReactorTime, self._clock), self._late)

    def _late(self, error: object, seconds: float) -> None:
        raise TableError(f"the server has not replied within {seconds:g} seconds")

    async def _look_up(self, key: str) -> str | None:
        if len(self._places.waiting) >= WAITING:
            raise TableError(f"{WAITING} other look-ups wait for the server")
        await self._places.acquire()
        try:
            if self._free:
                try:
                    return await self._ask(self._free.pop(), key)
                except ConnectionClosed:  # it was closed while it was kept
                    pass
            return await self._ask(await self._connect(), key)
        finally:
            self._places.release()

    async def _ask(self, connection: TableConnection, key: str) -> str | None:
        reply = await connection.ask(key)
        connection.keep(IDLE)
        self._free.append(connection)
        return reply.value

    async def _connect(self) -> TableConnection:
        make = functools.partial(TableConnection, self._codec, self._clock, self._closed)
        factory = UnloggedFactory.forProtocol(make)
        try:
            return cast(TableConnection, await self._endpoint.connect(factory))
        except CancelledError:
            raise
        except (ConnectError, DNSLookupError, Elapsed, OSError) as error:
            number = getattr(error, "osError", None)
            raise TableError(f"cannot connect: {os.strerror(number) if number else error}") from error

    def _closed(self, connection: TableConnection) -> None:
        if connection in self._free:
            self._free.remove(connection)

    async def check(self) -> str:
        """
        Connect to the server, and look up a key.

        Returns:
            What the server has answered, for ``twistd smtpx --check``.

        Raises:
            TableError: The server has no answer.
        """
        value = await self.look_up("postmaster")
        self.close()
        return "it answers" + (f", postmaster is {value}" if value is not None else "")

    def close(self) -> None:
        """Close the connections that are kept."""
        for connection in [*self._free]:
            connection.abort()


def _codec_and_endpoint(description: str) -> tuple[TableCodec, str]:
    kind, _, rest = description.partition(":")
    if kind == "tcp":
        return TCPTable(), description
    endpoint, _, name = rest.rpartition(":")
    if kind != "socketmap" or ":" not in endpoint:
        raise ValueError("write socketmap:ENDPOINT:NAME, such as socketmap:unix:/run/map.sock:virtual")
    return Socketmap(name), endpoint
