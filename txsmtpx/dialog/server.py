"""
The server's half of the conversation: RFC 5321 §4, without a transport.

The wire hands over a line or a piece of a body; the dialog answers through L{IWire}.  Where it has to
wait for a backend it returns a Deferred, until which the wire holds everything that follows.  That is the
whole concurrency policy: replies cannot overtake each other.

Verbs are not here: each is a function in the file of its extension, and works on what stands here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from txsmtpx.dialog.body import Body
from txsmtpx.dialog.connection import Connection
from txsmtpx.dialog.delivery import DataContext
from txsmtpx.dialog.message import Message, MessageAborted
from txsmtpx.dialog.outcome import refusal
from txsmtpx.dialog.result import settle
from txsmtpx.dialog.settings import Settings
from txsmtpx.dialog.summary import Summary
from txsmtpx.dialog.transaction import Transaction
from txsmtpx.errors import SMTPError
from txsmtpx.extensions.extension import Run, State
from txsmtpx.extensions.table import Gate
from txsmtpx.grammar import command, replies
from txsmtpx.grammar.options import MailOptions
from txsmtpx.grammar.reply import Reply

log = Logger()

_OTHER_PROTOCOLS = frozenset({"GET", "POST", "CONNECT", "PUT", "HEAD", "OPTIONS"})
"""First words of HTTP: a browser was made to talk to us (cross-protocol attack), and its body is no mail."""


class IWire(Protocol):
    """What the dialog asks of the wire."""

    def write(self, octets: bytes) -> None:
        """Send C{octets}."""

    def start_tls(self) -> None:
        """Forget what has come, then negotiate TLS; C{ServerDialog.tls_started} follows."""

    def admit_client(self) -> bool:
        """Whether the client that C{Connection.peer} is now, by XCLIENT, has not too many connections."""

    def close(self) -> None:
        """Take nothing more, send what is written, close."""


class ServerDialog:
    """
    One session.

    @ivar settings: what the factory was told.
    @ivar table: the L{Table} of what may be said, by the extensions that this session supports.
    @ivar connection: the peer, as backends see it.
    @ivar session: the backend's L{ISession}, None before the first login or MAIL.
    @ivar transaction: the open L{Transaction}.
    @ivar message: what is coming, once DATA or BDAT has begun.
    @ivar context: the outcomes of C{message}.
    @ivar body: while octets of a message come, what takes them.
    @ivar line_limit: octets that the next line may have, with its line end.
    @ivar secret: whether the next line is not to be shown.
    @ivar transactions: how often MAIL was said.
    @ivar recipient_domains: of those that were accepted, lower case.
    @ivar closed: whether it is all over.
    @ivar failed_logins: how many there were.
    @ivar errors: commands refused for good since the last message that was taken.
    @ivar authenticated: whether AUTH has succeeded, be it as nobody.
    """

    # How each session begins.
    session: Any = None
    transaction: Transaction | None = None
    message: Message | None = None
    context: DataContext | None = None
    body: Body | None = None
    secret = False
    closed = False
    failed_logins = 0
    errors = 0
    authenticated = False
    transactions = 0
    _state = State.START
    _exchange: Callable[[bytes], Any] | None = None
    _body_done: Callable[[], Any] | None = None
    _pending: Deferred[Any] | None = None
    _first = True

    def __init__(self, settings: Settings, wire: IWire) -> None:
        self.settings = settings
        self.wire = wire
        self.connection = Connection(settings.session_ids.next(), settings.domain, settings.lmtp)
        self.line_limit = settings.max_line_length
        self.recipient_domains: set[str] = set()
        self._commanded = settings.observers.commanded
        self._replied = settings.observers.replied
        self.table = settings.tables.usual
        self._enter(State.START)

    # ---- what the wire calls

    def connection_made(self) -> None:
        """Greet (RFC 5321 §3.1)."""
        self.reply(replies.greeting_220(self.settings.domain, "LMTP" if self.settings.lmtp else "ESMTP"))

    def line_received(self, line: bytes, bare: bool = False) -> Deferred[None] | None:
        """
        Take one line.

        @param line: without its line end.
        @param bare: whether it ended in a bare LF.
        @return: a Deferred until which no more may be handed over, or None.
        """
        if bare and self.settings.bare_newlines == "reject":
            self.end_exchange()
            self._bad_line(line, replies.BARE_NEWLINE_500)
            return None
        exchange = self._exchange
        if exchange is not None:
            return self._run(exchange, line)
        try:
            verb, argument = command.split(line)
        except ValueError:
            self._bad_line(line, replies.SYNTAX_500)
            return None
        run = self._runs.get(verb)
        if run is None:
            self._unknown(verb)
            return None
        self._first = False
        if self._commanded is not None:
            self._commanded(self.connection, verb)
        return self._run(run, self, argument)

    def line_too_long(self, beginning: bytes) -> None:
        """A line was longer than C{line_limit}; all of it has been thrown away."""
        reply = replies.LINE_TOO_LONG_500 if self._exchange is None else replies.RESPONSE_TOO_LONG_500
        self.end_exchange()
        self._bad_line(beginning, reply)

    def body_received(self, data: bytes, start: int) -> tuple[int, Deferred[None] | None]:
        """
        Take octets of C{body} from C{data}, at C{start}.

        @return: the index behind the end of the body, -1 when more is to come; and a Deferred as with
            L{line_received}.
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
        """The state before the hello, for whoever C{connection} says it is now; nothing counts that another did."""
        self.failed_logins = self.errors = self.transactions = 0
        self.recipient_domains = set()
        self._enter(State.START)

    def say_goodbye(self, reply: Reply) -> None:
        """A reply that nobody asked for (421), and the end."""
        if not self.closed:
            self.reply(reply)
            self.close()

    def connection_lost(self, reason: Failure) -> None:
        """The peer has gone, for whatever reason: everybody learns it, once."""
        self.closed = True
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
        """Whether a message is coming."""
        return self.body is not None or (self.message is not None and self._pending is None)

    # ---- what verbs use

    @property
    def state(self) -> State:
        """Where the session stands."""
        return self._state

    @property
    def offered(self) -> tuple[Any, ...]:
        """The SASL mechanisms to be had right now: none in the clear, unless that is allowed."""
        secure = self.connection.tls is not None or self.settings.allow_insecure_auth
        return tuple(each for each in self.settings.mechanisms if each.available(self.connection)) if secure else ()

    def reply(self, reply: Reply) -> None:
        """Say it; 421 is the last thing said (RFC 5321 §3.8)."""
        if not self.closed:
            self.wire.write(reply.encode())
            if self._replied is not None:
                self._replied(self.connection, reply)
            if reply.code == 421:
                self.close()

    def close(self) -> None:
        """Hang up, when all that was said has been sent."""
        self.closed = True
        self.wire.close()

    def ask(self, result: Any, then: Callable[[Any], Any]) -> Any:
        """C{then} of what a backend gave, now or when it comes."""
        if result is not None and result.__class__ is not Reply:
            result = settle(result)
            if isinstance(result, Deferred):
                return result.addCallback(then)
        return then(result)

    def with_session(self, then: Callable[[Any], Any]) -> Any:
        """C{then} of the session, for which the backend is asked at the first MAIL."""
        if self.session is not None:
            return then(self.session)

        def got(session: Any) -> Any:
            self.enter_session(session, self.connection.username)  # XCLIENT may have said who it is
            return None if self.closed else then(session)

        return self.ask(self.settings.backend.anonymous_login(self.connection), got)

    def enter_session(self, session: Any, username: str | None) -> None:
        """
        From now on C{session} is asked.

        @raise TypeError: it is none.
        """
        if not hasattr(session, "logout"):
            raise TypeError(f"the backend gave no session but {session!r}")
        self.end_session()
        self.session = session
        if self.closed:  # the peer did not wait for it
            self.end_session()
        self.connection.username = username
        self.table = self.settings.tables.supporting(getattr(session, "supports", ()))
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
        """What comes next are octets for C{body}; C{done}, a verb's second half, is called at its end."""
        self.body = body
        self._body_done = done

    def expect_chunks(self) -> None:
        """The message comes by BDAT."""
        self._go_on(State.CHUNK)

    def end_message(self, spoilt: Reply | None = None) -> Any:
        """
        The end of the data: answer, once for each recipient under LMTP.

        @param spoilt: why the message cannot stand, whatever the backend says of it.
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
        return self.ask(context.conclude(self.reply), self._concluded)

    def _concluded(self, reply: Reply | None) -> Any:
        """The transaction is over: say so, then let the backend forget it before the next command."""
        if reply is not None:
            self.reply(reply)
            if reply.positive:
                self.errors = 0
        context, self.context = self.context, None
        if context is not None and context.summary is not None:
            context.summary.answered(reply, context.outcomes, self.settings.clock.seconds())
        return self.abort_transaction(lambda: None)

    def abort_transaction(self, then: Callable[[], Any] = lambda: None) -> Any:
        """End the transaction, if one is open; C{then} when the backend's C{reset} is done."""
        if self.context is not None:
            self.context.lost(MessageAborted())
        message, self.message, self.context = self.message, None, None
        transaction, self.transaction = self.transaction, None
        if self._state is not State.START:
            self._go_on(State.READY)
        if transaction is not None:
            if transaction.summary is not None:
                self._sum_up(transaction.summary, message)
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

    def converse(self, take: Callable[[bytes], Any]) -> None:
        """The next lines are no commands: C{take} gets them, and does what a verb does (RFC 4954 §4)."""
        self._exchange = take
        self.line_limit = max(command.MAX_AUTH_LINE, self.settings.max_line_length)
        self.secret = True

    def end_exchange(self) -> None:
        """The next line is a command again."""
        self._exchange = None
        self.line_limit = self.settings.max_line_length
        self.secret = False

    # ---- inside

    def _enter(self, state: State) -> None:
        settings = self.settings
        if settings.require_tls and self.connection.tls is None:
            gate = Gate.TLS
        elif settings.require_auth and self.connection.username is None:
            gate = Gate.AUTH
        else:
            gate = Gate.OPEN
        self._by_state = self.table.by_state[gate]
        self._go_on(state)

    def _go_on(self, state: State) -> None:
        """Another state; what may be said in each is what it was."""
        self._state = state
        self._runs: dict[str, Run] = self._by_state[state]

    def _refuse(self, reply: Reply) -> None:
        """A command is refused for good; who gets nothing else done is sent away."""
        self.reply(reply)
        self.errors += 1
        limit = self.settings.max_errors
        if 0 < limit <= self.errors and not self.settings.lmtp:  # whose clients are mail servers of one's own
            self.say_goodbye(replies.TOO_MANY_ERRORS_421)

    def _sum_up(self, summary: Summary, message: Message | None) -> None:
        summary.over(0 if message is None else message.received, self.closed, self.settings.clock.seconds())
        concluded = self.settings.observers.concluded
        assert concluded is not None  # or there would be no summary
        concluded(summary)

    def _bad_line(self, line: bytes, reply: Reply) -> None:
        if self._commanded is not None:
            self._commanded(self.connection, "")
        self._refuse(reply)
        if line[:4].upper() == b"BDAT" and not self.closed:
            self.close()  # it announced octets, nobody knows how many, that must not be run as commands

    def _unknown(self, verb: str) -> None:
        first, self._first = self._first, False
        if self._commanded is not None:
            self._commanded(self.connection, "")
        if first and verb in _OTHER_PROTOCOLS:
            text = "session={session} {verb} from [{peer}] is no mail client's first command: closing"
            log.warn(text, session=self.connection.session_id, verb=verb, peer=self.connection.peer_host)
            self.close()
        elif self.settings.lmtp and verb in ("HELO", "EHLO"):
            self._refuse(replies.LMTP_ONLY_500)
        else:
            self._refuse(replies.UNKNOWN_COMMAND_500)

    def _run(self, run: Callable[..., Any], *args: Any) -> Deferred[None] | None:
        """Run a verb, or what stands for one, and say what it answers."""
        try:
            outcome = run(*args)
            if outcome is not None and outcome.__class__ is not Reply:
                outcome = settle(outcome)
        except Exception:
            outcome = self._refused(Failure())
        if outcome is None:
            return None
        if outcome.__class__ is Reply and outcome.code < 500:
            self.reply(outcome)
        elif isinstance(outcome, Deferred):
            self._pending = outcome
            return outcome.addErrback(self._refused).addCallback(self._answered)
        else:
            self._answered(outcome)
        return None

    def _answered(self, outcome: Any) -> None:
        self._pending = None
        if isinstance(outcome, Reply):
            if outcome.code >= 500:
                self._refuse(outcome)
            else:
                self.reply(outcome)
        elif outcome is not None:
            text = "session={session} a verb answered with {outcome!r}, which is no Reply"
            log.error(text, session=self.connection.session_id, outcome=outcome)
            self.reply(replies.LOCAL_ERROR_451)

    def _refused(self, failure: Failure) -> Reply | None:
        """A backend said no, or broke, or was cancelled because the peer has gone."""
        if self.closed:
            return None
        if failure.check(UnauthorizedLogin):
            return replies.BAD_CREDENTIALS_535
        queue_id = self.transaction.queue_id if self.transaction else "-"
        session_id = self.connection.session_id
        reply = refusal(failure, session_id, queue_id, "the backend")
        if reply.positive:
            text = "session={session} queue={queue} a yes was raised, which is for outcomes only"
            log.failure(text, failure=failure, session=session_id, queue=queue_id)
            return replies.LOCAL_ERROR_451
        return reply

    def _inform(self, method: Callable[[], Any]) -> Deferred[None] | None:
        """Call C{reset} or C{logout}, whose failure is of no consequence to the peer."""
        try:
            result = method()
            if result is None:
                return None
            result = settle(result)
        except Exception:
            self._failed(method, Failure())
            return None
        if not isinstance(result, Deferred):
            return None

        def failed(failure: Failure) -> None:
            if not (self.closed and failure.check(CancelledError)):  # we cancel it when the peer has gone
                self._failed(method, failure)

        return result.addErrback(failed)

    def _failed(self, method: Callable[[], Any], failure: Failure) -> None:
        name, session_id = getattr(method, "__name__", "a method"), self.connection.session_id
        log.failure("session={session} {method} failed", failure=failure, session=session_id, method=name)
