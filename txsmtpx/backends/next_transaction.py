"""
The transaction of a relay with a next server: the connection that it holds, and the commands on it.

Theory of operation.  The transaction begins at the first recipient that may be relayed.  It takes a connection and
sends MAIL.  All clients share the connections, so waiting and holding have limits:

  - A client waits for a connection for ``wait`` seconds.  Then the reply is 451 4.3.2.
  - Between two commands, a transaction releases its connection after `GRACE` seconds, if another client waits for one.
    For its next command it takes another connection, and sends MAIL and the accepted RCPTs again.  The client does not
    notice.
  - While a message is received, a transaction releases its connection after ``hold`` seconds, if another client waits
    for one.  The reply to the message is 451 4.3.2.
  - While a transaction waits for a reply, the time-outs for next servers apply
    (`txsmtpx.backends.next_servers.TIMEOUTS`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import TimeoutError
from twisted.logger import Logger, LogLevel

from txsmtpx.backends import next_reply
from txsmtpx.backends.introduction import Introduction, by_xclient, by_xforward
from txsmtpx.backends.next_reply import passed_on, shortened
from txsmtpx.backends.next_servers import UNREACHABLE, NextServers
from txsmtpx.backends.relayed import Relayed, options_for
from txsmtpx.dialog.client_result import Outcome
from txsmtpx.dialog.demands import SEND_HINT
from txsmtpx.errors import EightBitContent, NotOffered, SMTPError
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import Clock, Connection
from txsmtpx.wire.client import SMTPClient
from txsmtpx.wire.pool import SMTPPool
from txsmtpx.wire.too_many_connections import is_421

log = Logger(__name__)

T = TypeVar("T")

GRACE = 1.0
"""Seconds for which a transaction keeps its connection between two commands although another client waits for one."""

LOSSES = 5
"""Connections that one transaction may lose: after each, MAIL and all accepted RCPTs are sent again."""


@dataclass
class RelayPolicy:
    """
    What the transactions of one relay share.  `txsmtpx.RelayBackend` creates it.

    Attributes:
        next_servers: The next servers.
        clock: The clock.
        introduce: How the next server learns the client.
        hold: Seconds for which a message keeps its connection although another client waits; 0: for ever.
    """

    next_servers: NextServers
    clock: Clock
    introduce: Introduction
    hold: float


class NextTransaction:
    """
    The transaction of one client with a next server.  A session of a relay creates it.

    Args:
        policy: What all transactions of the relay share.
        connection: The connection of the client.

    Attributes:
        queue_id: The identifier of the transaction in the log; ``"-"`` before the data.
        client: The connection to the next server; None if the transaction holds none.
    """

    def __init__(self, policy: RelayPolicy, connection: Connection) -> None:
        self.queue_id: str = "-"
        self.client: SMTPClient | None = None
        self._policy = policy
        self._connection = connection
        self._pool: SMTPPool | None = None
        self._refusal: SMTPError | None = None
        self._sender, self._options, self._since = "", MailOptions(), 0.0
        self._accepted: list[tuple[str, RcptOptions]] = []
        self._awaiting_reply = False
        self._losses = 0
        self._transfer: tuple[Relayed, Deferred[Sequence[Outcome]], float] | None = None  # since when
        self._preempted = False

    def begin(self, sender: str, options: MailOptions) -> None:
        """
        Note the sender.  MAIL is sent when there is a recipient.

        Args:
            sender: The sender.
            options: The parameters of MAIL.
        """
        self._refusal, self._losses = None, 0
        self._sender, self._options, self._since = sender, options, self._policy.clock.seconds()

    async def rcpt(self, recipient: str, options: RcptOptions) -> Reply:
        """
        Send RCPT, and MAIL before the first.

        Args:
            recipient: The recipient.
            options: The parameters.

        Returns:
            The reply of the next server.

        Raises:
            SMTPError: The next server rejects MAIL or RCPT; or 451 4.4.2 if the next server was lost too often.
        """
        if self._losses > LOSSES:
            raise SMTPError.from_reply(next_reply.NEXT_LOST_451)
        self._awaiting_reply = True
        try:
            client = await self._ensure_begun()
            reply = await self._sent(client.rcpt(recipient, options), next_reply.NEXT_RECIPIENT_553)
        finally:
            self._awaiting_reply = False
        self._accepted.append((recipient, options))
        return passed_on(reply)

    async def ready(self) -> SMTPClient:
        """
        Return the connection for the message.

        Returns:
            The connection, with MAIL and RCPT accepted.

        Raises:
            SMTPError: There is no connection, or the next server rejects MAIL or RCPT.
        """
        self._awaiting_reply = True
        try:
            return await self._ensure_begun()
        finally:
            self._awaiting_reply = False

    async def transmit(self, client: SMTPClient, body: Relayed, recipients: int, binary: bool) -> Sequence[Outcome]:
        """
        Send the message.

        Args:
            client: The connection.
            body: The message.
            recipients: The number of accepted recipients.
            binary: True for BODY=BINARYMIME.

        Returns:
            The outcomes: one, or one for each recipient.

        Raises:
            SMTPError: The next server rejects the message; or 451 4.3.2 if the connection was preempted.
        """
        transfer = client.transmit(body, recipients, binary)
        self._transfer = body, transfer, self._policy.clock.seconds()
        try:
            return await self._sent(transfer)
        except CancelledError:
            if not self._preempted:
                raise
            raise SMTPError.from_reply(next_reply.NEXT_TAKEN_451) from None
        finally:
            self._transfer, self._preempted = None, False

    def end(self) -> None:
        """End the transaction: release the connection, and forget the recipients."""
        self.queue_id = "-"
        self._accepted = []
        self.release()

    def release(self) -> None:
        """Release the connection."""
        pool, client = self._pool, self.client
        self._pool = self.client = None
        if pool is not None and client is not None:
            self._policy.next_servers.release(self, pool, client)

    def preempt(self, held: float) -> bool:
        """
        Release the connection, if no reply is awaited, the message is not complete, and the time is up.

        Args:
            held: Seconds for which the connection has been held.

        Returns:
            True if it was released.
        """
        if self._transfer is not None:
            body, transfer, since = self._transfer
            seconds = self._policy.clock.seconds() - since
            if body.complete or not 0 < self._policy.hold <= seconds:
                return False
            text = "the message has taken {seconds:.0f} seconds so far, and another client waits for the next server"
            self._log(LogLevel.warn, text, {"seconds": seconds})
            self._preempted = True
            transfer.cancel()
        elif self._awaiting_reply or held < GRACE:
            return False
        self.release()
        return True

    async def _ensure_begun(self) -> SMTPClient:
        """
        Return the connection of the transaction; if there is none, begin the transaction on another.

        Returns:
            The connection.

        Raises:
            SMTPError: The next server's reply to MAIL, the same for each RCPT; 451 4.4.1 if no next server can be
                reached; 451 4.3.2 if all connections are in use.
        """
        if self.client is not None and not self.client.usable:
            self._losses += 1
            self.release()
        if self.client is not None:
            return self.client
        if self._refusal is not None:
            raise SMTPError.from_reply(self._refusal.reply)  # one object for all RCPTs would gather their tracebacks
        tries = len(self._policy.next_servers)
        while True:
            try:
                return await self._begin()
            except BaseException as error:
                why = error.__cause__
                elsewhere = tries > 0 and self.client is not None and (is_421(why) or isinstance(why, UNREACHABLE))
                if isinstance(why, TimeoutError) and len(self._policy.next_servers) == 1:
                    elsewhere = False  # the same server would be silent again, while the client waits
                self.release()
                tries -= 1
                if elsewhere:
                    continue
                if isinstance(error, SMTPError) and not self._accepted:
                    self._refusal = error
                raise

    async def _begin(self) -> SMTPClient:
        """Take a connection, and send MAIL and the RCPTs that were accepted before."""
        policy = self._policy
        self._pool, self.client = await policy.next_servers.acquire(self, self._connection.session_id)
        client = self.client
        await self._introduce(client)
        passed = int(policy.clock.seconds() - self._since)
        options = options_for(client, self._sender, self._options, passed, client.authenticated)
        await self._sent(client.mail(self._sender, options), next_reply.NEXT_SENDER_553, options.requiretls)
        for recipient, its_options in self._accepted:
            try:
                await self._sent(client.rcpt(recipient, its_options))
            except SMTPError as error:
                text = "the next server {server} rejects a recipient that it accepted: {error}"
                self._log(LogLevel.warn, text, {"error": shortened(error)})
                raise SMTPError.from_reply(next_reply.NEXT_LOST_451) from error.__cause__
        return client

    async def _introduce(self, client: SMTPClient) -> None:
        """
        Tell the next server who the client is, before each transaction.

        Raises:
            SMTPError: 451 4.4.1 if the next server rejects XCLIENT, and would take the relay for the client.
        """
        if self._policy.introduce == "xclient":
            try:
                await by_xclient(client, self._connection)
            except (NotOffered, SMTPError, ValueError, *UNREACHABLE) as error:
                text = "the next server {server} takes no XCLIENT from us: {error}"
                self._log(LogLevel.error, text, {"error": shortened(error)})
                raise SMTPError.from_reply(next_reply.NO_NEXT_SERVER_451) from error
        elif self._policy.introduce == "xforward" and client.extensions.get("XFORWARD"):
            try:
                await by_xforward(client, self._connection)
            except (SMTPError, ValueError) as error:
                # XFORWARD is for the logs of the next server; our log has the client too.
                text = "the next server {server} does not take XFORWARD: {error}"
                self._log(LogLevel.warn, text, {"error": shortened(error)})
            except UNREACHABLE as error:
                raise SMTPError.from_reply(next_reply.NEXT_LOST_451) from error

    async def _sent(self, waiting: Awaitable[T], unsendable: Reply | None = None, requiretls: bool = False) -> T:
        """
        Wait for the next server; turn its errors into replies to the client.

        Args:
            waiting: The command.
            unsendable: The reply if the command cannot be encoded.
            requiretls: True if the message needs REQUIRETLS.

        Returns:
            The result of the command.
        """
        try:
            return await waiting
        except SMTPError as error:
            if self._pool is not None and self.client is not None and is_421(error):
                self._policy.next_servers.note_421(self._pool, self.client, error)
            raise SMTPError.from_reply(passed_on(error.reply)) from error
        except NotOffered as error:
            raise self.unsendable(error, requiretls) from error
        except UNREACHABLE as error:
            self._log(LogLevel.warn, "the next server {server} was lost: {error}", {"error": shortened(error)})
            raise SMTPError.from_reply(next_reply.NEXT_LOST_451) from error
        except ValueError as error:
            if unsendable is None:
                raise
            text = "the next server {server} cannot be told that: {error}"
            self._log(LogLevel.info, text, {"error": shortened(error)})
            raise SMTPError.from_reply(unsendable) from error

    def unsendable(self, error: NotOffered, requiretls: bool = False) -> SMTPError:
        """
        Log that the next server cannot get a message, and return the error for the client.

        Args:
            error: What the next server does not offer.
            requiretls: True if the message needs REQUIRETLS.

        Returns:
            The error, to be raised.
        """
        eight_bit = isinstance(error, EightBitContent)
        # Where UTF-8 needs SMTPUTF8, a relay has no eight_bit="send" to offer.
        why = error if eight_bit else str(error).removesuffix(f": {SEND_HINT}")
        self._log(LogLevel.info, "the next server {server} cannot take that: {error}", {"error": shortened(why)})
        if eight_bit:
            return SMTPError.from_reply(next_reply.NEXT_SEVEN_BITS_554)
        return SMTPError.from_reply(next_reply.REQUIRETLS_550 if requiretls else next_reply.NEXT_CANNOT_550)

    def _log(self, level: LogLevel, text: str, facts: Mapping[str, object]) -> None:
        text = f"session={{session}} queue={{queue}} {text}"
        server = "" if self._pool is None else self._pool.server
        log.emit(level, text, session=self._connection.session_id, queue=self.queue_id, server=server, **facts)
