"""
One attempt to deliver a message to the recipients of one destination.

Theory of operation.  The attempt ends before it connects if the message is late (BY with R), or if the circuit breaker
of the destination is open.  Otherwise it takes a connection of the destination's pool, and sends the message in one
transaction.  A recipient whose RRVS the server cannot honour is not sent to it, the others are.

A 421 before the server has accepted anything is about the connection.  The attempt then takes another one.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from twisted.internet.defer import CancelledError
from twisted.logger import Logger

from txsmtpx.backends.next_reply import REQUIRETLS_550
from txsmtpx.backends.relayed import options_for
from txsmtpx.dialog.client_body import ClientBody
from txsmtpx.errors import CommandCancelled, Delivered, DeliveryError, SMTPError
from txsmtpx.grammar.option_value import DeliverBy
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.grammar.reply import Reply
from txsmtpx.queue.attempt_result import RecipientResult, described, judged
from txsmtpx.queue.destination import Destination
from txsmtpx.wire.capacity import PoolBusy
from txsmtpx.wire.client import SMTPClient

log = Logger(__name__)

TOO_LATE_550 = Reply(550, (5, 4, 7), "The message was not delivered within the time that its sender allows")
"""A recipient of a message with BY and R that is late (RFC 2852 §4)."""
NO_OWNER_CHECK_550 = Reply(
    550, (5, 7, 19), "The server cannot check whether the mailbox has changed its owner, as the sender requires"
)
"""A recipient with RRVS and R whose server does not offer RRVS (RFC 7293)."""

CONNECTIONS = 3
"""Connections that one attempt takes if servers close them by 421."""


@dataclass(frozen=True)
class Transaction:
    """
    What an attempt sends.

    Attributes:
        sender: The sender.
        options: The parameters of MAIL, as they came with the message.
        received: When the message came, in seconds since the epoch.
        recipients: The recipients, each with its parameters.
        tls_not_required: True if the message says "TLS-Required: No" (RFC 8689 §3).
    """

    sender: str
    options: MailOptions
    received: float
    recipients: Sequence[tuple[str, RcptOptions]]
    tls_not_required: bool = False

    @property
    def addresses(self) -> list[str]:
        """The addresses of the recipients."""
        return [address for address, _ in self.recipients]


@dataclass(frozen=True)
class Attempted:
    """
    What became of an attempt.

    Attributes:
        results: A result for each recipient, in the order of the recipients.
        server: The name of the server, "" if none was reached.
        reports: True if the server sends the delivery reports that the recipients ask for (DSN, RFC 3461).
        deliver_by: True if the server keeps to the time of BY, or reports that it does not (DELIVERBY, RFC 2852).
    """

    results: Sequence[RecipientResult]
    server: str = ""
    reports: bool = False
    deliver_by: bool = False


class Attempt:
    """
    One attempt.  `txsmtpx.MailQueue` creates it; use it once.

    Args:
        transaction: What it sends.
        body: The message: octets, or a file.
        destination: The destination.
        seconds: Return the time of the reactor, for the breaker.
        now: Return seconds since the epoch.
    """

    def __init__(
        self,
        transaction: Transaction,
        body: ClientBody,
        destination: Destination,
        seconds: Callable[[], float],
        now: Callable[[], float],
    ) -> None:
        self._transaction = transaction
        self._body = body
        self._destination = destination
        self._seconds = seconds
        self._now = now

    async def run(self) -> Attempted:
        """
        Attempt the delivery.

        Returns:
            The results.

        Raises:
            CancelledError: The attempt was cancelled before the server had the end of the message.
        """
        transaction, destination = self._transaction, self._destination
        if is_late(transaction.options.deliver_by, transaction.received, self._now()):
            return self._all(RecipientResult("", "failed", TOO_LATE_550))
        # REQUIRETLS overrides the field in the header (RFC 8689 §4.1).
        unsecured = transaction.tls_not_required and not transaction.options.requiretls
        pool, breaker = destination.pool_for(unsecured), destination.breaker_for(unsecured)
        if not breaker.admits(self._seconds()):
            text = f"{destination.key} is paused after connections that failed: {breaker.reason}"
            return self._all(RecipientResult("", "deferred", Reply(451, (4, 4, 1), text[:500])))
        for last in range(1, CONNECTIONS + 1):
            try:
                client = await pool.acquire()
            except CancelledError:
                breaker.undecided()
                raise
            except PoolBusy as error:
                breaker.undecided()
                return self._failed(error)
            except Exception as error:
                destination.failed(self._seconds(), str(error)[:500], unsecured)
                return self._failed(error)
            breaker.succeeded()
            try:
                return await self._sent(client)
            except SMTPError as error:
                another = pool.note_421(client, error)
                if not another or error.command not in ("MAIL", "RCPT") or last == CONNECTIONS:
                    return self._failed(error, client)
            except CommandCancelled as error:
                if error.delivered is Delivered.NO:
                    raise
                return self._failed(error, client)
            except Exception as error:
                return self._failed(error, client)
            finally:
                pool.release(client)
        raise AssertionError("the last connection has a result")

    async def _sent(self, client: SMTPClient) -> Attempted:
        """Send the message on a connection."""
        transaction = self._transaction
        if transaction.options.requiretls and transaction.sender and (client.tls is None or not client.tls.verified):
            return self._all(RecipientResult("", "failed", REQUIRETLS_550))
        refused = {
            at: RecipientResult(address, "failed", NO_OWNER_CHECK_550)
            for at, (address, options) in enumerate(transaction.recipients)
            if options.valid_since is not None and options.valid_since.action == "R" and "RRVS" not in client.extensions
        }
        sent = [pair for at, pair in enumerate(transaction.recipients) if at not in refused]
        results: list[RecipientResult] = []
        if sent:
            results = await self._transmitted(client, sent)
        rest = iter(results)
        every = [refused[at] if at in refused else next(rest) for at in range(len(transaction.recipients))]
        return Attempted(every, name_of(client), "DSN" in client.extensions, "DELIVERBY" in client.extensions)

    async def _transmitted(
        self, client: SMTPClient, recipients: Sequence[tuple[str, RcptOptions]]
    ) -> list[RecipientResult]:
        addresses = [address for address, _ in recipients]
        passed = int(self._now() - self._transaction.received)
        given = for_next_hop(self._transaction.options)
        try:
            options = options_for(client, self._transaction.sender, given, passed, client.authenticated)
        except SMTPError:  # the time of BY has passed meanwhile
            return [RecipientResult(address, "failed", TOO_LATE_550) for address in addresses]
        result = await client.send(self._transaction.sender, recipients, self._body, options)
        self._destination.delivered()
        return judged(addresses, result)

    def _failed(self, error: Exception, client: SMTPClient | None = None) -> Attempted:
        """Return the results of an attempt that has failed as a whole."""
        addresses = self._transaction.addresses
        if isinstance(error, DeliveryError):
            return Attempted(judged(addresses, error), error.server if client is None else name_of(client))
        if isinstance(error, ValueError) and client is not None:  # an address that the client cannot write
            return self._all(RecipientResult("", "failed", described(error, False)))
        log.failure("a delivery to {destination} failed", destination=self._destination.key)
        return self._all(RecipientResult("", "deferred", described(error, True)))

    def _all(self, result: RecipientResult) -> Attempted:
        return Attempted([replace(result, address=address) for address in self._transaction.addresses])


def is_late(by: DeliverBy | None, received: float, now: float) -> bool:
    """
    Return whether a message must be returned, because its time to be delivered has passed (RFC 2852 §4).

    Args:
        by: The value of BY.
        received: When the message came, in seconds since the epoch.
        now: Seconds since the epoch.

    Returns:
        True if BY has R, and the time has passed.
    """
    return by is not None and by.mode == "R" and now >= received + by.seconds


def for_next_hop(options: MailOptions) -> MailOptions:
    """
    Return the parameters of MAIL without those that are about this queue, or that the client finds out.

    Args:
        options: The parameters that came with the message.

    Returns:
        The parameters, without the size, the hold, PRDR and BODY=7BIT.
    """
    found = copy.copy(options)
    for name in ("size", "prdr", "hold_for", "hold_until", *["body"] * (found.body == "7BIT")):
        vars(found).pop(name, None)  # without BODY, the client looks at the message
    return found


def name_of(client: SMTPClient) -> str:
    """
    Return the name of a server, for the log and for reports.

    Args:
        client: The connection.

    Returns:
        The name of the exchanger; that of the endpoint if there is none.
    """
    peer = client.protocol.transport.getPeer() if client.protocol.transport is not None else None
    return client.server_name or str(getattr(peer, "host", ""))
