"""A store of a queue in PostgreSQL, for any number of processes on any number of machines: `PostgreSQLQueueStore`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from txsmtpx.arguments import checked_except
from txsmtpx.backends.body_directory import BodyDirectory
from txsmtpx.backends.received_body import ReceivedBody
from txsmtpx.interfaces import Reactor, clock_of
from txsmtpx.queue.postgresql_connection import shown_name
from txsmtpx.queue.postgresql_listener import PostgreSQLListener
from txsmtpx.queue.postgresql_queue import PostgreSQLQueue
from txsmtpx.queue.queue_store import INLINE
from txsmtpx.queue.spool_directory import SpoolDirectory
from txsmtpx.queue.threaded_queue_store import ThreadedQueueStore
from txsmtpx.wire.reactor_threads import in_thread_of

if TYPE_CHECKING:
    import psycopg


class PostgreSQLQueueStore(ThreadedQueueStore):
    """
    Keep a queue in PostgreSQL.  It needs the extra ``txsmtpx[queue]``.

    Any number of processes on any number of machines share the queue: each leases what no other one has.  The tables
    are created in the schema ``txsmtpx_queue``.  The bodies are in the database too.

    Args:
        url: The URL of the database (libpq), such as ``postgresql://user@host/name``.
        reactor: The reactor.  None: the global one.

    Attributes:
        name: The database, without a password.

    Raises:
        ImportError: psycopg is not installed.
        ValueError: The URL is malformed.

    Example:
        ::

            queue = MailQueue(PostgreSQLQueueStore("postgresql://mail@db.example.org/mail"))
    """

    @checked_except("reactor")
    def __init__(self, url: str, reactor: Reactor | None = None) -> None:
        if find_spec("psycopg") is None:
            raise ImportError("psycopg is not installed: pip install 'txsmtpx[queue]'")
        import psycopg

        self.name: str = shown_name(url)
        self._spool = SpoolDirectory()
        self._queue = PostgreSQLQueue(url, self._spool.path)
        super().__init__(self._queue, (psycopg.Error,))
        self._reactor = clock_of(reactor)
        self._listener: PostgreSQLListener | None = None

    def __repr__(self) -> str:
        return f"<PostgreSQLQueueStore {self.name}>"

    def open(self, changed: Callable[[], None]) -> Deferred[None]:
        """
        Connect, create the tables if they are missing, and listen for changes of other processes.

        Args:
            changed: As for `IQueueStore.open`.

        Returns:
            As there.
        """
        self._changed = changed

        def begin() -> None:
            self._spool.open()
            self._queue.open()

        def listen(_: None) -> Deferred[None]:
            self._listener = PostgreSQLListener(self._connect, changed, self._reactor)
            return self._listener.start()

        return self._call(begin).addCallback(listen).addErrback(self._explained)

    def _connect(self, statement: str) -> Deferred[psycopg.Connection]:
        def connected() -> psycopg.Connection:
            connection = self._queue.connected()
            try:
                connection.execute(statement)
            except BaseException:
                connection.close()
                raise
            return connection

        return self._call(connected)

    def close(self) -> Deferred[None]:
        """
        Close the connections.

        Returns:
            As for `IQueueStore.close`.
        """
        if self._listener is not None:
            self._listener.stop()
        return super().close().addBoth(self._clean)

    def _clean(self, result: Failure | None) -> Failure | None:
        self._spool.close()
        return result

    def body(self) -> ReceivedBody:
        """
        Begin to receive a body.

        Returns:
            The body.
        """
        return ReceivedBody(INLINE - 1, BodyDirectory(self._spool.path), partial(in_thread_of, self._reactor))
