"""
Servers that lie to a client: replies that are none, that nobody asked for, that come too early, that do not end.

What a client must make of them is said by the step that is the first to fail, and with what; ``None`` where none need.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

OFFERS = {
    "waiting": ["AUTH PLAIN LOGIN"],
    "pipelining": ["PIPELINING", "AUTH PLAIN LOGIN", "SIZE 1000"],
    "chunking": ["PIPELINING", "CHUNKING", "AUTH PLAIN LOGIN"],
}
"""Three servers, to which a client talks in three ways."""

INJECTED = [
    b"250 2.0.0 extra\r\n",
    b"550 5.0.0 extra\r\n",
    b"220 extra\r\n",
    b"354 extra\r\n",
    b"235 2.7.0 extra\r\n",
    b"2",
    b"\r\n",
    b"\n",
    b"\0",
    b"250 2.0.0 extra\r\n" * 8,
]
"""What stands behind an answer: replies, a part of one, and no reply at all."""


@dataclass(frozen=True)
class Lie:
    """
    One of them.

    Attributes:
        answers: Of a `ScriptedServer`.
        fails: The step that is the first to fail, and with what; None for none.
        offers: To which client: the servers of ``OFFERS`` talk it into different ways.
    """

    name: str
    answers: Mapping[str, Any]
    fails: str | None = None
    offers: str = "waiting"


_GREETINGS = [
    (b"220 a\r\n", None),
    (b"220\r\n", None),
    (b"220-a\r\n220 b\r\n", None),
    (b"220 a\n", None),
    (b"220 \0\xff\x80\r\n", None),
    (b"220 a\r\r\n", None),
    (b"220-a\r\n221 b\r\n", "greeting ProtocolError"),
    (b"2200 a\r\n", "greeting ProtocolError"),
    (b"\r\n220 a\r\n", "greeting ProtocolError"),
    (b"\0220 a\r\n", "greeting ProtocolError"),
    (b" 220 a\r\n", "greeting ProtocolError"),
    (b"199 a\r\n", "greeting ProtocolError"),
    (b"334 a\r\n", "greeting ProtocolError"),
    (b"354 a\r\n", "greeting ProtocolError"),
    (b"421 4.3.2 no\r\n", "greeting SMTPError"),
    (b"220 " + b"x" * 9000, "greeting ProtocolError"),
    (b"220-a\r\n" * 1001, "greeting ProtocolError"),
    (b"HTTP/1.1 400 Bad Request\r\n\r\n", "greeting ProtocolError"),
    (b"\x15\x03\x01\x00\x02\x02\x46", "greeting TimeoutError"),
]

_HELLOS = [
    (b"250 a\r\n", "authenticate NotOffered"),
    (b"250-a\r\n250-AUTH PLAIN\r\n250-auth=LOGIN\r\n250 X\r\n", None),
    (b"250-a\n250 AUTH PLAIN\n", None),
    (b"250-a\r\n250-SIZE ten\r\n250-SIZE \0\r\n250-\r\n250 AUTH PLAIN\r\n", None),
    (b"250-a\r\n250-\xff\x80\0 \x1b\r\n250 AUTH PLAIN\r\n", None),
    (b"250-a\r\n250-SIZE 2\r\n250 AUTH PLAIN\r\n", "send MessageTooBig"),
    (b"250-a\r\n251 b\r\n", "hello ProtocolError"),
    (b"250-a\r\nAUTH PLAIN\r\n", "hello ProtocolError"),
    (b"354 a\r\n", "hello ProtocolError"),
    (b"334 a\r\n", "hello ProtocolError"),
    (b"550 5.0.0 no\r\n", "authenticate NotOffered"),
    (b"552 5.0.0 no\r\n", "hello SMTPError"),
    (b"250-a\r\n" * 1001, "hello ProtocolError"),
]

_CHALLENGES = [
    (b"334 \r\n", None),  # who wants to hear it again does, and then says 250
    (b"334\r\n", None),
    (b"334 %%%\r\n", "authenticate ProtocolError"),
    (b"334 \xff\r\n", "authenticate ProtocolError"),
    (b"334-\r\n334 \r\n", "authenticate ProtocolError"),
    (b"535 5.7.8 no\r\n", "authenticate SMTPError"),
    (b"354 go\r\n", "authenticate ProtocolError"),
    (b"235 2.7.0\r\n", None),
]

_ENDS = [
    (b"354 go\r\n", "send ProtocolError"),
    (b"334 go\r\n", "send ProtocolError"),
    (b"552-5.3.4 too\r\n552 5.3.4 big\r\n", "send SMTPError"),
    (b"452 4.3.1 full\r\n", "send SMTPError"),
    (b"353 go on\r\n", "send TimeoutError"),  # PRDR, whose replies never come
    (b"2500 a\r\n", "send ProtocolError"),
    (b"250\r\n", None),
]

_USUAL = {
    "GREETING": b"220 a\r\n",
    "EHLO": b"250-a\r\n250 AUTH PLAIN\r\n",
    "AUTH": b"235 2.7.0 ok\r\n",
    "MAIL": b"250 2.1.0 ok\r\n",
    "RCPT": b"250 2.1.5 ok\r\n",
    "DATA": b"354 go on\r\n",
    "END": b"250 2.0.0 ok\r\n",
    "NOOP": b"250 2.0.0 ok\r\n",
}


def _lies() -> Iterator[Lie]:
    rows = {"GREETING": _GREETINGS, "EHLO": _HELLOS, "AUTH": _CHALLENGES, "END": _ENDS}
    for verb, answers in rows.items():
        for octets, fails in answers:
            yield Lie(f"{verb} {octets[:24]!r} {len(octets)}", {verb: octets}, fails)


LIES = list(_lies())


def injections() -> Iterator[Lie]:
    """More than was asked for, behind each answer; none of it must leave a client that goes on as if nothing were."""
    for offers in OFFERS:
        for verb, usual in _USUAL.items():
            if offers == "chunking" and verb == "DATA":
                continue  # which is not said there
            for octets in INJECTED:
                yield Lie(f"{offers}: {verb} {octets!r}", {verb: [usual + octets]}, offers=offers)
