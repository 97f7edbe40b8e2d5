"""
Any sequence of commands, of what backends do, and of disconnections: as many replies as commands, in their order, and
the state where `tests.hunt.model` has it (guarantees 1 and 2); when the connection is gone, reset and logout were
called once for each transaction and session, and neither a timer nor a reference is left (guarantee 10).
"""

from __future__ import annotations

import base64
import gc
import weakref
from typing import Any, NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.hunt.model import KINDS, MAX_FAILURES, MAX_MESSAGE, Command, Model
from tests.hunt.worded import Worded
from txsmtpx import SMTPError
from txsmtpx.testing import BackendCrash, Conversation
from txsmtpx.wire.server import BREATH

READ_TIMEOUT = 300
"""Seconds."""

LINES = {b"": 500, b"WHAT": 500, b"NOOP\0": 501, b"NOOP \rQUIT": 501, b"x" * 300: 500, b"\xff": 501,
         b"MAIL FROM:<>\x7f": 501}  # fmt: skip
"""What is no command, and the code of its answer."""

CHUNK = b"\r\nQUIT\r\n.\r\nRSET\r\n\0"
"""What is none either, being counted."""


class Step(NamedTuple):
    """
    Something that happens.

    Attributes:
        name: Of a method of `Talk`.
        answers: Kinds of words, for as many as it takes.
        number: For whatever is to be chosen.
    """

    name: str
    answers: tuple[str, str, str, str]
    number: int


class Talk:
    """A client that talks to a server, and the model that listens."""

    def __init__(self, lmtp: bool, anonymous: str, hasty: bool) -> None:
        """
        Args:
            hasty: Commands are sent before the replies to those before them.
        """
        self.backend = Worded(anonymous)
        self.model = Model(lmtp, anonymous)
        self.client = Conversation(
            self.backend,
            lmtp=lmtp,
            allow_insecure_auth=True,
            auth_failure_delay=0,
            max_auth_failures=MAX_FAILURES,
            max_errors=0,
            max_message_bytes=MAX_MESSAGE,
            max_line_length=200,
            delivery_timeout=1e9,
            message_timeout=0,
            read_timeout=READ_TIMEOUT,
        )
        self._hello = b"LHLO a.example\r\n" if lmtp else b"HELO a.example\r\n"
        self._hasty = hasty
        self._numbers = 0
        self._in_data = False
        self._said: list[str] = []
        self._outbox = b""
        self._unheard: list[Command] = []

    def take(self, step: Step) -> None:
        """It happens."""
        if self._in_data and step.name not in ("fire", "be_idle", "arrive", "dot"):
            step = step._replace(name="body")
        getattr(self, step.name)(step)
        if not self._hasty and step.name not in ("fire", "be_idle"):
            self.arrive(step)
        self.compare()

    # ---- what the client says

    def _word(self, how: str) -> str:
        self._numbers += 1
        return f"{how}{self._numbers}"

    def _say(self, octets: bytes, command: Command) -> None:
        self._outbox += octets
        self._unheard.append(command)

    def go_on(self, step: Step) -> None:
        """Whatever a client would say next that has got so far."""
        if self._outbox or self.model.waits:
            self.arrive(step)
        state = self.model.state
        if state == "RCPT":
            (self.data, self.data, self.bdat, self.rcpt)[step.number % 4](step)
        else:
            {"START": self.hello, "READY": self.mail, "MAIL": self.rcpt, "CHUNK": self.bdat}[state](step)

    def hello(self, step: Step) -> None:
        self._say(self._hello, Command("HELLO"))

    def mail(self, step: Step) -> None:
        answer, outcome, reset, _ = step.answers
        words = self._word(answer), f"{('read', 'early')[step.number % 2]}-{self._word(outcome)}", self._word(reset)
        self._say(f"MAIL FROM:<{'.'.join(words)}@example.com>\r\n".encode(), Command("MAIL", words))

    def rcpt(self, step: Step) -> None:
        answer, delivery, _, none = step.answers
        words = self._word(answer), self._word("none" if none == "never" else delivery)
        self._say(f"RCPT TO:<{'.'.join(words)}@example.com>\r\n".encode(), Command("RCPT", words))

    def bdat(self, step: Step) -> None:
        last = step.answers[0] == "ok"
        chunk = CHUNK[: step.number % MAX_MESSAGE]
        self._say(b"BDAT %d%s\r\n" % (len(chunk), b" LAST" * last) + chunk, Command("BDAT", (), len(chunk), last))

    def vrfy(self, step: Step) -> None:
        word = self._word(step.answers[0])
        self._say(f"VRFY {word}\r\n".encode(), Command("VRFY", (word,)))

    def auth(self, step: Step) -> None:
        word = self._word(step.answers[0])
        initial = base64.b64encode(f"\0{word}\0x".encode())
        self._say(b"AUTH PLAIN %s\r\n" % initial, Command("AUTH", (word,)))

    def what(self, step: Step) -> None:
        line, code = list(LINES.items())[step.number % len(LINES)]
        self._say(line + b"\r\n", Command("WHAT", (str(code),)))

    def short(self, step: Step) -> None:
        verb = ("NOOP", "RSET", "NOOP", "RSET", "QUIT")[step.number % 5]
        self._say(f"{verb}\r\n".encode(), Command(verb))

    def data(self, step: Step) -> None:
        if self._outbox or self.model.waits or self.model.closed or self.model.state != "RCPT":
            return  # where it would be refused, and the message be commands
        self._say(b"DATA\r\n", Command("DATA"))
        self._in_data = True

    def body(self, step: Step) -> None:
        line = b"..QUIT"[: step.number % 7]
        self._say((b"." if line else b"") + line + b"\r\n", Command("BODY", (), len(line) + 2))

    def dot(self, step: Step) -> None:
        if self._in_data:
            self._say(b".\r\n", Command("DOT"))
            self._in_data = False

    # ---- how it arrives, and what else happens

    def arrive(self, step: Step) -> None:
        octets, self._outbox = self._outbox, b""
        size = (1, 3, 1000)[step.number % 3]
        for at in range(0, len(octets), size):
            self.client.send(octets[at : at + size])
        unheard, self._unheard = self._unheard, []
        for command in unheard:
            self.model.hear(command)

    def fire(self, step: Step) -> None:
        words = [word for word, waiting in self.backend.waiting.items() if word.startswith("later")]
        if words:
            word = words[step.number % len(words)]
            waiting = self.backend.waiting.pop(word)
            if not waiting.called:
                waiting.callback(None)
                self.model.fire(word)

    def be_idle(self, step: Step) -> None:
        if step.number % 8 == 0:
            self.client.clock.advance(READ_TIMEOUT)
            self.model.be_idle()

    # ---- what must be true

    def compare(self) -> None:
        """The server has said what the model has, and stands where it does."""
        self.client.clock.advance(BREATH)  # what the server keeps for a moment
        for _ in range(MAX_FAILURES):
            self.client.clock.advance(0)  # refused logins are slowed by no time at all
        self._said += [line for line in self.client.replies() if line[3:4] != "-"]
        assert [int(line[:3]) for line in self._said] == [reply.code for reply in self.model.replies]
        for line, reply in zip(self._said, self.model.replies, strict=True):
            assert reply.needle in line
        assert self.client.closed is self.model.closed
        if not self.model.waits and not self.model.closed:
            assert self.client.protocol.dialog.state.name == self.model.state

    def end(self) -> list[Any]:
        """The client vanishes, the backend answers all the same; weak references to all that was of the connection."""
        protocol = self.client.protocol
        dialog = protocol.dialog
        transaction = dialog.transaction
        message = getattr(transaction, "message", None)  # it has one from DATA or BDAT on
        each = [protocol, dialog, dialog.connection, dialog.session, transaction, message]
        left = [weakref.ref(one) for one in each if one is not None and hasattr(one, "__weakref__")]
        self.client.hang_up()  # complains about timers
        for waiting in self.backend.waiting.values():
            if not waiting.called:
                waiting.callback(None)
        assert self.client.replies() == []
        assert sum(resets for resets, _ in self.backend.ended) == self.model.opened
        assert all(logouts == 1 for _, logouts in self.backend.ended)
        self.backend.waiting.clear()
        return left


kinds = st.sampled_from(["ok"] * 12 + [*KINDS])
anything = ["hello", "mail", "rcpt", "bdat", "vrfy", "auth", "what", "short", "arrive", "be_idle"]
names = st.sampled_from(["go_on"] * 16 + ["dot"] * 4 + ["fire"] * 5 + anything)
steps = st.builds(Step, names, st.tuples(kinds, kinds, kinds, kinds), st.integers(0, 10**6))


@settings(max_examples=250, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(steps, min_size=20, max_size=60), st.booleans(), kinds, st.booleans())
def test_any_talk(garbage, logged_failures, taken, lmtp, anonymous, hasty):
    talk = Talk(lmtp, anonymous, hasty)
    for step in taken:
        talk.take(step)
    left = talk.end()
    failures = logged_failures.flush()
    assert all(failure.check(BackendCrash, SMTPError) for failure in failures), failures
    backend, factory = talk.backend, talk.client.protocol.factory
    del failures, talk  # whose tracebacks, and whose protocol, keep everything
    gc.collect()
    assert backend.waiting == {}
    assert factory.connections == set()
    assert [each() for each in left] == [None] * len(left)
    gc.freeze()  # likewise
