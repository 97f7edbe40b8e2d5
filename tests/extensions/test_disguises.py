"""
No letter, digit, space or sign of another script stands for one of ASCII (RFC 5321 §2.4).

Each word of the protocol is tried with every character that becomes a part of it in upper case, in lower case, by
case folding or by compatibility (NFKC), or has the value of its digit.
"""

from __future__ import annotations

import sys
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from tests.extensions.rows import ROWS, Row
from tests.wire.replies import codes
from txsmtpx.dialog.client import ClientDialog
from txsmtpx.extensions import registry
from txsmtpx.extensions.registry import EXTENSIONS
from txsmtpx.extensions.smtp import COMMON, EHLO, HELO
from txsmtpx.grammar.option_value import OriginalRecipient
from txsmtpx.grammar.reply import Reply
from txsmtpx.testing import Conversation, RecordingBackend


def _disguises() -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    every = map(chr, range(0x80, sys.maxunicode + 1))
    for letter in (each for each in every if each.isprintable() or each.isspace()):
        forms = {letter.upper(), letter.lower(), letter.casefold(), unicodedata.normalize("NFKC", letter)}
        forms.add(str(unicodedata.digit(letter, "")))
        if letter.isspace():
            forms.add(" ")
        for form in {each.upper() for each in forms if each and each.isascii()}:
            found[form].append(letter)
    return found


DISGUISES = _disguises()


def disguised(text: str) -> Iterator[str]:
    """``text`` with a part of it, anywhere, in a disguise."""
    for length in (1, 2, 3):
        for at in range(len(text) - length + 1):
            for letter in DISGUISES.get(text[at : at + length].upper(), ()):
                yield text[:at] + letter + text[at + length :]


def test_the_disguises_are_those_that_are_known():
    assert {"LA\u017fT", "LA\ufb06"} <= set(disguised("LAST"))
    assert "8B\u0131TMIME" in set(disguised("8BITMIME"))
    assert "SUCCE\u00df" in set(disguised("SUCCESS"))
    assert "\u212aeep" in set(disguised("Keep"))
    assert {"SIZE=\u0661", "SIZE=\uff11", "SIZE\uff1d1"} <= set(disguised("SIZE=1"))
    assert "a\u00a0b" in set(disguised("a b"))


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_no_value_of_a_parameter(row: Row):
    parameter = next(each for each in (*row.extension.mail, *row.extension.rcpt) if each.keyword == row.keyword)
    tried = 0
    for text in row.good:
        for other in disguised(text.removeprefix("=")):
            tried += 1
            try:
                value = parameter.decode(other)
            except ValueError:
                continue
            # RFC 6533 §3: any text may stand in one of these; there it stays what it is.
            assert isinstance(value, OriginalRecipient)
            assert value.type.isascii()
            assert not value.address.isascii()
    assert tried > 20 or row.good == {"": True}


@pytest.fixture
def client() -> Iterator[Conversation]:
    backend = RecordingBackend({"user": "secret"})
    made = Conversation(backend, extensions=registry.EXTENSIONS, inside_tls=True, max_errors=0, max_auth_failures=9999,
                        trusted_networks=["192.168.1.0/24"])  # fmt: skip
    made.ask("EHLO client.example")
    yield made
    assert backend.messages == []
    made.hang_up()


VERBS = sorted(
    {verb.name for verb in (EHLO, HELO, *COMMON)} | {each.name for ext in registry.KNOWN for each in ext.verbs}
)


@pytest.mark.parametrize("verb", VERBS)
def test_no_verb(client: Conversation, verb: str):
    for other in disguised(verb):
        assert codes(client.ask(other)) == ["500"]


@pytest.mark.parametrize(
    "line",
    [
        "MAIL FROM:<me@example.com> SIZE=1 BODY=8BITMIME",
        "MAIL FROM:<me@example.com> REQUIRETLS",
        "AUTH PLAIN",
        "XCLIENT ADDR=192.0.2.1 PORT=25",
        "XCLIENT ADDR=IPV6:2001:db8::1 NAME=[UNAVAILABLE]",
        "XFORWARD ADDR=192.0.2.1 SOURCE=LOCAL",
        "HELP MAIL",
        "BDAT 0 LAST",
    ],
)
def test_no_line(client: Conversation, line: str):
    """Each is refused, but for the ASCII of an address, and for what is free text."""
    before = len(client.backend.calls)
    for other in disguised(line):
        at = next(index for index, letter in enumerate(other) if not letter.isascii())
        if client.closed:  # by a BDAT whose octets cannot be counted
            break
        if "@" in line and line.index("<") < at < line.index(">"):
            continue
        (said,) = client.ask(other)
        assert said[0] == "5", (other, said)
    assert len(client.backend.calls) == before


def test_no_wish_for_utf8(client: Conversation):
    for other in disguised("SMTPUTF8"):
        assert codes(client.ask(f"VRFY me {other}")) == ["553"]
    assert client.backend.calls == []


@pytest.mark.parametrize("argument", sorted(set(disguised("0 LAST"))), ids=ascii)
def test_no_last_chunk(argument: str):
    client = Conversation()
    client.ask("EHLO client.example", "MAIL FROM:<me@example.com>", "RCPT TO:<you@example.com>")
    assert codes(client.ask(f"BDAT {argument}")) == ["501"]
    assert client.closed
    client.hang_up()


@pytest.mark.parametrize("said", ["STARTTLS", "SIZE 1000", "PIPELINING", "SMTPUTF8", "CHUNKING", "8BITMIME"])
def test_no_keyword_of_a_server(said: str):
    """What a server offers is understood as little."""
    keyword = said.partition(" ")[0]
    for other in disguised(said):
        assert keyword not in learned(other)


def learned(line: str) -> Any:
    """What a client learns from ``line`` of an answer to EHLO."""
    wire: Any = object()  # nothing is sent
    dialog = ClientDialog(wire, EXTENSIONS)
    dialog.learn(Reply(250, None, "server.example", line), verified=True)
    return dialog.offer.extensions


def test_no_mechanism_and_no_limit_of_a_server():
    for other in disguised("AUTH PLAIN"):
        assert "PLAIN" not in learned(other).get("AUTH", ()), other
    for other in disguised("LIMITS RCPTMAX=10"):
        assert learned(other).get("LIMITS", {}) == {}, other
    for other in disguised("XCLIENT NAME"):
        assert "NAME" not in learned(other).get("XCLIENT", ()), other
