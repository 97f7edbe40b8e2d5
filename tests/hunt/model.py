"""
A simple model of a server: RFC 5321 §4.1.4, RFC 3030, RFC 2033, RFC 4954, as far as its replies go.

What a backend answers is a word: how it comes out, and a number that makes it another word than all the others.  A
"later" one comes when the test fires it, a "never" one not at all.  The words stand in the commands, so the model needs
no backend: it is a generator that takes commands off a queue and yields where it must wait.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Generator
from typing import NamedTuple

KINDS = ("ok", "no", "crash", "later", "laterno", "latercrash", "never")

MAX_MESSAGE = 20
"""Octets."""

MAX_FAILURES = 3
"""Logins."""

_CODES = {"ok": 250, "no": 550, "crash": 451}

Waiting = Generator[None, None, None]


class Said(NamedTuple):
    """A reply: its code, and something that stands in its text."""

    code: int
    needle: str = ""


class Command(NamedTuple):
    """
    What the client says.

    Attributes:
        verb: In capitals; "WHAT" for lines that are no command, "BODY" and "DOT" for what follows DATA.
        words: Those that the backend needs: of MAIL its own, those of the message and of the reset; of RCPT its own
            and that of the delivery.  Of what is no command the code of its answer.
        octets: Of a message, how many.
        last: Of a BDAT.
    """

    verb: str
    words: tuple[str, ...] = ()
    octets: int = 0
    last: bool = False


def kind(word: str) -> str:
    """How ``word`` comes out: "ok", "no" or "crash"."""
    return word.rstrip("0123456789").removeprefix("later") or "ok"


class Model:
    """
    A server.

    Attributes:
        replies: All that it has said.
        state: As the server calls it.
        opened: How many transactions were.
        waits: Whether it waits for its backend.
        closed: Whether it has hung up.
    """

    def __init__(self, lmtp: bool, anonymous: str) -> None:
        """
        Args:
            anonymous: The kind of word that ``anonymous_login`` comes to; they are numbered from 1001 on.
        """
        self.replies = [Said(220)]
        self.state = "START"
        self.opened = 0
        self.waits = self.closed = False
        self._lmtp = lmtp
        self._anonymous = anonymous
        self._logins = 1000
        self._failures = 0
        self._session = self._authenticated = False
        self._fired: list[str] = []
        self._queue: deque[Command] = deque()
        self._forget()
        self._running = self._run()
        next(self._running)

    def hear(self, command: Command) -> None:
        """The client says it."""
        self._queue.append(command)
        self._go_on()

    def fire(self, word: str) -> None:
        """A word of the backend's comes out."""
        self._fired.append(word)
        self._go_on()

    def be_idle(self) -> None:
        """The client says nothing for too long, which counts where it is waited for."""
        if not self.waits and not self.closed:
            self._say(421)
            self.closed = True

    def _go_on(self) -> None:
        if not self.closed:
            self.waits = False
            next(self._running)

    def _run(self) -> Waiting:
        while True:
            while self._queue and not self.closed:
                command = self._queue.popleft()
                yield from getattr(self, f"_hear_{command.verb.lower()}")(command)
            yield

    # ---- words

    def _when(self, word: str) -> float:
        """When ``word`` came out: -1 at once, infinity not yet."""
        if not word.startswith(("later", "never")):
            return -1
        return self._fired.index(word) if word in self._fired else math.inf

    def _come(self, word: str) -> Generator[None, None, str]:
        while self._when(word) == math.inf:
            self.waits = True
            yield
        return kind(word)

    def _say(self, code: int, needle: str = "") -> None:
        self.replies.append(Said(code, needle))

    def _answer(self, word: str) -> Generator[None, None, bool]:
        """Say what the backend answers; whether it is a yes."""
        came = yield from self._come(word)
        self._say(_CODES[came], "Local error" if came == "crash" else word)
        return came == "ok"

    # ---- commands

    def _forget(self) -> None:
        self._envelope: tuple[str, ...] = ()
        self._recipients: list[str] = []
        self._size = 0

    def _end(self) -> Waiting:
        """The transaction is over; the backend's reset may take its time."""
        if self.state != "START":
            self.state = "READY"
        envelope = self._envelope
        self._forget()
        if envelope:
            yield from self._come(envelope[2])

    def _with_session(self) -> Generator[None, None, bool]:
        """The session of nobody, where there is none."""
        if not self._session:
            self._logins += 1
            came = yield from self._come(f"{self._anonymous}{self._logins}")
            self._session = came == "ok"
            if not self._session:
                self._say(_CODES[came])
        return self._session

    def _hear_hello(self, command: Command) -> Waiting:
        yield from self._end()
        self.state = "READY"
        self._say(250)

    def _hear_mail(self, command: Command) -> Waiting:
        if self.state != "READY":
            self._say(503)
        elif (yield from self._with_session()) and (yield from self._answer(command.words[0])):
            self.state, self._envelope = "MAIL", command.words
            self.opened += 1

    def _hear_rcpt(self, command: Command) -> Waiting:
        if self.state not in ("MAIL", "RCPT"):
            self._say(503)
        elif (yield from self._answer(command.words[0])):
            self.state = "RCPT"
            self._recipients.append(command.words[1])

    def _hear_data(self, command: Command) -> Waiting:
        self._say(354)  # the test says it nowhere else
        yield from ()

    def _hear_body(self, command: Command) -> Waiting:
        self._size += command.octets
        yield from ()

    def _hear_dot(self, command: Command) -> Waiting:
        yield from self._finish()

    def _hear_bdat(self, command: Command) -> Waiting:
        if self.state not in ("RCPT", "CHUNK"):
            self._say(503)
            return
        self.state = "CHUNK"
        self._size += command.octets
        how, _, word = self._envelope[1].partition("-")
        if command.last:
            yield from self._finish()
        elif self._size > MAX_MESSAGE:
            self._say(552)
        elif how == "early" and kind(word) != "ok" and self._when(word) < math.inf:
            yield from self._answer(word)
        else:
            self._say(250, "octets received")

    def _hear_rset(self, command: Command) -> Waiting:
        yield from self._end()
        self._say(250)

    def _hear_noop(self, command: Command) -> Waiting:
        self._say(250, "2.0.0 Ok")
        yield from ()

    def _hear_vrfy(self, command: Command) -> Waiting:
        if (yield from self._with_session()):
            yield from self._answer(command.words[0])

    def _hear_what(self, command: Command) -> Waiting:
        self._say(int(command.words[0]))
        yield from ()

    def _hear_auth(self, command: Command) -> Waiting:
        if self.state != "READY" or self._authenticated:
            self._say(503)
            return
        came = yield from self._come(command.words[0])
        self._say({"ok": 235, "no": 535, "crash": 451}[came])
        self._authenticated = came == "ok"
        self._session = self._session or self._authenticated
        self._failures += came == "no"
        if self._failures == MAX_FAILURES and came == "no":
            self._say(421)
            self.closed = True

    def _hear_quit(self, command: Command) -> Waiting:
        self._say(221)
        self.closed = True
        yield from ()

    # ---- the end of a message

    def _finish(self) -> Waiting:
        how, _, word = self._envelope[1].partition("-")
        if self._size > MAX_MESSAGE:
            for _ in self._recipients if self._lmtp else [""]:
                self._say(552)
        elif self._lmtp:
            for delivery in self._recipients:
                yield from self._finish_one(delivery, how, word)
            yield from self._come(word)  # no reply waits for it, but what comes next does
        else:
            yield from self._answer(word)
        yield from self._end()

    def _finish_one(self, delivery: str, how: str, word: str) -> Waiting:
        """LMTP's reply for a recipient: his own outcome, unless the message's came before it or there is none."""
        while True:
            over, done = self._when(word), self._when(delivery)
            if how == "early" or delivery.startswith("none") or (kind(word) != "ok" and over < done):
                decides, when = word, over
            else:
                decides, when = delivery, done
            if when < math.inf:
                yield from self._answer(decides)
                return
            self.waits = True
            yield
