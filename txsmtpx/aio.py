"""
The server and the client in a program of asyncio, inside the loop that it runs.

    async with serve(backend) as server:
        await send_mail(f"tcp:127.0.0.1:{server.port}", "me@example.org", ["you@example.org"], message)

Theory of operation.  This is a door to the same server and client.  They run on a reactor of Twisted that works in the
caller's loop (`txsmtpx.wire.loop_reactor`).  The global reactor is neither started nor installed.  A coroutine of a
backend is a task of asyncio.  It may await what asyncio awaits, and the Deferreds of this library too, such as
``message.content()``.  Elsewhere in the program, `wait` awaits a Deferred.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator
from contextlib import asynccontextmanager
from functools import wraps
from types import coroutine
from typing import Any, ParamSpec, TypeVar, Unpack

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import quoteStringArgument, serverFromString
from twisted.internet.interfaces import IListeningPort

from txsmtpx.arguments import checked
from txsmtpx.dialog.addressing import Recipients
from txsmtpx.dialog.client_body import ClientBody
from txsmtpx.dialog.client_result import Result
from txsmtpx.grammar.options import MailOptions
from txsmtpx.interfaces import BackendLike, also_find_reactor, clock_of
from txsmtpx.queue.mail_queue import MailQueue
from txsmtpx.queue.queue_events import QueueEvent, QueueEvents
from txsmtpx.settling import make_tasks
from txsmtpx.wire.connect import send_mail as _send_mail
from txsmtpx.wire.factory import SMTPServerFactory
from txsmtpx.wire.loop_reactor import is_served, loop_reactor, running_loop
from txsmtpx.wire.pool import SMTPPool
from txsmtpx.wire.server_settings import SHUTDOWN_TIMEOUT, ServerKeywords
from txsmtpx.wire.service import SMTPService

P = ParamSpec("P")
T = TypeVar("T")

__all__ = ["Pool", "Queue", "Server", "send_mail", "serve", "wait"]


async def wait(deferred: Deferred[T]) -> T:
    """
    Wait for a Deferred of this library.

    Args:
        deferred: The Deferred.  If the task is cancelled, so is the Deferred.

    Returns:
        Its result.

    Example:
        ::

            client = await wait(connect("tcp:localhost:1025"))
    """
    await _fired(deferred, asyncio.get_running_loop())
    return await deferred


class Server:
    """
    A server that listens.  `serve` creates it.

    Args:
        factory: The server's factory.
        ports: The ports that listen.

    Attributes:
        factory: As in the arguments.
        ports: As in the arguments.
    """

    def __init__(self, factory: SMTPServerFactory, ports: list[IListeningPort]) -> None:
        self.factory = factory
        self.ports = ports

    @property
    def port(self) -> int:
        """The number of the port; 0 for a UNIX socket."""
        address = self.ports[0].getHost()
        return address.port if isinstance(address, IPv4Address | IPv6Address) else 0


@asynccontextmanager
async def serve(
    backend: BackendLike,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    endpoint: str | None = None,
    shutdown_timeout: float = SHUTDOWN_TIMEOUT.default,
    **settings: Unpack[ServerKeywords],
) -> AsyncIterator[Server]:
    """
    Serve ESMTP or LMTP in the loop that runs.

    At the end of the block, the server stops: idle clients get 421, and open transactions may finish.

    Args:
        backend: Accepts the mail.  Its coroutines may await what asyncio awaits.
        host: The IP address to listen on; ``""`` for all interfaces.
        port: The port; 0 for any free one (`Server.port`).
        endpoint: A server endpoint string instead of both, such as ``"unix:/run/mail.sock"``.
        shutdown_timeout: Seconds until open transactions are aborted.
        settings: The keyword arguments of `txsmtpx.SMTPServerFactory`.

    Yields:
        The server.

    Raises:
        CannotListenError: The port cannot be opened.
        TypeError: An argument has the wrong type.

    Example:
        ::

            class Printing(Session):
                async def data(self, message: Message, context: DataContext) -> None:
                    print(await message.content())
                    await asyncio.sleep(1)

            async with serve(OpenBackend(lambda connection: Printing()), port=1025, max_recipients=10):
                await asyncio.Event().wait()
    """
    reactor = clock_of(settings.setdefault("reactor", clock_of(None)))
    factory = SMTPServerFactory(backend, **settings)
    where = endpoint or f"tcp:{port}" + (f":interface={quoteStringArgument(host)}" if host else "")
    service = SMTPService(factory, [serverFromString(reactor, where)], shutdown_timeout)
    service.startService()
    try:
        yield Server(factory, service.ports)
    finally:
        await wait(service.stopService())


def _awaited(function: Callable[P, Deferred[T]]) -> Callable[P, Awaitable[T]]:
    @wraps(function)
    async def call(*args: P.args, **kwargs: P.kwargs) -> T:
        return await wait(function(*args, **kwargs))

    return call


send_mail = _awaited(_send_mail)
"""`txsmtpx.send_mail`, as a coroutine function with the same arguments."""


class Pool:
    """
    A pool of connections, for a block.

    Args:
        pool: The pool.

    Attributes:
        pool: As in the arguments.

    Example:
        ::

            async with Pool(SMTPPool("tcp:localhost:25", size=5)) as pool:
                await pool.send("me@example.org", ["you@example.org"], message)
    """

    @checked
    def __init__(self, pool: SMTPPool) -> None:
        self.pool = pool

    async def __aenter__(self) -> Pool:
        self.pool.startService()
        return self

    async def __aexit__(self, *error: object) -> None:
        await wait(self.pool.stopService())

    async def send(
        self, sender: str, recipients: Recipients, body: ClientBody, options: MailOptions | None = None
    ) -> Result:
        """
        Send a message (`txsmtpx.SMTPPool.send`).

        Args:
            sender: An address, "" for the null reverse-path.
            recipients: Addresses, or (address, its options).
            body: The message.
            options: The options of MAIL; None for those that the message needs.

        Returns:
            The outcome for each recipient.

        Raises:
            DeliveryError: The message was not sent.
        """
        return await wait(self.pool.send(sender, recipients, body, options))


class Queue:
    """
    A queue, for a block.

    Args:
        queue: The queue, created in the loop that runs.

    Attributes:
        queue: As in the arguments.

    Example:
        ::

            async with Queue(MailQueue(SQLiteQueueStore("queue.db"))) as queue:
                await queue.submit("me@example.org", ["you@example.org"], message)
    """

    @checked
    def __init__(self, queue: MailQueue) -> None:
        self.queue = queue

    async def __aenter__(self) -> Queue:
        self.queue.startService()
        return self

    async def __aexit__(self, *error: object) -> None:
        await wait(self.queue.stopService())

    async def submit(
        self, sender: str, recipients: Recipients, body: ClientBody, options: MailOptions | None = None
    ) -> str:
        """
        Store a message, and deliver it (`txsmtpx.MailQueue.submit`).

        Args:
            sender: An address, "" for the null reverse-path.
            recipients: Addresses, or (address, its options).
            body: The message.
            options: The options of MAIL.

        Returns:
            The identifier of the message, which is on the disk.

        Raises:
            StoreError: The message is not stored.
        """
        return await wait(self.queue.submit(sender, recipients, body, options))

    def events(self) -> AsyncIterator[QueueEvent]:
        """
        Return what happens to recipients from now on (`txsmtpx.MailQueue.events`).

        Returns:
            An async iterator, which ends when the queue stops.
        """
        return _awaited_events(self.queue.events())


async def _awaited_events(events: QueueEvents) -> AsyncIterator[QueueEvent]:
    while True:
        try:
            yield await wait(Deferred.fromCoroutine(events.__anext__()))
        except StopAsyncIteration:
            return


def _task(waiting: Coroutine[Any, Any, T]) -> Deferred[T] | None:
    """Run a coroutine of a backend as a task, if the loop that runs has a server or a client."""
    loop = running_loop()
    if loop is None or not is_served(loop):
        return None
    task = loop.create_task(_run(waiting, loop))
    task.add_done_callback(lambda _: waiting.close())  # if it was cancelled before its first step
    return Deferred.fromFuture(task)


async def _run(waiting: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop) -> T:
    return await _steps(waiting, loop)


@coroutine
def _steps(waiting: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop) -> Generator[Any, Any, T]:
    """Run a coroutine that awaits both Deferreds and what asyncio awaits."""
    thrown: BaseException | None = None
    while True:
        try:
            awaited = waiting.send(None) if thrown is None else waiting.throw(thrown)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]  # StopIteration.value is Any
        thrown = None
        try:
            if isinstance(awaited, Deferred):
                yield from _firing(awaited, loop)
            else:
                yield awaited  # a future of asyncio, or None: asyncio sends nothing back
        except GeneratorExit:
            waiting.close()
            raise
        except BaseException as error:
            thrown = error


def _firing(deferred: Deferred[Any], loop: asyncio.AbstractEventLoop) -> Generator[Any, Any, None]:
    """Wait as a task until a Deferred has fired.  The Deferred keeps its result: to await it returns or raises that."""
    fired = loop.create_future()

    def fire(result: T) -> T:
        if not fired.done():
            fired.set_result(None)
        return result

    deferred.addBoth(fire)
    try:
        yield from fired
    except BaseException:
        deferred.addErrback(lambda _: None)  # nothing waits any more
        deferred.cancel()
        raise


_fired = coroutine(_firing)

also_find_reactor(loop_reactor)
make_tasks(_task)
