r"""
A dialog in a file, with the exact replies.

Such a file has this form::

    # Two recipients at most.
    set max_recipients 2
    on rcpt 550 5.1.1 Nobody here
    c <- 220 localhost ESMTP txsmtpx
    c -> HELO client.example
    c <- 250 localhost

* ``set NAME VALUE``: an argument of the factory
* ``user NAME PASSWORD``: a login; without any, AUTH is not advertised
* ``offer KEYWORD ...``: the extensions, in this order; by default those of the factory
* ``tls``: the server has a certificate, so STARTTLS is advertised
* ``inside tls``: TLS has been started already
* ``on METHOD OUTCOME``: the result of the next call of METHOD of the backend; after the last, it is ``ok``
* ``deliver OUTCOME``: in ``data``, the delivery to the next recipient; ``timeout SECONDS`` may precede the OUTCOME
* ``c -> TEXT``: a line of the client; its CRLF is added
* ``c => TEXT``: octets of the client, as they are
* ``c <- TEXT``: the next line of the server, exactly
* ``wait SECONDS``: the clock advances
* ``lose``: the connection is lost
* ``closed``: the server has closed the connection; without this, it must be open
* ``stored TEXT``: the next message that the backend has received

An OUTCOME is ``ok``, ``say TEXT`` (a ``str``), a reply (``550 5.1.1 Nobody here``), ``crash``, ``never``, or
``after SECONDS OUTCOME``.  With ``early`` before it, ``data`` does not read the message first.  ``deliver none`` is a
delivery that is never started.  A TEXT can have ``\r \n \0 \\ \xFF``, ``{a*100}`` for a hundred times "a",
``{base64:TEXT}``, and in replies ``{id}`` for a queue id.
"""

from __future__ import annotations

import ast
import base64
import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, Protocol, cast

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Clock, deferLater

from txsmtpx.backends.received import Received
from txsmtpx.errors import SMTPError
from txsmtpx.extensions.registry import EXTENSIONS
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import BackendLike, DataContext, Message, Outcome
from txsmtpx.testing.certificate import NoCertificate
from txsmtpx.testing.conversation import Conversation, Segments
from txsmtpx.testing.keywords import InMemoryServerKeywords
from txsmtpx.testing.recording import BackendCrash, RecordingBackend

Result = Callable[..., object]
"""What a method of the backend does: a function of its arguments."""


class StoringBackend(BackendLike, Protocol):
    """A backend whose messages can be looked at, such as `txsmtpx.MemoryBackend`."""

    @property
    def messages(self) -> Sequence[Received]:
        """The messages."""


class _Step(NamedTuple):
    number: int
    kind: str
    text: str


_STEP = re.compile(r"(c ->|c =>|c <-|set|user|offer|tls|inside tls|on|deliver|wait|lose|closed|stored)(?: (.*))?")
_WRITTEN = re.compile(rb"\\(r|n|0|\\|x[0-9A-Fa-f]{2})|\{(.)\*([0-9]+)\}|\{base64:([^}]*)\}")
_LETTERS = {b"r": b"\r", b"n": b"\n", b"0": b"\0", b"\\": b"\\"}


_EXTENSIONS = {extension.keyword: extension for extension in EXTENSIONS}


@lru_cache(1000)  # a transcript is played many times, with its octets cut in all ways
def _octets(text: str) -> bytes:
    """Return the octets of a TEXT."""

    def meant(match: re.Match[bytes]) -> bytes:
        letter, repeated, times, plain = match.groups()
        if letter:
            return _LETTERS.get(letter) or bytes([int(letter[1:], 16)])
        return repeated * int(times) if repeated else base64.b64encode(_octets(plain.decode()))

    return _WRITTEN.sub(meant, text.encode())


class Transcript:
    """
    A dialog in a file; see the module for its syntax.

    Args:
        text: The content of the file.
        name: The name of the file, for error messages.

    Attributes:
        octets: All octets of the client.
        crashes: True if a `BackendCrash` has to be in the log.

    Raises:
        ValueError: A line is malformed.
    """

    def __init__(self, text: str, name: str = "a transcript") -> None:
        self._name = name
        self._steps: list[_Step] = []
        for number, line in enumerate(text.splitlines(), 1):
            if line and not line.startswith("#"):
                match = _STEP.fullmatch(line)
                if match is None:
                    raise ValueError(f"{name}, line {number}: what is {line!r}?")
                self._steps.append(_Step(number, match[1], match[2] or ""))
        self.octets: bytes = b"".join(map(_said, self._steps))
        self.crashes: bool = any("crash" in step.text for step in self._steps if step.kind in ("on", "deliver"))

    @classmethod
    def read(cls, path: Path) -> Transcript:
        """
        Read a transcript from a file.

        Args:
            path: The file.

        Returns:
            The transcript.
        """
        return cls(path.read_text(encoding="utf-8"), path.name)

    def play(
        self,
        segments: Segments | None = None,
        conversation: Callable[..., Conversation] = Conversation,
        backend: StoringBackend | None = None,
    ) -> RecordingBackend:
        """
        Run it once.

        Args:
            segments: How the octets between two ``wait`` are cut; the client does not wait for replies then.  None: the
                client sends one line at a time, and waits.
            conversation: It returns the `Conversation`, and has the same arguments.
            backend: A backend to use instead of the one for ``user``, ``on`` and ``deliver``.  ``stored`` compares its
                ``messages``.

        Returns:
            The recording backend of the transcript.

        Raises:
            AssertionError: The server sends anything else.
            ValueError: The transcript has ``user``, ``on`` or ``deliver``, and ``backend`` is given.
        """
        play = _Play(self._all("user"), self._all("on"), self._all("deliver"))
        if backend is not None and any(step.kind in ("user", "on", "deliver") for step in self._steps):
            raise ValueError(f"{self._name}: user, on and deliver are for a backend of the transcript's own")
        backend = play.backend if backend is None else backend
        inside_tls = any(step.kind == "inside tls" for step in self._steps)
        client = conversation(backend, clock=play.clock, inside_tls=inside_tls, **self._settings())
        said = 0
        for steps in self._phases(by_line=segments is None):
            octets = b"".join(map(_said, steps))
            for segment in segments(octets, said) if segments is not None else [octets]:
                if segment:
                    client.send(segment)
            said += len(octets)
            self._compare(client, steps)
            for step in steps:
                if step.kind == "wait":
                    play.clock.advance(float(step.text))
                elif step.kind == "lose":
                    client.hang_up()
        self._compare(client, [])
        client.hang_up()
        stored = [repr(_octets(text)) for text in self._all("stored")]
        if stored or backend is play.backend:
            self._same("messages", stored, [repr(each.content) for each in backend.messages])
        return play.backend

    def _settings(self) -> InMemoryServerKeywords:
        """Return the settings of the server."""
        said = (text.split(" ", 1) for text in self._all("set"))
        settings = cast(InMemoryServerKeywords, {name: _value(value) for name, value in said})
        if any(step.kind == "tls" for step in self._steps):
            settings["tls"] = NoCertificate()
        for keywords in self._all("offer"):
            settings["extensions"] = [_EXTENSIONS[keyword] for keyword in keywords.split()]
        return settings

    def _all(self, kind: str) -> Iterator[str]:
        return (step.text for step in self._steps if step.kind == kind)

    def _phases(self, by_line: bool) -> Iterator[list[_Step]]:
        """Iterate over the steps between two points at which the client waits, for time to pass, or for replies too."""
        phase: list[_Step] = []
        for step in self._steps:
            if by_line and step.kind in ("c ->", "c =>") and phase:
                yield phase
                phase = []
            phase.append(step)
            if step.kind in ("wait", "lose"):
                yield phase
                phase = []
        if phase:
            yield phase

    def _compare(self, client: Conversation, steps: list[_Step]) -> None:
        expected = [_octets(step.text).decode() for step in steps if step.kind == "c <-"]
        line = steps[0].number if steps else "the end"
        said = client.replies()
        seen = [
            wanted if _pattern(wanted).fullmatch(reply) else reply
            for wanted, reply in zip(expected, said, strict=False)
        ]
        self._same(f"replies from line {line} on", expected, [*seen, *said[len(seen) :]])
        if steps:
            until = steps[-1].number
            closed = any(step.kind == "closed" and step.number <= until for step in self._steps)
            if client.closed is not closed:
                raise AssertionError(f"{self._name}, line {until}: closed is {client.closed}")

    def _same(self, what: str, expected: list[str], found: list[str]) -> None:
        if expected != found:
            difference = "\n".join(difflib.ndiff(expected, found))
            raise AssertionError(f"{self._name}, {what}, - as written, + as found:\n{difference}")


def _said(step: _Step) -> bytes:
    if step.kind == "c ->":
        return _octets(step.text) + b"\r\n"
    return _octets(step.text) if step.kind == "c =>" else b""


@lru_cache(1000)
def _pattern(expected: str) -> re.Pattern[str]:
    return re.compile(re.escape(expected).replace(re.escape("{id}"), "[0-9A-F]{12,}"))


def _value(text: str) -> object:
    try:
        return cast(object, ast.literal_eval(text))
    except (ValueError, SyntaxError):
        return text


class _Play:
    """The backend of one run of a transcript: outcomes as written, times by its clock."""

    def __init__(self, users: Iterable[str], outcomes: Iterable[str], deliveries: Iterable[str]) -> None:
        self.clock = Clock()
        self.backend = RecordingBackend(dict(user.split(" ", 1) for user in users))
        self._runs: list[str] = []
        self._deliveries = list(deliveries)
        for method, outcome in (text.split(" ", 1) for text in outcomes):
            if method == "data":
                self._runs.append(outcome)
            else:
                self.backend.outcomes.setdefault(method, []).append(self._outcome(outcome))
        self.backend.outcomes["data"] = self._data

    def _data(self, message: Message, context: DataContext) -> object:
        outcome = self._runs.pop(0) if self._runs else "ok"
        if outcome.startswith("early "):
            return self._outcome(outcome.removeprefix("early "))()
        return self._deliver(message, context, self._outcome(outcome))

    async def _deliver(self, message: Message, context: DataContext, outcome: Result) -> object:
        await self.backend.keep(message, context)
        for recipient in context.recipients[: len(self._deliveries)]:
            text = self._deliveries.pop(0)
            match = re.fullmatch(r"(?:timeout ([0-9.]+) )?(.*)", text)
            assert match is not None
            if text != "none":
                timeout = float(match[1]) if match[1] else None
                context.start_delivery(
                    recipient, cast(Deferred[Outcome], maybeDeferred(self._outcome(match[2]))), timeout
                )
        result = outcome()
        return await result if isinstance(result, Deferred) else result

    def _outcome(self, text: str) -> Result:
        """Return what a method of the backend does for an OUTCOME."""
        word, _, rest = text.partition(" ")
        if word == "after":
            seconds, _, rest = rest.partition(" ")
            return lambda *_: deferLater(self.clock, float(seconds), self._outcome(rest))
        if word == "never":
            return lambda *_: Deferred()
        given = _given(word, rest)

        def come(*_: object) -> object:
            if isinstance(given, Exception):
                raise given
            return given

        return come


def _given(word: str, rest: str) -> Reply | str | Exception | None:
    if word == "ok":
        return None
    if word == "say":
        return rest
    if word == "crash":
        return BackendCrash("a secret of the backend's")
    enhanced, _, text = rest.partition(" ")
    error = SMTPError(int(word), tuple(map(int, enhanced.split("."))), text)  # type: ignore[arg-type]
    return error if error.code >= 400 else error.reply
