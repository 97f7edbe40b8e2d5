"""
Attacks on a server: what a peer says that wants more than it may.

Each is octets, the codes of all the replies that they may get, and the messages that a backend may get of it.  Nearly
all end in a NOOP: its 250 says that the server still knows where a command begins.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from txsmtpx.extensions.chunking import THROWN_AWAY

HELLO = b"EHLO a.example\r\n"
MAIL = HELLO + b"MAIL FROM:<me@example.com>\r\n"
RCPT = MAIL + b"RCPT TO:<you@example.com>\r\n"
DATA = RCPT + b"DATA\r\n"
CHUNK = RCPT + b"BDAT 2\r\n\r\n"

STATES = {"fresh": b"", "hello": HELLO, "mail": MAIL, "rcpt": RCPT, "chunk": CHUNK}
"""What brings a session where; each line of it, and the chunk, has one reply of 250."""

NOOP = b"NOOP\r\n"
EVIL = b"RSET\r\nMAIL FROM:<evil@example.com>\r\nRCPT TO:<victim@example.com>\r\nDATA\r\nevil\r\n.\r\n"
"""What must not be heard where it is no command."""

CONTROLS = [b"\0", b"\r", b"\x0b", b"\x1b", b"\x7f", b"\xc2\x85"]
BEYOND_ASCII = [b"\x80", b"\xff", b"\xc3", b"\xc3\xbc", b"\xed\xa0\x80", b"\xe2\x80\xa8"]


def _is_utf8(octets: bytes) -> bool:
    return octets.decode("utf-8", "replace").encode() == octets


@dataclass(frozen=True)
class Attack:
    """
    One of them.

    Attributes:
        codes: Of the replies, from the greeting on; "closed" at the end where the server hangs up.
        messages: What the backend may get.
        settings: Of the server.
        core: Where it is, between what brings the session into a state and what must not be heard then; None for all.
    """

    name: str
    octets: bytes
    codes: str
    messages: tuple[bytes, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    core: range | None = None


def said_so_far(octets: bytes) -> str:
    """The codes of the replies that one of ``STATES`` has got."""
    lines = octets.count(b"\r\n") - octets.count(b"BDAT")
    return " ".join(["220", *["250"] * lines])


def _in_each_state(
    name: str, core: bytes, codes: Mapping[str, str] | str, then: bytes = b"", **more: Any
) -> Iterator[Attack]:
    """
    ``core`` and ``then`` said in each state.

    Args:
        codes: Of the replies to them; by state where it matters, "" for the others.
    """
    for state, start in STATES.items():
        answers = codes if isinstance(codes, str) else codes.get(state, codes[""])
        all_codes = f"{said_so_far(start)} {answers}".rstrip()
        octets, place = start + core + then, range(max(len(start), 1), len(start + core))
        yield Attack(f"{name}: {state}", octets, all_codes, core=place, **more)


_SIZES = [b"", b" ", b" -1", b" +5", b" 0x5", b" 5 5", b" 5 LASTING", b" LAST", b" 1e3", b" 5,", b" five", b" 9" * 9]
_SIZES += [b" " + b"9" * 20, " \N{ARABIC-INDIC DIGIT FIVE}".encode(), " \N{SUPERSCRIPT TWO}".encode()]


def chunks() -> Iterator[Attack]:
    """BDAT whose size is wrong, negative, missing or huge (RFC 3030 §2): what follows is not understood any more."""
    unwanted = {"fresh": "503 closed", "hello": "503 closed", "mail": "503 closed", "": "501 closed"}
    for size in _SIZES:
        yield from _in_each_state(f"BDAT{size.decode()}", b"BDAT" + size + b"\r\n", unwanted, EVIL + NOOP)
    for octet in (*CONTROLS, b"\x80", b"\xff"):
        yield from _in_each_state(f"BDAT {octet!r}", b"BDAT 5" + octet + b" \r\n", "501 closed", EVIL)
    yield from _in_each_state("an over-long BDAT", b"BDAT 5" + b" " * 2000 + b"\r\n", "500 closed", EVIL)
    limit, more = {"max_message_bytes": 1000}, 1000 + THROWN_AWAY
    unread = {"fresh": "503 closed", "hello": "503 closed", "mail": "503 closed", "": "552 closed"}
    for size in (b"9999999999999999999", b"%d" % (more + 1)):
        for last in (b"", b" LAST"):
            line = b"BDAT " + size + last + b"\r\n"
            yield from _in_each_state(f"a huge chunk, {line!r}", line, unread, EVIL + NOOP, settings=limit)
    unlimited = {"max_message_bytes": 0}
    yield from _in_each_state("no limit", b"BDAT 9999999999999999999\r\n", "", EVIL, settings=unlimited)
    yield from _in_each_state("a big chunk", b"BDAT %d\r\n" % more, "", EVIL + NOOP, settings=limit)
    rejected = {"bare_newlines": "reject"}
    yield from _in_each_state("BDAT, and a bare LF", b"BDAT 6\n", "500 closed", EVIL, settings=rejected)


def refused_chunks() -> Iterator[Attack]:
    """Chunks that nobody wants, or not so: their octets are never commands (guarantee 3)."""
    for last in (b"", b" LAST", b" last"):
        for state, start in STATES.items():
            wanted, begun = state in ("rcpt", "chunk"), b"\r\n" if state == "chunk" else b""
            octets = start + b"BDAT %d%s\r\n" % (len(EVIL), last) + EVIL + NOOP
            codes = f"{said_so_far(start)} {250 if wanted else 503} 250"
            messages = (begun + EVIL,) if wanted and last else ()
            yield Attack(f"commands in a chunk{last.decode()}: {state}", octets, codes, messages)
    begun = said_so_far(RCPT)
    too_big = b"BDAT %d\r\n" % len(EVIL) + EVIL + b"BDAT 1 LAST\r\nx" + NOOP
    yield Attack("a chunk too big", RCPT + too_big, f"{begun} 552 552 250", settings={"max_message_bytes": 9})
    yield Attack("a chunk again", RCPT + b"BDAT 5 LAST\r\nQUIT\r" * 2 + NOOP, f"{begun} 250 503 250", (b"QUIT\r",))
    nothing = b"BDAT 0\r\n" * 3 + b"BDAT 0 LAST\r\n" + NOOP
    yield Attack("chunks of nothing", RCPT + nothing, f"{begun} 250 250 250 250 250", (b"",))
    yield Attack("too small a size", RCPT + b"BDAT 1 LAST\r\nxyz\r\n" + NOOP, f"{begun} 250 500 250", (b"x",))
    swallowed = b"BDAT 14 LAST\r\nx\r\n" + NOOP * 3
    yield Attack("too big a size", RCPT + swallowed, f"{begun} 250 500 250", (b"x\r\nNOOP\r\nNOOP\r",))
    for command in (b"DATA\r\n", b"RCPT TO:<v@example.com>\r\n", b"MAIL FROM:<>\r\n", b"AUTH PLAIN\r\n"):
        yield Attack(f"{command[:4]!r} within chunks", CHUNK + command + NOOP, f"{begun} 250 503 250")
    yield Attack("RSET within chunks", CHUNK + b"RSET\r\nBDAT 6 LAST\r\nQUIT\r\n" + NOOP, f"{begun} 250 250 503 250")


def lines() -> Iterator[Attack]:
    """Over-long lines, and control octets and octets beyond ASCII, in every state (guarantees 4 and 5)."""
    for size, codes in ((1992, "250 250"), (1993, "500 250"), (5000, "500 250")):
        yield from _in_each_state(f"a line of {size + 8}", b"NOOP x" + b"x" * size + b"\r\n" + NOOP, codes)
    yield from _in_each_state("an over-long line with a CR", b"NOOP " + b"x" * 2000 + b"\rQUIT\r\n" + NOOP, "500 250")
    yield from _in_each_state("an over-long line with a NUL", b"x" * 3000 + b"\0" * 3000 + b"\r\n" + NOOP, "500 250")
    yield from _in_each_state("an over-long line that ends bare", b"x" * 2001 + b"\n" + NOOP, "500 250")
    for octet in CONTROLS:
        yield from _in_each_state(f"{octet!r} in a line", b"NOOP " + octet + b"QUIT\r\n" + NOOP, "501 250")
        yield from _in_each_state(f"{octet!r} before a line", octet + b"QUIT\r\n" + NOOP, "501 250")
        yield from _in_each_state(f"{octet!r} behind a line", b"QUIT" + octet + b" \r\n" + NOOP, "501 250")
    for octet in BEYOND_ASCII:
        good = _is_utf8(octet)
        yield from _in_each_state(
            f"{octet!r} in a line", b"NOOP " + octet + b"\r\n" + NOOP, "250 250" if good else "501 250"
        )
        yield from _in_each_state(
            f"{octet!r} in a verb", b"NOO" + octet + b"P\r\n" + NOOP, "500 250" if good else "501 250"
        )
    for policy, code in (("normalize", "250"), ("accept", "501"), ("reject", "501")):
        for crs in (b"\r", b"\r\r\r\r"):
            octets = b"NOOP" + crs + b"\r\nNOOP\rQUIT" + crs + b"\r\n" + NOOP
            name, settings = f"{crs!r} before the line end, {policy}", {"bare_newlines": policy}
            yield from _in_each_state(name, octets, f"{code} 501 250", settings=settings)
    for policy, codes in (("normalize", "250 250"), ("accept", "250 250"), ("reject", "500 250")):
        settings = {"bare_newlines": policy}
        yield from _in_each_state(f"a bare LF, {policy}", b"NOOP\n" + NOOP, codes, settings=settings)


def _base64(*words: bytes) -> bytes:
    return base64.b64encode(b"\0".join(words))


RIGHT = _base64(b"", b"user", b"secret")
WRONG = _base64(b"", b"user", b"wrong")

_EXCHANGES = [
    ("PLAIN cancelled", b"AUTH PLAIN\r\n*", "334 501"),
    ("LOGIN cancelled", b"AUTH LOGIN dXNlcg==\r\n*", "334 501"),
    ("LOGIN cancelled half-way", b"AUTH LOGIN\r\ndXNlcg==\r\n*", "334 334 501"),
    ("a command for a response", b"AUTH PLAIN\r\nRSET", "334 501"),
    ("commands for responses", b"AUTH LOGIN\r\nRSET\r\nQUIT", "334 334 535"),  # both of them are base64
    ("nothing for a response", b"AUTH PLAIN\r\n", "334 501"),
    ("base64 cut short", b"AUTH PLAIN\r\n" + RIGHT[:-1], "334 501"),
    ("base64 in two words", b"AUTH PLAIN " + RIGHT[:8] + b" " + RIGHT[8:], "501"),
    ("base64 and a command", b"AUTH PLAIN " + RIGHT + b" RSET", "501"),
    ("base64 with padding behind its end", b"AUTH PLAIN\r\n" + RIGHT + b"====", "334 501"),
    ("wrong, then right", b"AUTH PLAIN " + WRONG + b"\r\nAUTH PLAIN " + RIGHT, "535 235"),
    ("right, then wrong", b"AUTH PLAIN " + RIGHT + b"\r\nAUTH PLAIN " + WRONG, "235 503"),
    ("begun twice", b"AUTH PLAIN\r\nAUTH PLAIN", "334 501"),
    ("an unknown mechanism", b"AUTH GSSAPI\r\n*", "504 500"),
    ("as long as it may be", b"AUTH PLAIN\r\n" + b"A" * 12284 + b"==", "334 501"),
    ("too long", b"AUTH PLAIN\r\n" + b"A" * 12287, "334 500"),
    ("far too long", b"AUTH PLAIN\r\n" + b"A" * 20000 + b"\rQUIT", "334 500"),
]


def logins() -> Iterator[Attack]:
    """AUTH exchanges that are cut, cancelled, repeated, over-long, or hold what is no base64 (RFC 4954 §4)."""
    clear = {"allow_insecure_auth": True, "auth_failure_delay": 0.5}
    exchanges = list(_EXCHANGES)
    for octet in (*CONTROLS, *BEYOND_ASCII):
        exchanges.append((f"{octet!r} in a response", b"AUTH PLAIN\r\n" + octet + RIGHT, "334 501"))
        exchanges.append((f"{octet!r} in an initial response", b"AUTH PLAIN " + RIGHT + octet + RIGHT, "501"))
    exchanges.append(("CR CR LF", b"AUTH PLAIN\r\r\n" + RIGHT + b"\r", "334 235"))
    for name, octets, codes in exchanges:
        yield Attack(f"AUTH: {name}", HELLO + octets + b"\r\n" + NOOP, f"220 250 {codes} 250", settings=clear)
    guesses = (b"AUTH PLAIN " + WRONG + b"\r\n") * 3
    yield Attack("guessing", HELLO + guesses + NOOP, "220 250 535 535 535 421 closed", settings=clear)
    bare = HELLO + b"AUTH PLAIN\r\n" + RIGHT + b"\n" + NOOP
    rejected = clear | {"bare_newlines": "reject"}
    yield Attack("a bare LF in an exchange", bare, "220 250 334 500 250", settings=rejected)
    late = MAIL + b"AUTH PLAIN\r\n*\r\n" + NOOP
    yield Attack("AUTH in a transaction", late, "220 250 250 503 500 250", settings=clear)
    yield Attack("AUTH before hello", b"AUTH PLAIN " + RIGHT + b"\r\n" + NOOP, "220 503 250", settings=clear)


def messages() -> Iterator[Attack]:
    """Messages that are refused are read to their end (guarantee 3); commands in them are none."""
    stored = b"a\r\n" + EVIL
    evil = DATA + stored.replace(b"\r\n.", b"\r\n..") + b".\r\n" + NOOP
    begun = "220 250 250 250 354"
    just, less = {"max_message_bytes": len(stored)}, {"max_message_bytes": len(stored) - 1}
    yield Attack("commands in a message", evil, f"{begun} 250 250", (stored,))
    yield Attack("a message as big as it may be", evil, f"{begun} 250 250", (stored,), just)
    yield Attack("a message too big", evil, f"{begun} 552 250", settings=less)
    bare = DATA + b"a\nb\r\n.\r\n" + NOOP
    yield Attack("a bare LF in a message", bare, f"{begun} 550 250", settings={"bare_newlines": "reject"})
    endless = b"x" * 9000 + b"\r\n"
    yield Attack("a line without end", DATA + endless + b".\r\n" + NOOP, f"{begun} 250 250", (endless,))
    yield Attack("an end and no more", DATA + b".\r\n.\r\n" + NOOP, f"{begun} 250 500 250", (b"",))
    octets = b"\0\xff\x80\r\n\0.\r\n.\0\r\n"
    yield Attack("any octets", DATA + octets + b".\r\n" + NOOP, f"{begun} 250 250", (octets.replace(b"\n.", b"\n"),))
    yield Attack("DATA refused", MAIL + b"DATA\r\n" + NOOP + b".\r\n" + NOOP, "220 250 250 503 250 500 250")
    yield Attack("QUIT and more", RCPT + b"QUIT\r\n" + EVIL, "220 250 250 250 221 closed")
    lmtp = {"lmtp": True, "max_message_bytes": 9}
    start = RCPT.replace(b"EHLO", b"LHLO") + b"RCPT TO:<you@example.com>\r\n"
    too_big = start + evil.removeprefix(RCPT)
    yield Attack("a message too big, in LMTP", too_big, "220 250 250 250 250 354 552 552 250", settings=lmtp)
    too_big = start + b"BDAT 30\r\n" + EVIL[:30] + b"BDAT 6 LAST\r\nRSET\r\n" + NOOP
    yield Attack("a chunk too big, in LMTP", too_big, "220 250 250 250 250 552 552 552 250", settings=lmtp)
    for last, codes in ((b"", "552 closed"), (b" LAST", "552 552 closed")):
        huge = start + b"BDAT 99999999999%s\r\n" % last + EVIL
        yield Attack(f"a huge chunk{last.decode()}, in LMTP", huge, f"220 250 250 250 250 {codes}", settings=lmtp)


FAMILIES = {
    "chunks": list(chunks()),
    "refused chunks": list(refused_chunks()),
    "lines": list(lines()),
    "logins": list(logins()),
    "messages": list(messages()),
}
