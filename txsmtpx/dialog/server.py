"""
The server's half of the conversation, without a transport: RFC 5321 §4.

Theory of operation.  The caller, which may be Twisted's protocol (`txsmtpx.wire.server`) or any other code, gives the
dialog whole lines (`ServerDialog.line_received`) and, while `ServerDialog.body` is set, octets of a message
(`ServerDialog.body_received`).  The dialog answers through a `Wire`.  If it has to wait for a backend, it returns a
Deferred, and the caller holds all that follows until it fires.  So replies cannot overtake each other (RFC 5321 §4.3).

What is legal in a state is one look-up in a table (`txsmtpx.dialog.table`).  Each verb is a function in the file of its
extension.  The states are in `txsmtpx.dialog.state`, the life of a message in `txsmtpx.dialog.server_transaction`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from txsmtpx.dialog import client_policy, refusals
from txsmtpx.dialog.extension import Answer
from txsmtpx.dialog.failed_command import reply_to_failure
from txsmtpx.dialog.observer import Observers
from txsmtpx.dialog.server_session import NO_DOMAINS, end_connection, forget_hello
from txsmtpx.dialog.server_transaction import Transaction
from txsmtpx.dialog.settings import Settings
from txsmtpx.dialog.state import CLOSED, CONTENT, ENVELOPE, OPEN, SECURING, Gate, Link, State
from txsmtpx.dialog.table import Table
from txsmtpx.dialog.wire import Body, Wire
from txsmtpx.grammar import command, replies
from txsmtpx.grammar.malformed import Malformed
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import TLS, Connection, SessionLike
from txsmtpx.settling import settle


class ServerDialog:
    """
    One session of a client: each line gets its replies, in order.

    Args:
        settings: The settings of the server.
        wire: Takes the replies.

    Attributes:
        connection: The client, as backends see it.
        link: The state of the link: OPEN, SECURING or CLOSED (`txsmtpx.dialog.state.Link`).
        state: Where the session stands.
        table: What is legal in each state, with the extensions that this session supports.
        session: The backend's session; None before the first login or MAIL.
        transaction: The open transaction; None between transactions.
        body: Takes octets of a message while they come; None while lines come.
        line_limit: Octets that the next line may have, with its line end.
        exchange: Takes the next line, which may hold credentials; None if that is a command.
        line: The last command, without its line end; None before the first.
        grouped: True if the reply to `line` may wait for others (RFC 2920 §3.2).
        urgent: True if a reply is written that must not wait.  The wire resets it.
        errors: Commands that were rejected by 5xx since the last message was accepted.
        refusals: Commands that were rejected, but those by 421.
        failed_logins: The number of failed logins.
        authenticated: True if AUTH has succeeded, also anonymously.
        transactions: How often MAIL came.
        recipient_domains: Domains of the accepted recipients, as `domain_key` gives them.
    """

    __slots__ = (
        "__weakref__", "_by_state", "_pending", "_runs", "authenticated", "body", "connection", "errors", "exchange",
        "failed_logins", "grouped", "line", "line_limit", "link", "observers", "recipient_domains", "refusals",
        "session", "settings", "state", "table", "transaction", "transactions", "urgent", "wire",
    )  # fmt: skip

    def __init__(self, settings: Settings, wire: Wire) -> None:
        self.settings, self.wire = settings, wire
        self.connection: Connection = Connection(next(settings.session_ids), settings.domain, settings.lmtp)
        self.link: Link = OPEN
        self.table: Table = settings.tables.usual
        self.session: SessionLike | None = None
        self.transaction: Transaction | None = None
        self.body: Body | None = None
        self.line_limit: int = settings.max_line_length
        self.line: bytes | None = None
        self.grouped = self.urgent = self.authenticated = False
        self.errors = self.refusals = self.failed_logins = self.transactions = 0
        self.recipient_domains = NO_DOMAINS
        self.observers: Observers = settings.observers
        self.exchange: Callable[[bytes], Answer] | None = None
        self._pending: Deferred[None] | None = None  # of the command that waits for a backend
        self.enter(State.START)

    def connection_made(self) -> Deferred[None] | None:
        """
        Greet (RFC 5321 §3.1), or refuse the client.

        Returns:
            As `line_received`.
        """
        if self.settings.policy is not None:
            return self._answer(client_policy.greet, self)
        self.reply(self.settings.greeting)
        return None

    def line_received(self, line: bytes, bare: bool = False) -> Deferred[None] | None:
        """
        Take a command, or a response of an AUTH exchange.

        Args:
            line: The line, without its line end.
            bare: True if the line ended in a bare LF.

        Returns:
            A Deferred until which no more may be handed over; None if the line is answered.

        Raises:
            RuntimeError: `link` is not OPEN.
        """
        if self.link is not OPEN:
            raise refusals.unexpected_input(self, False)
        if bare and self.settings.bare_newlines == "reject":
            self.end_exchange()
            refusals.refuse_line(self, line, replies.BARE_NEWLINE_500)
            return None
        if self.exchange is not None:
            return self._answer(self.exchange, self._without_crs(line))
        try:
            verb, argument = command.split(line)
        except Malformed as malformed:
            if (without_crs := self._without_crs(line)) != line:
                return self.line_received(without_crs, bare)
            refusals.refuse_line(self, line, replies.malformed_501(str(malformed)))
            return None
        run = self._runs.get(verb)
        if run is None:
            refusals.refuse_unknown(self, line, verb)
            return None
        self.line = line
        self.grouped = verb in self.table.grouped
        if self.observers.commanded is not None:
            self.observers.commanded(self.connection, verb)
        return self._answer(run, self, argument)

    def line_too_long(self, beginning: bytes) -> None:
        """
        Reject a line that was longer than `line_limit`; the wire has discarded it.

        Args:
            beginning: Its first octets.
        """
        refusals.refuse_long_line(self, beginning)

    def body_received(self, data: bytes, start: int = 0) -> tuple[int, Deferred[None] | None]:
        """
        Take octets of `body`.

        Args:
            data: What has come.
            start: The index of the first octet to take.

        Returns:
            The index behind the end of the body, -1 if more is to come; and a Deferred as `line_received` returns it.

        Raises:
            RuntimeError: `body` is None, or `link` is not OPEN.
        """
        body = self.body
        if body is None or self.link is not OPEN:
            raise refusals.unexpected_input(self, True)
        end = body.feed(data, start)
        if end < 0:
            transaction = self.transaction
            if transaction is not None and transaction.state is CONTENT and transaction.message.full:
                return end, transaction.message.drained()
            return end, None
        self.body = None
        return end, self._answer(body.end)

    def tls_started(self, tls: object) -> None:
        """
        Forget the past: the TLS handshake is complete (RFC 3207 §4.2).

        Args:
            tls: Becomes `Connection.tls`.
        """
        if self.link is SECURING:
            self.link = OPEN
        forget_hello(self)
        self.connection.tls = cast(TLS, tls)
        if self.observers.secured is not None:
            self.observers.secured(self.connection)
        self.enter(State.START)

    def connection_lost(self, reason: Failure) -> Deferred[None] | None:
        """
        End the session: the connection is lost.  The second time changes nothing.

        Args:
            reason: What the reader of an incomplete message fails with.

        Returns:
            A Deferred that fires when `reset` and `logout` are done; None if they are.
        """
        self.link = CLOSED
        refusals.log_more_refused(self)
        self.exchange = self.body = self.connection.aborter = None
        if self.transaction is not None:
            self.transaction.abort(reason)
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.cancel()
        return end_connection(self)

    def say_goodbye(self, reply: Reply) -> None:
        """
        Close the connection with a reply.

        Args:
            reply: One that answers a command, or one that the client did not ask for (421).
        """
        if self.link is not CLOSED:
            if reply is not replies.SHUTTING_DOWN_421:  # which has nothing to do with the client
                refusals.log_closing(self, reply)
            self.reply(reply)
            self.close()

    @property
    def idle(self) -> bool:
        """True if nothing is under way that a stopping server should wait for."""
        return self._pending is None and self.transaction is None

    @property
    def in_message(self) -> bool:
        """True if a message is coming, or waits for its reader; not while the backend works on all of it."""
        if self.body is not None:
            return True
        transaction = self.transaction
        if transaction is None or transaction.state is ENVELOPE:
            return False
        return self._pending is None or transaction.message.full

    @property
    def queue_id(self) -> str:
        """The name of the open transaction in the log; "-" between transactions."""
        return "-" if self.transaction is None else self.transaction.queue_id

    def reply(self, reply: Reply) -> None:
        """
        Write a reply; 421 and 221 close the connection (RFC 5321 §3.8, §4.2.1).

        Args:
            reply: The reply.
        """
        if self.link is CLOSED:
            return
        if not self.grouped:
            self.urgent = True
        self.wire.write(reply.octets or reply.encode())
        if self.observers.replied is not None:
            self.observers.replied(self.connection, reply)
        if reply.code == 421 or reply.code == 221:
            self.close()

    def close(self) -> None:
        """Close the connection when all replies are sent."""
        if self.link is not CLOSED:
            self.link = CLOSED
            self.wire.close()

    def converse(self, take: Callable[[bytes], Answer]) -> None:
        """
        Take the next line as a response, not as a command (RFC 4954 §4).

        Args:
            take: Gets the line, and returns what the function of a verb does.
        """
        self.exchange = take
        self.line_limit = max(command.MAX_AUTH_LINE, self.settings.max_line_length)

    def end_exchange(self) -> None:
        """Take the next line as a command."""
        self.exchange = None
        self.line_limit = self.settings.max_line_length

    def enter(self, state: State) -> None:
        """
        Go to a state, where the table or the gate may have changed.

        Args:
            state: The next state.
        """
        if self.settings.require_tls and self.connection.tls is None:
            gate = Gate.TLS
        elif self.settings.require_auth and self.connection.username is None:
            gate = Gate.AUTH
        else:
            gate = Gate.OPEN
        self._by_state = self.table.by_state[gate]
        self.go_on(state)

    def go_on(self, state: State) -> None:
        """
        Go to a state, where the table and the gate are the same.

        Args:
            state: The next state.
        """
        self.state = state
        self._runs = self._by_state[state]

    def _without_crs(self, line: bytes) -> bytes:
        """CR CR LF is one line end under "normalize" (twisted.mail's sendmail writes it); Postfix does the same."""
        return line.rstrip(b"\r") if self.settings.bare_newlines == "normalize" else line

    def _answer(self, run: Callable[..., object], *args: object) -> Deferred[None] | None:
        """Call the function of a verb, or what stands for one, and write its reply."""
        try:
            outcome = run(*args)
            if outcome is not None and outcome.__class__ is not Reply:
                outcome = settle(outcome)
        except BaseException:  # as if it came out of a Deferred
            outcome = self._failed(Failure())
        if outcome is None:
            return None
        if outcome.__class__ is Reply and outcome.code < 300:
            self.reply(outcome)
        elif isinstance(outcome, Deferred):
            self._pending = outcome
            return outcome.addErrback(self._failed).addCallback(self._answered)
        else:
            self._answered(outcome)
        return None

    def _answered(self, outcome: object) -> None:
        """Write the reply that a verb has led to."""
        self._pending = None
        if outcome is None:
            return
        # 3xx is right only if the next octets are no command (RFC 5321 §4.2.1).
        expects_input = self.exchange is not None or self.body is not None
        if not isinstance(outcome, Reply) or (outcome.code // 100 == 3 and not expects_input):
            refusals.refuse_answer(self, outcome)
        elif outcome.code >= 400:
            refusals.refuse(self, outcome)
        else:
            self.reply(outcome)

    def _failed(self, failure: Failure) -> Reply | None:
        """Return the reply to a failure: the backend has rejected, or failed, or was cancelled by a lost connection."""
        if self.link is CLOSED:
            return None
        return reply_to_failure(failure, self.connection.session_id, self.queue_id, self.table.extensions, self.line)
