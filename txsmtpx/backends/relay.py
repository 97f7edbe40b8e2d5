"""
``relay:ENDPOINT`` and ``lmtp:ENDPOINT``: what we are given goes straight on to the next server.

Nothing is stored: the next server's 250 is ours, its refusals are ours, for each recipient where LMTP
allows it.  The message streams through, at the pace of the slower side; when either side goes away in the
middle the other is cut off, so that no part of a message is ever taken for the whole.

Theory of operation.  A session takes a connection to a next server at the first recipient that may be relayed.  If the
next server rejects MAIL, that is the answer to RCPT.  All clients share the connections, so waiting and holding have
limits:

  - A client waits for a connection for ``wait`` seconds.  Then the answer is 451 4.3.2.
  - Between two commands, a session gives its connection back after `GRACE` seconds, if another client waits for one.
    With its next command it takes another connection, and sends MAIL and the accepted RCPTs again.  The client does not
    notice.
  - While a message comes, a session gives its connection back after ``hold`` seconds, if another client waits for one.
    The answer to the message is 451 4.3.2.  A message of up to `txsmtpx.backends.relayed.AHEAD` octets is read before
    it needs a connection.
  - While a session waits for a reply, the time limits for next servers apply
    (`txsmtpx.backends.next_servers.TIMEOUTS`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import TimeoutError
from twisted.logger import Logger, LogLevel

from txsmtpx.backends import next_reply
from txsmtpx.backends.introduction import Introduction, by_xclient, by_xforward
from txsmtpx.backends.next_reply import for_recipient, passed_on, shortened
from txsmtpx.backends.next_servers import TIMEOUTS, UNREACHABLE, WAIT, NextServers, check
from txsmtpx.backends.relayed import Relayed, options_for
from txsmtpx.backends.session import OpenBackend, Session
from txsmtpx.dialog.demands import SEND_HINT, EightBit, check_eight_bit
from txsmtpx.dialog.transfer import Outcome
from txsmtpx.errors import EightBitContent, NotOffered, SMTPError
from txsmtpx.extensions.requiretls import REQUIRETLS
from txsmtpx.grammar import path
from txsmtpx.grammar.domain import domain_key
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import Connection
from txsmtpx.wire.client import SMTPClient
from txsmtpx.wire.pool import SMTPPool
from txsmtpx.wire.timeouts import Timeouts
from txsmtpx.wire.too_many_connections import is_421

log = Logger(__name__)

NAMED = 10
"""Recipients whose fates stand in the log line of a message."""

GRACE = 1.0
"""Seconds for which a session keeps its connection between two commands although another client waits for one."""

LOSSES = 5
"""Connections that one transaction may lose: after each, MAIL and all accepted RCPTs are sent again."""

HOLD = 60
"""Seconds for which a message that is still coming keeps its connection although another client waits, by default."""


class RelayBackend(OpenBackend):
    """
    Relays for those who have logged in, and for everybody to ``domains``.

    Attributes:
        domains: To these mail is taken from anybody; as `txsmtpx.domain_key` gives them.
        introduce: How the next server learns whom we speak for.
        pools: One for each server; services, to be stopped.
        next_servers: The servers.
        hold: Seconds for which a message that is still coming keeps its connection although another client waits.
        eight_bit: What becomes of octets above 127 that a next server does not take, "refuse" or "send".

    Args:
        endpoints: A list of the next servers, over which messages are spread; each as for `txsmtpx.connect`.
        lmtp: Speak LMTP to them.
        size: Connections to each of them at a time.
        wait: Seconds that a client waits for a connection while all are in use, 0 for ever.
        hold: Seconds for which a message that is still coming keeps its connection although another client waits
            for one; 0 for ever.
        timeouts: Time limits for the next servers, or one number of seconds for each phase.
        eight_bit: What becomes of messages with octets above 127 where the next server does not offer 8BITMIME:
            "refuse" answers 554 5.6.3, "send" sends them as they are.
        introduce: "xforward" tells the next server who the client is, for its logs, where it offers that;
            "xclient" makes it treat us as the client, and mail waits while it does not offer that; or "nothing".
        pool: For `SMTPPool` and `txsmtpx.connect`, such as ``without``.

    Raises:
        TypeError: ``endpoints`` is one endpoint, no list.
        ValueError: There is none, or one is wrong; or there is no such introduction, or no such ``eight_bit``.
    """

    def __init__(
        self,
        endpoints: Sequence[Any],
        *,
        lmtp: bool = False,
        domains: Collection[str] = (),
        introduce: Introduction = "xforward",
        size: int = 10,
        wait: float = WAIT,
        hold: float = HOLD,
        timeouts: Timeouts | float = TIMEOUTS,
        eight_bit: EightBit = "refuse",
        reactor: Any = None,
        **pool: Any,
    ) -> None:
        if reactor is None:
            from twisted.internet import reactor
        if introduce not in ("xforward", "xclient", "nothing"):
            raise ValueError(f"introduce is xforward, xclient or nothing, not {introduce!r}")
        check_eight_bit(eight_bit)
        if isinstance(endpoints, str) or list(map(type, endpoints or ())) == [str, int]:
            raise TypeError(f"the next servers are a list of endpoints: write [{endpoints!r}]")
        check(reactor, endpoints)
        self.eight_bit = eight_bit
        self.domains = frozenset(map(domain_key, domains))
        self.introduce = introduce
        self.hold = hold
        self._reactor = reactor
        pool |= {"lmtp": lmtp, "size": size, "timeouts": Timeouts.of(timeouts), "reactor": reactor}
        pool["eight_bit"] = "send"  # the session has looked at what is sent
        self.pools = tuple(SMTPPool(endpoint, **pool) for endpoint in endpoints)
        self.next_servers = NextServers(reactor, self.pools, wait)
        super().__init__(lambda connection: RelaySession(self, connection))
        # It can be passed on or refused.  For the others the next servers must be known to keep the promise.
        self.supports = (REQUIRETLS,)

    def set_limits(self, size: int, wait: float, hold: float) -> None:
        """
        Change the limits, before the first connection is opened.

        Args:
            size: Connections to each next server at a time.
            wait: Seconds that a client waits for a connection, 0 for ever.
            hold: Seconds for which a message keeps its connection although another client waits, 0 for ever.

        Raises:
            ValueError: ``size`` is less than 1.
        """
        for pool in self.pools:
            pool.size = size
        self.next_servers.wait, self.hold = wait, hold

    def seconds(self) -> float:
        """Now."""
        return float(self._reactor.seconds())


class RelaySession(Session):
    """A transaction here is a transaction there."""

    def __init__(self, backend: RelayBackend, connection: Connection) -> None:
        self._backend = backend
        self._connection = connection
        self._pool: SMTPPool | None = None
        self._client: SMTPClient | None = None
        self._refusal: SMTPError | None = None
        self._queue_id = "-"  # which is not told before the data
        self._sender, self._options, self._since = "", MailOptions(), 0.0
        self._accepted: list[tuple[str, RcptOptions]] = []
        self._awaiting_reply = False
        self._losses = 0
        self._transfer: tuple[Relayed, Deferred[Any], float] | None = None  # since when
        self._preempted = False

    def mail(self, sender: str, options: MailOptions) -> None:
        """MAIL, which is said there when there is a recipient."""
        self._refusal, self._losses = None, 0
        self._sender, self._options, self._since = sender, options, self._backend.seconds()

    async def rcpt(self, recipient: str, options: RcptOptions) -> Any:
        """
        RCPT, there.

        Raises:
            SMTPError: 550 5.7.1, we do not relay to everybody for everybody; 451 4.4.2, the next server was lost too
                often; what it says to MAIL.
        """
        if self._connection.username is None and not self._is_relayed_to(recipient):
            raise SMTPError.from_reply(next_reply.RELAYING_DENIED_550)
        if self._losses > LOSSES:
            raise SMTPError.from_reply(next_reply.NEXT_LOST_451)
        self._awaiting_reply = True
        try:
            client = await self._ensure_begun()
            said = await self._told(client.rcpt(recipient, options), next_reply.NEXT_RECIPIENT_553)
        finally:
            self._awaiting_reply = False
        self._accepted.append((recipient, options))
        return said

    def _is_relayed_to(self, recipient: str) -> bool:
        """Return whether mail to the domain of ``recipient`` is taken from anybody."""
        domain = path.split(recipient)[1] or self._connection.domain
        try:
            return domain_key(domain) in self._backend.domains
        except ValueError:
            return False

    async def data(self, message: Any, context: Any) -> Reply | None:
        """The message, there."""
        self._queue_id = context.queue_id
        body = Relayed(message, context)
        await body.look()
        self._awaiting_reply = True
        try:
            client = await self._ensure_begun()
        finally:
            self._awaiting_reply = False
        try:
            body.demand(client, self._options, self._backend.eight_bit)
        except NotOffered as error:
            raise self._unsendable(error) from error
        outcomes = await self._transmit(client, body, context)
        self._done()
        context.note(next="; ".join(map(shortened, outcomes[:NAMED])))
        said = [for_recipient(outcome) for outcome in outcomes]
        if not client.lmtp and len(said) == 1:  # more are those of PRDR
            return said[0]
        for recipient, reply in zip(context.recipients, said, strict=True):
            context.set_status(recipient, reply)
        return None

    def reset(self) -> None:
        """What is open there is given up."""
        self._queue_id = "-"
        self._accepted = []
        self._done()

    def preempt(self, held: float) -> bool:
        """Give the connection back, unless a reply is awaited, the message is complete, or the time is not up."""
        if self._transfer is not None:
            body, transfer, since = self._transfer
            seconds = self._backend.seconds() - since
            if body.complete or not 0 < self._backend.hold <= seconds:
                return False
            text = "the message has taken {seconds:.0f} seconds so far, and another client waits for the next server"
            self._log(LogLevel.warn, text, seconds=seconds)
            self._preempted = True
            transfer.cancel()
        elif self._awaiting_reply or held < GRACE:
            return False
        self._done()
        return True

    # ---- there

    async def _ensure_begun(self) -> SMTPClient:
        """
        Return the connection of the transaction; if there is none, begin the transaction on another.

        Raises:
            SMTPError: The next server's reply to MAIL, the same for each RCPT; 451 4.4.1 if no next server can be
                reached; 451 4.3.2 if all connections are in use.
        """
        if self._client is not None and not self._client.usable:
            self._losses += 1
            self._done()
        if self._client is not None:
            return self._client
        if self._refusal is not None:
            raise SMTPError.from_reply(self._refusal.reply)  # one object for all RCPTs would gather their tracebacks
        tries = len(self._backend.next_servers)
        while True:
            try:
                return await self._begin()
            except BaseException as error:
                why = error.__cause__
                elsewhere = tries > 0 and self._client is not None and (is_421(why) or isinstance(why, UNREACHABLE))
                if isinstance(why, TimeoutError) and len(self._backend.next_servers) == 1:
                    elsewhere = False  # the same server would be silent again, while the client waits
                self._done()
                tries -= 1
                if elsewhere:
                    continue
                if isinstance(error, SMTPError) and not self._accepted:
                    self._refusal = error
                raise

    async def _begin(self) -> SMTPClient:
        """Take a connection, and send MAIL and the RCPTs that were accepted before."""
        servers, session_id = self._backend.next_servers, self._connection.session_id
        self._pool, self._client = await servers.acquire(self, session_id)
        client = self._client
        await self._introduce(client)
        passed = int(self._backend.seconds() - self._since)
        options = options_for(client, self._sender, self._options, passed, client.authenticated)
        await self._told(client.mail(self._sender, options), next_reply.NEXT_SENDER_553, options.requiretls)
        for recipient, its_options in self._accepted:
            try:
                await self._told(client.rcpt(recipient, its_options))
            except SMTPError as error:
                text = "the next server {server} rejects a recipient that it accepted: {error}"
                self._log(LogLevel.warn, text, error=error)
                raise SMTPError.from_reply(next_reply.NEXT_LOST_451) from error.__cause__
        return client

    async def _introduce(self, client: SMTPClient) -> None:
        """
        Tell the next server whom we speak for, before each transaction.

        Raises:
            SMTPError: 451 4.4.1, it does not let us, and is not to take the client for us.
        """
        if self._backend.introduce == "xclient":
            try:
                await by_xclient(client, self._connection)
            except (NotOffered, SMTPError, ValueError, *UNREACHABLE) as error:
                self._log(LogLevel.error, "the next server {server} takes no XCLIENT from us: {error}", error=error)
                raise SMTPError.from_reply(next_reply.NO_NEXT_SERVER_451) from error
        elif self._backend.introduce == "xforward" and client.extensions.get("XFORWARD"):
            try:
                await by_xforward(client, self._connection)
            except (SMTPError, ValueError) as error:
                # XFORWARD is for the logs of the next server; our log has the client too.
                self._log(LogLevel.warn, "the next server {server} does not take XFORWARD: {error}", error=error)
            except UNREACHABLE as error:
                raise SMTPError.from_reply(next_reply.NEXT_LOST_451) from error

    async def _transmit(self, client: SMTPClient, body: Relayed, context: Any) -> Sequence[Outcome]:
        """
        Send the body.

        Raises:
            SMTPError: 451 4.3.2 if the connection was preempted.
        """
        transfer = client.transmit(body, len(context.recipients), context.options.body == "BINARYMIME")
        self._transfer = body, transfer, self._backend.seconds()
        try:
            return await self._told(transfer)  # type: ignore[no-any-return]
        except CancelledError:
            if not self._preempted:
                raise
            raise SMTPError.from_reply(next_reply.NEXT_TAKEN_451) from None
        finally:
            self._transfer, self._preempted = None, False

    async def _told(self, waiting: Any, unsendable: Reply | None = None, requiretls: bool = False) -> Any:
        """
        What the next server says; where it says nothing, that.

        Args:
            unsendable: The answer if the command cannot be encoded.
        """
        try:
            said = await waiting
        except SMTPError as error:
            if self._pool is not None and self._client is not None and is_421(error):
                self._backend.next_servers.note_421(self._pool, self._client, error)
            raise SMTPError.from_reply(passed_on(error.reply)) from error
        except NotOffered as error:
            raise self._unsendable(error, requiretls) from error
        except UNREACHABLE as error:
            self._log(LogLevel.warn, "the next server {server} was lost: {error}", error=error)
            raise SMTPError.from_reply(next_reply.NEXT_LOST_451) from error
        except ValueError as error:
            if unsendable is None:
                raise
            self._log(LogLevel.info, "the next server {server} cannot be told that: {error}", error=error)
            raise SMTPError.from_reply(unsendable) from error
        return passed_on(said) if isinstance(said, Reply) else said

    def _unsendable(self, error: NotOffered, requiretls: bool = False) -> SMTPError:
        """Log that the next server does not take a message, and return the answer."""
        eight_bit = isinstance(error, EightBitContent)
        # Where UTF-8 needs SMTPUTF8, a relay has no eight_bit="send" to offer.
        why = error if eight_bit else str(error).removesuffix(f": {SEND_HINT}")
        self._log(LogLevel.info, "the next server {server} cannot take that: {error}", error=why)
        if eight_bit:
            return SMTPError.from_reply(next_reply.NEXT_SEVEN_BITS_554)
        return SMTPError.from_reply(next_reply.REQUIRETLS_550 if requiretls else next_reply.NEXT_CANNOT_550)

    def _log(self, level: Any, text: str, **of: Any) -> None:
        of = {name: shortened(value) if name == "error" else value for name, value in of.items()}
        text = f"session={{session}} queue={{queue}} {text}"
        server = "" if self._pool is None else self._pool.server
        log.emit(level, text, session=self._connection.session_id, queue=self._queue_id, server=server, **of)

    def _done(self) -> None:
        pool, client = self._pool, self._client
        self._pool = self._client = None
        if pool is not None and client is not None:
            self._backend.next_servers.release(self, pool, client)


def relay(argument: str) -> RelayBackend:
    """``relay:ENDPOINT,ENDPOINT...``"""
    return RelayBackend([each for each in argument.split(",") if each])


def relay_by_lmtp(argument: str) -> RelayBackend:
    """``lmtp:ENDPOINT,ENDPOINT...``"""
    return RelayBackend([each for each in argument.split(",") if each], lmtp=True)
