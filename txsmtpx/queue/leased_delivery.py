"""
The delivery of what a queue has leased: the attempts, and what the store and the sender must learn of them.

If the routes have changed since a message was stored, its recipients go to the destinations that they have now.
"""

from __future__ import annotations

import io
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import BinaryIO

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txsmtpx.backends.next_reply import shortened
from txsmtpx.content import header
from txsmtpx.grammar import asciitext
from txsmtpx.interfaces import StoreError
from txsmtpx.queue.attempt import Attempt, Attempted, Transaction
from txsmtpx.queue.attempt_result import RecipientResult, described
from txsmtpx.queue.destination import Destination, Destinations
from txsmtpx.queue.dispatcher import Completion
from txsmtpx.queue.disposition import Disposition, DispositionPolicy
from txsmtpx.queue.queue_events import QueueEvent
from txsmtpx.queue.queue_store import INLINE, QueueStore
from txsmtpx.queue.queued_mail import Lease, NewMail, QueuedMail, QueuedRecipient
from txsmtpx.queue.report_request import Report, ReportedRecipient, Reporter, ReportRequest
from txsmtpx.queue.route import Routes

log = Logger(__name__)

HEADER = 65536
"""Octets of a message in which its header is looked at."""

_FIELDS = re.compile(rb"(?<=\n)(?=[^ \t])")
"""Where a field begins."""
_FOLD = re.compile(rb"\r?\n(?=[ \t])")

Observed = Callable[[QueuedMail, Disposition], object]
"""Called for each recipient of an attempt whose outcome is stored."""


class LeasedDelivery:
    """
    Deliver what is leased.  `txsmtpx.MailQueue` creates one.

    Args:
        reactor: The clock.
        store: The store.
        routes: The routes.
        destinations: The destinations.
        policy: What becomes of recipients.
        reporter: Writes reports; None for no reports.
        mail_of: Make a message of a report.
        observed: Called for each recipient.
        now: Return seconds since the epoch.
    """

    def __init__(
        self,
        reactor: IReactorTime,
        store: QueueStore,
        routes: Routes,
        destinations: Destinations,
        policy: DispositionPolicy,
        reporter: Reporter | None,
        mail_of: Callable[[Report], Awaitable[NewMail]],
        observed: Observed,
        now: Callable[[], float],
    ) -> None:
        self._reactor = reactor
        self._store = store
        self._routes = routes
        self._destinations = destinations
        self._policy = policy
        self._reporter = reporter
        self._mail_of = mail_of
        self._observed = observed
        self._now = now

    async def deliver(self, lease: Lease, destination: Destination) -> Completion:
        """
        Attempt what is leased.

        Args:
            lease: The lease.
            destination: Its destination.

        Returns:
            What the store keeps.

        Raises:
            CancelledError: It was cancelled before the message was sent.
        """
        found: list[Disposition] = []
        for key, recipients in self._by_destination(lease.mail).items():
            there = destination if key == destination.key else self._destinations.get(key)
            mail = replace(lease.mail, recipients=recipients)
            attempted = await self._attempt(mail, there)
            found += self._policy.of_all(mail, attempted, self._now(), there.pool.settings.lmtp)
            self._destinations.release(there)
        reports, found = await self._reported(lease.mail, found)
        return Completion([each.outcome for each in found], reports, lambda: self._note(lease.mail, found))

    def _by_destination(self, mail: QueuedMail) -> dict[str, list[QueuedRecipient]]:
        found: dict[str, list[QueuedRecipient]] = {}
        for recipient in mail.recipients:
            found.setdefault(self._routes.destination_of(recipient.recipient.address), []).append(recipient)
        return found

    async def _attempt(self, mail: QueuedMail, destination: Destination) -> Attempted:
        try:
            file = await self._store.open_body(mail)
        except StoreError as error:
            log.error("queue={queue} its body cannot be read: {error}", queue=mail.id, error=error)
            reply = described(error, True)
            return Attempted([RecipientResult(each.recipient.address, "deferred", reply) for each in mail.recipients])
        body: bytes | BinaryIO = file
        try:
            if mail.size <= INLINE:
                body = file.read()
            transaction = Transaction(
                mail.envelope.sender,
                mail.envelope.mail_options(mail.received),
                mail.received,
                [(each.recipient.address, each.recipient.options) for each in mail.recipients],
                self._routes.get(destination.key) is None and tls_not_required(body),  # a route has its own TLS
            )
            return await Attempt(transaction, body, destination, self._reactor.seconds, self._now).run()
        finally:
            file.close()

    # ---- reports

    async def _reported(
        self, mail: QueuedMail, found: Sequence[Disposition]
    ) -> tuple[Sequence[NewMail], list[Disposition]]:
        """
        Write the reports to the sender: one for each kind.

        Returns:
            The reports, and what becomes of the recipients.  If a report cannot be written, its recipients wait for
            another attempt, so that no mail is lost in silence.
        """
        reports: list[NewMail] = []
        kept = list(found)
        for action in dict.fromkeys(each.report for each in found if each.report is not None):
            reported = [each for each in found if each.report == action]
            recipients = [
                ReportedRecipient(each.recipient.recipient, action, each.result.reply, each.result.remote, each.server)
                for each in reported
            ]
            try:
                report = await self._written(ReportRequest(mail, recipients, self._now()))
                reports += [] if report is None else [await self._mail_of(report)]
            except Exception:
                log.failure("queue={queue} a report cannot be written", queue=mail.id)
                kept = [self._policy.postponed(mail, each, self._now()) if each in reported else each for each in kept]
        return reports, kept

    async def _written(self, request: ReportRequest) -> Report | None:
        if self._reporter is None:
            return None
        try:
            file = await self._store.open_body(request.mail)
        except StoreError:  # which is in the log; the report goes without the message
            file = io.BytesIO()
        try:
            report = self._reporter(request, file)
            return await report if isinstance(report, Awaitable) else report
        finally:
            file.close()

    # ---- the log and the events

    def _note(self, mail: QueuedMail, found: Sequence[Disposition]) -> None:
        for each in found:
            log.info(
                "queue={queue} from=<{sender}> to=<{recipient}> destination={destination} server={server}"
                " attempt={attempt} {event}: {reply}",
                queue=mail.id,
                sender=mail.envelope.sender,
                recipient=each.recipient.recipient.address,
                destination=each.recipient.destination,
                server=each.server or "none",
                attempt=each.recipient.attempts,
                event=each.event,
                reply=shortened(each.result.reply),
            )
            try:
                self._observed(mail, each)
            except Exception:  # the outcome is stored: the next attempt and the reports do not wait for an observer
                log.failure("queue={queue} an observer failed", queue=mail.id)


def tls_not_required(body: bytes | BinaryIO) -> bool:
    """
    Return whether a message says that it may be sent without TLS (RFC 8689 §3).

    Args:
        body: The message: octets, or a file, which is rewound.

    Returns:
        True if its header has exactly one field TLS-Required, with the value No.
    """
    if isinstance(body, bytes):
        beginning = body[:HEADER]
    else:
        beginning = body.read(HEADER)
        body.seek(0)
    if b"tls-required" not in beginning.lower():
        return False
    if len(beginning) == HEADER:  # the last field may be cut off
        beginning = b"".join(_FIELDS.split(beginning)[:-1])
    fields = [each for each in header.read(beginning).fields if asciitext.lower(each.name) == "tls-required"]
    return [_FOLD.sub(b"", each.raw).strip(b" \t\r\n").lower() for each in fields] == [b"no"]


def event_of(mail: QueuedMail, disposition: Disposition) -> QueueEvent:
    """
    Return the event of a recipient.

    Args:
        mail: The message.
        disposition: What becomes of the recipient.

    Returns:
        The event.
    """
    recipient = disposition.recipient
    return QueueEvent(
        disposition.event,
        mail.id,
        mail.envelope.sender,
        recipient.recipient.address,
        recipient.destination,
        disposition.result.reply,
        disposition.server,
        recipient.attempts,
    )
