"""
Commands and their replies, in their order: RFC 5321 §4.3.

Where the dialog has to wait for a backend it returns a Deferred, until which the wire holds everything that follows.
That is the whole concurrency policy: replies cannot overtake each other.

What may be said in a state is one look-up in a table (`txsmtpx.dialog.table`); what is said to nonsense is here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from txsmtpx.dialog.extension import Run
from txsmtpx.dialog.outcome import refusal
from txsmtpx.dialog.redaction import redacted
from txsmtpx.dialog.refusals import MOST, closing, refused
from txsmtpx.dialog.settings import Settings
from txsmtpx.dialog.state import Gate, State
from txsmtpx.grammar import command, replies
from txsmtpx.grammar.malformed import Malformed
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import Connection
from txsmtpx.settling import settle

log = Logger(__name__)

_OTHER_PROTOCOLS = frozenset({"GET", "POST", "CONNECT", "PUT", "HEAD", "OPTIONS"})
"""First words of HTTP: a browser was made to talk to us (cross-protocol attack), and its body is no mail."""

_HELLOS = ("HELO", "EHLO", "LHLO")
"""Those of the other protocol are refused, but understood."""


class IWire(Protocol):
    """What the dialog asks of the wire."""

    def write(self, octets: bytes) -> None:
        """Send ``octets``."""

    def start_tls(self) -> None:
        """Forget what has come, then negotiate TLS; ``ServerDialog.tls_started`` follows."""

    def admit_client(self) -> bool:
        """Whether the client that ``Connection.peer`` is now, by XCLIENT, has not too many connections."""

    def close(self) -> None:
        """Take nothing more, send what is written, close."""


class Sequencing:
    """
    A command after the other, a reply to each.

    Attributes:
        settings: What the factory was told.
        table: The `Table` of what may be said, by the extensions that this session supports.
        connection: The peer, as backends see it.
        line_limit: Octets that the next line may have, with its line end.
        secret: Whether the next line is not to be shown.
        urgent: Whether something has been answered that may not wait for other answers (RFC 2920 §3.2); the wire says
            when it has been sent.
        closed: Whether it is all over.
        errors: Commands refused for good since the last message that was taken.
        line: The last command, None before the first.
        refusals: How many refusals were given to `note_refusal`; those by 421 are not counted.
    """

    def __init__(self, settings: Settings, wire: IWire) -> None:
        self.settings = settings
        self.wire = wire
        self.connection = Connection(settings.session_ids.next(), settings.domain, settings.lmtp)
        self.line_limit = settings.max_line_length
        self._commanded = settings.observers.commanded
        self._replied = settings.observers.replied
        self.table = settings.tables.usual
        self.secret = False
        self.urgent = False
        self.closed = False
        self.errors = 0
        self._state = State.START
        self.line: bytes | None = None
        self.refusals = 0
        self._exchange: Callable[[bytes], Any] | None = None
        self._pending: Deferred[Any] | None = None
        self._grouped = False
        self._enter(State.START)

    @property
    def queue_id(self) -> str:
        """What the open transaction is called in the log."""
        return "-"

    # ---- what the wire calls

    def connection_made(self) -> None:
        """Greet (RFC 5321 §3.1)."""
        self.reply(self.settings.greeting)

    def line_received(self, line: bytes, bare: bool) -> Deferred[None] | None:
        """
        Take one line.

        Args:
            line: Without its line end.
            bare: Whether it ended in a bare LF.

        Returns:
            A Deferred until which no more may be handed over, or None.
        """
        if bare and self.settings.bare_newlines == "reject":
            self.end_exchange()
            self._bad_line(line, replies.BARE_NEWLINE_500)
            return None
        exchange = self._exchange
        if exchange is not None:
            return self._run(exchange, self._without_crs(line))
        try:
            verb, argument = command.split(line)
        except Malformed as malformed:
            without_crs = self._without_crs(line)
            if without_crs != line:
                return self.line_received(without_crs, bare)
            self._bad_line(line, replies.malformed_501(str(malformed)))
            return None
        run = self._runs.get(verb)
        if run is None:
            self._unknown(line, verb)
            return None
        self.line = line
        self._grouped = verb in self.table.grouped
        if self._commanded is not None:
            self._commanded(self.connection, verb)
        return self._run(run, self, argument)

    def line_too_long(self, beginning: bytes) -> None:
        """A line was longer than ``line_limit``; all of it has been thrown away."""
        reply = replies.LINE_TOO_LONG_500 if self._exchange is None else replies.RESPONSE_TOO_LONG_500
        self.end_exchange()
        self._bad_line(beginning, reply)

    def say_goodbye(self, reply: Reply) -> None:
        """``reply``, which may be one that the client did not ask for (421), and the end."""
        if not self.closed:
            if reply is not replies.SHUTTING_DOWN_421:  # which has nothing to do with the client
                closing(self.connection, self.queue_id, self._shown, reply)
            self.reply(reply)
            self.close()

    # ---- what verbs use

    @property
    def state(self) -> State:
        """Where the session stands."""
        return self._state

    def knows(self, verb: str) -> bool:
        """Whether ``verb``, in upper case, is a command, be it not one of this server's."""
        return verb in self._runs or verb in _HELLOS

    def hides(self, verb: str) -> bool:
        """Whether the argument of ``verb`` is a secret."""
        return verb in self.table.secret

    def reply(self, reply: Reply) -> None:
        """Say it; 421 and 221 are the last thing said (RFC 5321 §3.8, §4.2.1)."""
        if not self.closed:
            if not self._grouped:
                self.urgent = True
            self.wire.write(reply.encode())
            if self._replied is not None:
                self._replied(self.connection, reply)
            code = reply.code
            if code == 421 or code == 221:
                self.close()

    def refuse(self, reply: Reply, logged: bool = False) -> None:
        """
        Answer a command with 4xx or 5xx; the connection is closed after ``max_errors`` of 5xx.

        Args:
            logged: Whether the log has it already.
        """
        if not logged:
            self.note_refusal(reply, self._shown)
        self.reply(reply)
        if reply.code < 500:
            return
        self.errors += 1
        limit = self.settings.max_errors
        if 0 < limit <= self.errors and not self.settings.lmtp:  # whose clients are mail servers of one's own
            self.say_goodbye(replies.TOO_MANY_ERRORS_421)

    def note_refusal(self, reply: Reply, command: str) -> None:
        """
        Write into the log that ``command`` is refused with ``reply``, unless there were many such lines already.

        Args:
            command: As `redacted` returns it.
        """
        if reply.code != 421:  # which is the last
            self.refusals += 1
            if self.refusals > MOST:
                return
        refused(self.connection, self.queue_id, command, reply)

    def close(self) -> None:
        """Hang up, when all that was said has been sent."""
        self.closed = True
        self.wire.close()

    def ask(self, result: Any, then: Callable[[Any], Any]) -> Any:
        """``then`` of what a backend gave, now or when it comes."""
        if result is not None and result.__class__ is not Reply:
            result = settle(result)
            if isinstance(result, Deferred):
                return result.addCallback(then)
        return then(result)

    def converse(self, take: Callable[[bytes], Any]) -> None:
        """The next lines are no commands: ``take`` gets them, and does what a verb does (RFC 4954 §4)."""
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

    @property
    def _expects_input(self) -> bool:
        """Whether the next octets are no command, so that 3xx is the right answer (RFC 5321 §4.2.1)."""
        return self._exchange is not None

    def _go_on(self, state: State) -> None:
        """Another state; what may be said in each is what it was."""
        self._state = state
        self._runs: dict[str, Run[Any]] = self._by_state[state]

    def _without_crs(self, line: bytes) -> bytes:
        """CR CR LF is one line end under "normalize" (twisted.mail's sendmail writes it); Postfix does the same."""
        return line.rstrip(b"\r") if self.settings.bare_newlines == "normalize" else line

    @property
    def _shown(self) -> str:
        """The last command as the log may show it."""
        return "" if self.line is None else redacted(self.line, self)[0]

    def _bad_line(self, line: bytes, reply: Reply) -> None:
        self._grouped = False
        if self._commanded is not None:
            self._commanded(self.connection, "")
        self.line = line
        self.refuse(reply)
        if line[:4].upper() == b"BDAT" and not self.closed:
            self.close()  # it announced octets, nobody knows how many, that must not be run as commands

    def _unknown(self, line: bytes, verb: str) -> None:
        first, self.line = self.line is None, line
        self._grouped = False
        if self._commanded is not None:
            self._commanded(self.connection, "")
        if first and verb in _OTHER_PROTOCOLS:
            text = "session={session} {verb} from [{peer}] is no mail client's first command: closing"
            log.warn(text, session=self.connection.session_id, verb=verb, peer=self.connection.peer_host)
            self.close()
        elif self.settings.lmtp and verb in ("HELO", "EHLO"):
            self.refuse(replies.LMTP_ONLY_500)
        else:
            self.refuse(replies.UNKNOWN_COMMAND_500)

    def _run(self, run: Callable[..., Any], *args: Any) -> Deferred[None] | None:
        """Run a verb, or what stands for one, and say what it answers."""
        try:
            outcome = run(*args)
            if outcome is not None and outcome.__class__ is not Reply:
                outcome = settle(outcome)
        except BaseException:  # as where it comes out of a Deferred
            outcome = self._refused(Failure())
        if outcome is None:
            return None
        if outcome.__class__ is Reply and outcome.code < 300:
            self.reply(outcome)
        elif isinstance(outcome, Deferred):
            self._pending = outcome
            return outcome.addErrback(self._refused).addCallback(self._answered)
        else:
            self._answered(outcome)
        return None

    def _answered(self, outcome: Any) -> None:
        self._pending = None
        if outcome is None:
            return
        if not isinstance(outcome, Reply) or (outcome.code // 100 == 3 and not self._expects_input):
            text = "session={session} a verb answered with {outcome!r}, which is no Reply that it may give"
            log.error(text, session=self.connection.session_id, outcome=outcome)
            self.refuse(replies.LOCAL_ERROR_451)
        elif outcome.code >= 400:
            self.refuse(outcome)
        else:
            self.reply(outcome)

    def _refused(self, failure: Failure) -> Reply | None:
        """A backend said no, or broke, or was cancelled because the peer has gone."""
        if self.closed:
            return None
        if failure.check(UnauthorizedLogin):
            return replies.BAD_CREDENTIALS_535
        reply = refusal(failure, self.connection.session_id, self.queue_id, "the backend")
        if reply.positive:
            text = "session={session} queue={queue} a yes was raised, which is for outcomes only"
            log.failure(text, failure=failure, session=self.connection.session_id, queue=self.queue_id)
            return replies.LOCAL_ERROR_451
        return reply
