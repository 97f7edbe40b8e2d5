"""
The queue: `MailQueue`, a service that stores messages and delivers them, with retries.

Theory of operation.  `MailQueue.submit` stores a message with a state for each recipient, and returns when it is on the
disk.  The dispatcher leases what is due (`txsmtpx.queue.dispatcher`).  For each lease there is an attempt
(`txsmtpx.queue.attempt`), whose results say what becomes of each recipient (`txsmtpx.queue.disposition`).  The store
keeps these outcomes and the reports to the sender in one step.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Sequence
from dataclasses import fields
from functools import partial
from typing import TypeVar

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from txsmtpx.arguments import checked_except
from txsmtpx.backends.envelope_fields import EnvelopeFields
from txsmtpx.backends.received_body import ReceivedBody
from txsmtpx.dialog.addressing import Recipient, Recipients, addressed, check_message
from txsmtpx.dialog.client_body import ClientBody
from txsmtpx.dialog.source import source
from txsmtpx.grammar.options import MailOptions
from txsmtpx.interfaces import Reactor
from txsmtpx.interfaces.loop_deferred import explained
from txsmtpx.mx_tls.mx_security import MXSecurity, default_security
from txsmtpx.queue.deliveries import Deliveries, Delivering
from txsmtpx.queue.delivery_report import delivery_report
from txsmtpx.queue.delivery_settings import QueueSettings, Unsure
from txsmtpx.queue.disposition import Disposition
from txsmtpx.queue.leased_delivery import event_of
from txsmtpx.queue.new_mail import new_envelope, new_mail, pieces
from txsmtpx.queue.open_store import OpenStore
from txsmtpx.queue.queue_events import EventFeed, QueueEvents
from txsmtpx.queue.queue_observer import Activity, QueueObserver
from txsmtpx.queue.queue_store import QueueStore
from txsmtpx.queue.queued_mail import Depth, NewMail, QueuedMail
from txsmtpx.queue.report_request import Report, Reporter
from txsmtpx.queue.route import Route, Routes
from txsmtpx.wire.connecting import chosen_reactor
from txsmtpx.wire.description import ehlo_name
from txsmtpx.wire.dkim_signer import DKIMSigner, signed_by
from txsmtpx.wire.pending_work import PendingWork
from txsmtpx.wire.reactor_threads import in_thread_of
from txsmtpx.wire.system_resolver import SystemResolver
from txsmtpx.wire.uncancelled import uncancelled

T = TypeVar("T")

log = Logger(__name__)

UNCHECKED = ("routes", "reporter", "dkim", "security", "resolver")
"""Arguments whose types `checked_except` does not check."""


class MailQueue(Service):
    """
    A queue: it stores messages, and delivers them with retries.

    It is a service.  While it does not run, it accepts messages, and delivers none.  When it stops, deliveries may end
    within 30 seconds.  Other messages are left to the next start, or to another process.

    Args:
        store: Keeps the messages, such as `txsmtpx.SQLiteQueueStore`.
        routes: The servers for the mail of some domains, or of all.  Other mail is sent to the exchangers of its
            domain.
        domain: The name of this host in EHLO: a domain; "" for the address of its end of a connection.
        retry: Seconds after the first failed attempt.  Each further wait doubles.
        retry_most: Seconds of the longest wait.
        expire: Seconds after which a message is returned to its sender.
        delay_report: Seconds after which the sender gets a report of a delay; 0 for never.
        deliveries: Messages that are sent at a time, to all destinations.
        destination: Connections to each destination at a time.
        failures: Failed connections after which a destination is paused; 0 for never.
        unsure: "retry" sends a message again that may have been delivered.  "return" returns it to its sender.
        lease: Seconds after which another process may deliver what a killed process was delivering.
        reporter: Write the reports to senders, or inform them in another way.  None: there are no reports.
        dkim: Signs the messages of `submit`; None for no signatures.
        security: Decides about TLS to the exchangers of domains.  None: DANE, and MTA-STS if treq is installed.
        resolver: Looks up exchangers; None for the name servers of the system.
        now: A function that returns seconds since the epoch.
        reactor: The reactor.  None: the global one.

    Attributes:
        store: As in the arguments.
        settings: The settings; to be set before the queue runs.
        routes: The routes; to be set before the queue runs.
        domain: As in the arguments; to be set before the queue runs.
        reporter: As in the arguments; to be set before the queue runs.
        security: As in the arguments; to be set before the queue runs.
        resolver: As in the arguments; to be set before the queue runs.
        observer: Counts what happens, for metrics; None for none.
        now: As in the arguments.

    Raises:
        TypeError: An argument is unknown or has the wrong type.
        ValueError: A value cannot be used.

    Example:
        ::

            queue = MailQueue(SQLiteQueueStore("queue.db"), routes=[Route("*", "tls:smtp.example.com:465")])
            queue.startService()
            identifier = await queue.submit("shop@example.org", ["ann@example.net"], message)
    """

    @checked_except(*UNCHECKED, *(each.name for each in fields(QueueSettings)))
    def __init__(
        self,
        store: QueueStore,
        *,
        routes: Iterable[Route] = (),
        domain: str = "",
        retry: float = QueueSettings.retry,
        retry_most: float = QueueSettings.retry_most,
        expire: float = QueueSettings.expire,
        delay_report: float = QueueSettings.delay_report,
        deliveries: int = QueueSettings.deliveries,
        destination: int = QueueSettings.destination,
        failures: int = QueueSettings.failures,
        unsure: Unsure = QueueSettings.unsure,
        lease: float = QueueSettings.lease,
        reporter: Reporter | None = delivery_report,
        dkim: DKIMSigner | None = None,
        security: MXSecurity | None = None,
        resolver: SystemResolver | None = None,
        now: Callable[[], float] = time.time,
        reactor: Reactor | None = None,
    ) -> None:
        self.store: QueueStore = store
        self.settings: QueueSettings = QueueSettings(
            retry, retry_most, expire, delay_report, deliveries, destination, failures, unsure, lease
        )
        ehlo_name(domain)  # which raises an error if it is wrong
        self.domain = domain
        self.reporter = reporter
        self._dkim = dkim
        self.security: MXSecurity | None = security
        self.resolver: SystemResolver | None = resolver
        self.observer: QueueObserver | None = None
        self._reactor = chosen_reactor(reactor)
        self.routes: Routes = Routes(routes)
        self._in_thread = partial(in_thread_of, self._reactor)
        self.now: Callable[[], float] = now
        self._feed = EventFeed()
        self._opened = OpenStore(store, self._changed)
        self._work = PendingWork()
        self._deliveries: Deliveries | None = None
        self._starting: Deferred[None] | None = None

    def submit(
        self, sender: str, recipients: Recipients, body: ClientBody, options: MailOptions | None = None
    ) -> Deferred[str]:
        """
        Store a message, and deliver it.

        Args:
            sender: An address, "" for the null reverse-path.
            recipients: Addresses, or (address, its options).
            body: The message, as for `txsmtpx.SMTPClient.send`.
            options: The options of MAIL.  The queue holds a message until ``hold_until`` or for ``hold_for`` seconds.

        Returns:
            A Deferred of the identifier of the message.  It fires when the message is on the disk.

        Raises:
            ValueError: An address is malformed, or there is no recipient.
            TypeError: Something is of a wrong type.
            StoreError: The message is not stored; the Deferred fails.
        """
        check_message(sender, recipients, body, options)
        sender, pairs = addressed(sender, recipients)
        for address, _ in pairs:
            self.routes.destination_of(address)  # which raises an error if it has no domain
        return explained(self._work.add(self._submit(sender, pairs, body, options or MailOptions())))

    async def _submit(
        self, sender: str, recipients: Sequence[Recipient], body: ClientBody, options: MailOptions
    ) -> str:
        envelope = new_envelope(sender, recipients, body, options, self.domain, self.now())

        async def store(given: ClientBody) -> None:
            content = source(given, {"8BITMIME": None}, self._in_thread, envelope.smtputf8)
            await self.store_message(envelope, pieces(content))

        await signed_by(self._dkim, body, MailOptions(smtputf8=envelope.smtputf8), store)
        return envelope.queue_id

    async def store_message(self, envelope: EnvelopeFields, content: AsyncIterable[bytes]) -> None:
        """
        Store a message whose envelope is complete.

        Args:
            envelope: The envelope.  No other message has its ``queue_id``.
            content: The pieces of the message.

        Raises:
            StoreError: The message is not stored.
            OSError: The message is not stored.
        """
        await self._opened.open()
        mail, body = await self._read(envelope, content)

        def failed(failure: Failure) -> Failure:
            body.discard()
            return failure

        # If the client is lost, the message may be stored all the same, and needs its body.
        await uncancelled(self.store.add(mail).addCallbacks(lambda _: self._feed.queued(mail), failed))

    async def _report(self, report: Report) -> NewMail:
        """Return the message of a report, which has the null reverse-path."""
        utf8 = MailOptions(smtputf8=report.smtputf8)
        envelope = new_envelope("", [(report.recipient, None)], b"", utf8, self.domain, self.now())
        content = source(report.content, {}, self._in_thread, report.smtputf8)
        return (await self._read(envelope, pieces(content)))[0]

    async def _read(self, envelope: EnvelopeFields, content: AsyncIterable[bytes]) -> tuple[NewMail, ReceivedBody]:
        """Read a message, whose body is on the disk then, or in memory."""
        body = self.store.body()
        try:
            await body.read(content)
            return new_mail(envelope, body, self.routes, self.settings.expire), body
        except BaseException:
            body.discard()
            raise
        finally:
            body.close()

    def events(self) -> QueueEvents:
        """
        Return what happens to recipients from now on.

        Returns:
            An async iterator, which ends when the queue stops.

        Example:
            ::

                async for event in queue.events():
                    if event.kind in ("failed", "expired"):
                        print(event.recipient, event.reply)
        """
        return QueueEvents(self._feed)

    async def close(self) -> None:
        """Close the store.  Messages open it again."""
        await self._opened.close()

    def _changed(self) -> None:
        if self._deliveries is not None:
            self._deliveries.look()

    def startService(self) -> None:
        """Open the store, and begin to deliver."""
        Service.startService(self)
        self._starting = Deferred.fromCoroutine(self._start())
        self._starting.addErrback(_failed_to_start)

    async def _start(self) -> None:
        await self._opened.insist(self._reactor)
        self.security = self.security or default_security(self._reactor)
        delivering = Delivering(
            self.store,
            self.routes,
            self.settings,
            self.domain,
            self.security,
            self.resolver,
            self.reporter,
            self._report,
            self._observe,
            self.now,
        )
        self._deliveries = Deliveries(self._reactor, delivering)
        self._deliveries.start()

    def _observe(self, mail: QueuedMail, disposition: Disposition) -> None:
        self._feed.add(event_of(mail, disposition))
        if self.observer is not None:
            age = self.now() - mail.received
            self.observer.attempted(disposition.recipient.destination, disposition.event, age)

    def use(self, work: Callable[[QueueStore], Awaitable[T]]) -> Deferred[T]:
        """
        Use the store, which is opened before if it is not open.  The queue does not stop before the work is done.

        Args:
            work: A function of the store.

        Returns:
            A Deferred of what the work returns.  It fails with `StoreError` if the store cannot be used.
        """
        return explained(self._work.add(self._use(work)))

    async def _use(self, work: Callable[[QueueStore], Awaitable[T]]) -> T:
        await self._opened.open()
        return await work(self.store)

    def depth(self) -> Deferred[Depth]:
        """
        Count what is in the queue.

        Returns:
            A Deferred of the counts.  It fails with `StoreError` if the store cannot be used.
        """
        return self.use(lambda store: store.depth(self.now()))

    def activity(self) -> Activity:
        """
        Return what the queue does in this process.

        Returns:
            The numbers.
        """
        return Activity(0, 0, self.now()) if self._deliveries is None else self._deliveries.activity()

    def stopService(self) -> Deferred[None]:
        """
        Hand back what waits, let deliveries end, and close the store.

        Returns:
            A Deferred that fires when the store is closed.
        """
        Service.stopService(self)
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        if self._starting is not None:
            self._starting.cancel()  # while it waits for a store that cannot be opened
        if self._deliveries is not None:
            await self._deliveries.stop()
        self._deliveries = None
        if self._work:
            await self._work.over()
        await self.close()
        self._feed.end()


def _failed_to_start(failure: Failure) -> None:
    if not failure.check(CancelledError):
        log.failure("the queue cannot start", failure)
