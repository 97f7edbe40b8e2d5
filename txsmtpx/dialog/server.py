"""
The server's half of the conversation: RFC 5321 §4, without a transport.

The wire hands over a line or a piece of a body; the dialog answers through `IWire`.  Here is what a session is made
of: who is logged in, the open transaction, the message that comes; commands and replies are in
`txsmtpx.dialog.sequencing`.

Verbs are not here: each is a function in the file of its extension, and works on what stands here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from txsmtpx.dialog.body import Body
from txsmtpx.dialog.delivery import DataContext
from txsmtpx.dialog.message import Message, MessageAborted
from txsmtpx.dialog.refusals import MOST, more_refused
from txsmtpx.dialog.sequencing import IWire, Sequencing
from txsmtpx.dialog.settings import Settings
from txsmtpx.dialog.state import State
from txsmtpx.dialog.summary import Summary
from txsmtpx.dialog.transaction import Transaction
from txsmtpx.errors import SMTPError
from txsmtpx.grammar import replies
from txsmtpx.grammar.options import MailOptions
from txsmtpx.grammar.reply import Reply
from txsmtpx.settling import settle

log = Logger(__name__)

_NOWHERE: frozenset[str] = frozenset()
"""One for all: an empty set takes 216 octets, a fifteenth of all that an idle connection does."""


class ServerDialog(Sequencing):
    """
    One session.

    Attributes:
        session: The backend's `ISession`, None before the first login or MAIL.
        transaction: The open `Transaction`.
        message: What is coming, once DATA or BDAT has begun.
        context: The outcomes of ``message``.
        body: While octets of a message come, what takes them.
        transactions: How often MAIL was said.
        recipient_domains: Of those that were accepted, as `txsmtpx.grammar.domain.domain_key` gives them.
        failed_logins: How many there were.
        authenticated: Whether AUTH has succeeded, be it as nobody.
    """

    def __init__(self, settings: Settings, wire: IWire) -> None:
        super().__init__(settings, wire)
        self.recipient_domains = _NOWHERE
        self.session: Any = None
        self.transaction: Transaction | None = None
        self.message: Message | None = None
        self.context: DataContext | None = None
        self.body: Body | None = None
        self.failed_logins = 0
        self.authenticated = False
        self.transactions = 0
        self._body_done: Callable[[], Any] | None = None

    @property
    def queue_id(self) -> str:
        """What the open transaction is called."""
        return "-" if self.transaction is None else self.transaction.queue_id

    # ---- what the wire calls

    def body_received(self, data: bytes, start: int) -> tuple[int, Deferred[None] | None]:
        """
        Take octets of ``body`` from ``data``, at ``start``.

        Returns:
            The index behind the end of the body, -1 when more is to come; and a Deferred as with
            `line_received`.
        """
        assert self.body is not None and self._body_done is not None
        end = self.body.feed(data, start)
        if end < 0:
            if self.message is not None and self.message.full:
                return end, self.message.drained()
            return end, None
        done, self._body_done, self.body = self._body_done, None, None
        return end, self._run(done)

    def tls_started(self, tls: Any) -> None:
        """The handshake is done: everything said before is forgotten (RFC 3207 §4.2)."""
        self.forget_hello()
        self.connection.tls = tls
        if self.settings.observers.secured is not None:
            self.settings.observers.secured(self.connection)
        self._enter(State.START)

    def restart(self) -> None:
        """The state before the hello, for whoever ``connection`` says it is now; nothing counts that another did."""
        self.failed_logins = self.errors = self.transactions = 0
        self.recipient_domains = _NOWHERE
        self._enter(State.START)

    def connection_lost(self, reason: Failure) -> None:
        """The peer has gone, for whatever reason: everybody learns it, once."""
        self.closed = True
        if self.refusals > MOST:
            more_refused(self.connection, self.refusals - MOST)
        self._exchange = None
        self.body = self._body_done = None
        if self.context is not None:
            self.context.lost(reason)
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.cancel()
        self.end_session()

    @property
    def idle(self) -> bool:
        """Whether nothing is under way that a stopping server should wait for."""
        return self._pending is None and self.transaction is None

    @property
    def in_message(self) -> bool:
        """Whether a message is coming, or waits for its reader; not while the backend works on all of it."""
        message = self.message
        return self.body is not None or (message is not None and (self._pending is None or message.full))

    # ---- what verbs use

    @property
    def offered(self) -> tuple[Any, ...]:
        """The SASL mechanisms to be had right now: none in the clear, unless that is allowed."""
        secure = self.connection.tls is not None or self.settings.allow_insecure_auth
        return tuple(each for each in self.settings.mechanisms if each.available(self.connection)) if secure else ()

    def with_session(self, then: Callable[[Any], Any]) -> Any:
        """``then`` of the session, for which the backend is asked at the first MAIL."""
        if self.session is not None:
            return then(self.session)

        def got(session: Any) -> Any:
            self.enter_session(session, self.connection.username)  # XCLIENT may have said who it is
            return None if self.closed else then(session)

        return self.ask(self.settings.backend.anonymous_login(self.connection), got)

    def enter_session(self, session: Any, username: str | None) -> None:
        """
        From now on ``session`` is asked.

        Raises:
            TypeError: It is none.
        """
        if not hasattr(session, "logout"):
            raise TypeError(f"the backend gave no session but {session!r}")
        self.end_session()
        self.session = session
        if self.closed:  # the peer did not wait for it
            self.end_session()
        self.connection.username = username
        self.table = self.settings.tables.supporting(session)
        self._enter(self._state)

    def end_session(self) -> Any:
        """Reset and log out, once each."""
        session = self.session

        def log_out() -> Any:
            return None if session is None else self._inform(session.logout)

        ended = self.abort_transaction(log_out)
        self.session = None
        self.table = self.settings.tables.usual
        return ended

    def open_transaction(self, sender: str, options: MailOptions) -> None:
        """MAIL was accepted."""
        transaction = self.transaction = Transaction(sender, options, self.settings.queue_ids.next())
        if self.settings.observers.concluded is not None:
            transaction.summary = Summary(self.connection, transaction, self.settings.clock.seconds())
        self._go_on(State.MAIL)

    def recipient_accepted(self) -> None:
        """RCPT was accepted."""
        self._go_on(State.RCPT)

    def begin_message(self) -> Message:
        """DATA, or the first BDAT: hand the message to the backend."""
        assert self.transaction is not None
        self.message = Message(self.settings.max_message_bytes)
        self.context = DataContext(self.transaction, self.connection, self.settings)
        self.context.run(self.session, self.message)
        return self.message

    def expect_body(self, body: Body, done: Callable[[], Any]) -> None:
        """What comes next are octets for ``body``; ``done``, a verb's second half, is called at its end."""
        self.body = body
        self._body_done = done

    def expect_chunks(self) -> None:
        """The message comes by BDAT."""
        self._go_on(State.CHUNK)

    def end_message(self, spoilt: Reply | None = None) -> Any:
        """
        The end of the data: answer, once for each recipient under LMTP.

        Args:
            spoilt: Why the message cannot stand, whatever the backend says of it.
        """
        message, context = self.message, self.context
        assert message is not None and context is not None
        if message.too_big:
            spoilt = replies.too_big_552(context.queue_id)
        if spoilt is not None:
            message.fail(SMTPError.from_reply(spoilt))
            context.override(spoilt)
        else:
            message.finish()
        if context.summary is not None:
            context.summary.data_over(self.settings.clock.seconds())
        return self.ask(context.conclude(self._answer_data), self._concluded)

    def _concluded(self, reply: Reply | None) -> Any:
        """The transaction is over: say so, then let the backend forget it before the next command."""
        if reply is not None:
            if reply.positive:
                self.reply(reply)
                self.errors = 0
            else:
                self._answer_data(reply)
        context, self.context = self.context, None
        if context is not None and context.summary is not None:
            context.summary.answered(reply, context.outcomes, self.settings.clock.seconds())
        return self.abort_transaction(lambda: None)

    def refuse(self, reply: Reply, logged: bool = False) -> None:
        """Refuse a command, and count it where it is RCPT; see `Sequencing.refuse`."""
        if self.transaction is not None and self.line is not None and self.line[:4].upper() == b"RCPT":
            self.transaction.rejected += 1
        super().refuse(reply, logged)

    def _answer_data(self, reply: Reply) -> None:
        """An answer to the data, which is in the log where it is a refusal: in the line of the transaction, if any."""
        if not reply.positive and (self.transaction is None or self.transaction.summary is None):
            self.note_refusal(reply, "(end of the message)")
        self.reply(reply)

    def abort_transaction(self, then: Callable[[], Any] = lambda: None) -> Any:
        """End the transaction, if one is open; ``then`` when the backend's ``reset`` is done."""
        if self.context is not None:
            self.context.lost(MessageAborted())
        message, self.message, self.context = self.message, None, None
        transaction, self.transaction = self.transaction, None
        if self._state is not State.START:
            self._go_on(State.READY)
        if transaction is not None:
            if transaction.summary is not None:
                self._sum_up(transaction.summary, transaction.rejected, message)
            self.connection.xforward = {}  # which told of this one
        if transaction is None or self.session is None:
            return then()
        waiting = self._inform(self.session.reset)
        return then() if waiting is None else waiting.addCallback(lambda _: then())

    def greeted(self, helo: str, extended: bool) -> None:
        """HELO, EHLO or LHLO was said."""
        self.connection.helo = self.connection.xclient.get("HELO") or helo  # a proxy may say EHLO in its own name
        self.connection.extended = extended
        self.connection.xforward = {}
        self._enter(State.READY)

    def forget_hello(self) -> None:
        """As if nothing had been said, by anybody (RFC 3207 §4.2)."""
        self.end_session()
        self.end_exchange()
        self.connection.forget()
        self.authenticated = False
        self._state = State.START

    # ---- inside

    @property
    def _expects_input(self) -> bool:
        return self._exchange is not None or self.body is not None

    def _sum_up(self, summary: Summary, rejected: int, message: Message | None) -> None:
        octets = 0 if message is None else message.received
        summary.over(octets, rejected, self.closed, self.settings.clock.seconds())
        concluded = self.settings.observers.concluded
        assert concluded is not None  # or there would be no summary
        concluded(summary)

    def _inform(self, method: Callable[[], Any]) -> Deferred[None] | None:
        """Call ``reset`` or ``logout``, whose failure is of no consequence to the peer."""
        try:
            result = method()
            if result is None:
                return None
            result = settle(result)
        except BaseException:
            self._failed(Failure(), method)
            return None
        return result.addErrback(self._failed, method) if isinstance(result, Deferred) else None

    def _failed(self, failure: Failure, method: Callable[[], Any]) -> None:
        if self.closed and failure.check(CancelledError):  # we cancel it when the peer has gone
            return
        name, session_id = getattr(method, "__name__", "a method"), self.connection.session_id
        log.failure("session={session} {method} failed", failure=failure, session=session_id, method=name)
