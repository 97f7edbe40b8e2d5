"""
Two relays in a row, both ``twistd smtpx``, before Dovecot's LMTP, and before a server that takes no 8-bit octets.

Dovecot offers 8BITMIME and no SMTPUTF8.  So what came with SMTPUTF8 and does not need it is delivered, octet for octet,
and what needs it is refused to the client.
"""

from __future__ import annotations

import re
import smtplib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.interop.clients import SENDER
from tests.interop.conftest import need
from tests.interop.messages import message
from tests.interop.receivers import LMTPReceiver, smtp_sink
from tests.interop.test_relay_between import LMTP_DOMAIN, Relay, relay
from tests.maildir import stored
from tests.waiting import eventually

UMLAUT_DOMAIN = "bücher.test"
A_LABEL = "xn--bcher-kva.test"
BOTH = ["SMTPUTF8", "BODY=8BITMIME"]

Room = Callable[[str], Path]


class Row(NamedTuple):
    """The relay that the client talks to, and the one behind it."""

    first: Relay
    second: Relay


@pytest.fixture(scope="module")
def to_dovecot(room: Room, dovecot_receiver: LMTPReceiver) -> Iterator[Row]:
    umlaut = f"--relay-domain={UMLAUT_DOMAIN}"
    last = f"lmtp:unix:{dovecot_receiver.socket}"
    with relay(room("second-relay"), last, umlaut, domain=LMTP_DOMAIN) as second:
        next_server = f"relay:tcp:127.0.0.1:{second.port}"
        with relay(room("first-relay"), next_server, umlaut, domain=LMTP_DOMAIN) as first:
            yield Row(first, second)


def send(row: Row, octets: bytes, recipient: str, options: list[str], sender: str = SENDER) -> tuple[int, str]:
    """The last reply to a message by smtplib, which knows nothing of ours."""
    with smtplib.SMTP("127.0.0.1", row.first.port, timeout=30) as client:
        client.ehlo()
        client.command_encoding = "utf-8" if "SMTPUTF8" in options else "ascii"
        client.mail(sender, options)
        code, text = client.rcpt(recipient)
        if code == 250:
            code, text = client.data(octets)
    return code, text.decode()


def mails_of_the_first(row: Row) -> list[str]:
    """The options of each MAIL of the first relay to the second."""
    return re.findall(r"C: MAIL FROM:<\S+>(.*)", row.second.program.text)


LONG = b"".join(b"%08d Gr\xc3\xbc\xc3\x9fe\r\n" % number for number in range(200_000))

HEADER = message("two-header@client.test").replace(b"Subject: Hello", "Subject: Grüße".encode())

BODIES = {"small": b"", "long": LONG}


@pytest.mark.parametrize("size", BODIES)
@pytest.mark.parametrize("options", [BOTH, BOTH[:1], BOTH[1:], []], ids=" ".join)
def test_a_message_whose_header_is_ascii_arrives(
    to_dovecot: Row, dovecot_receiver: LMTPReceiver, options: list[str], size: str
) -> None:
    sent = message(f"two-{size}-{len(options)}-{''.join(options)[:1]}@client.test") + BODIES[size]
    before = len(mails_of_the_first(to_dovecot))
    assert send(to_dovecot, sent, f"alice@{LMTP_DOMAIN}", options)[0] == 250
    trace = dovecot_receiver.stored("alice", sent).decode("ascii")
    utf8 = "UTF8SMTP" if "SMTPUTF8" in options else "ESMTP"
    assert trace.count("Received: ") >= 2
    assert len(re.findall(rf" with {utf8} id ", trace)) == 2
    (sent_options,) = eventually(lambda: mails_of_the_first(to_dovecot)[before:])  # the log is written in batches
    assert {word for word in sent_options.split() if not word.startswith("SIZE")} == set(options)


def test_a_domain_alone_arrives(to_dovecot: Row, dovecot_receiver: LMTPReceiver) -> None:
    """As its A-label, in the trace fields too."""
    sent = message("two-domain@client.test")
    assert send(to_dovecot, sent, f"bob@{UMLAUT_DOMAIN}", BOTH, f"sender@{UMLAUT_DOMAIN}")[0] == 250
    trace = dovecot_receiver.stored("bob", sent).decode("ascii")
    assert f"Return-Path: <sender@{A_LABEL}>" in trace
    assert f"for <bob@{A_LABEL}>" in trace


INTERNATIONALIZED = {
    "header": (HEADER, "carol", SENDER),
    "recipient": (message("two-recipient@client.test"), "jürgen", SENDER),
    "sender": (message("two-sender@client.test"), "carol", "grüße@client.test"),
}


@pytest.mark.parametrize("what", INTERNATIONALIZED)
def test_what_is_internationalized_is_refused(to_dovecot: Row, dovecot_receiver: LMTPReceiver, what: str) -> None:
    octets, user, sender = INTERNATIONALIZED[what]
    before = stored(dovecot_receiver.mail / "carol")  # a large message of another test may come late
    code, text = send(to_dovecot, octets, f"{user}@{LMTP_DOMAIN}", BOTH, sender)
    assert (code, text[:5]) == (550, "5.6.7"), text
    assert stored(dovecot_receiver.mail / "carol") == before


@pytest.fixture
def dumped(room: Room, mode: str, size: str) -> Iterator[tuple[int, Path]]:
    """Postfix's server for tests, without 8BITMIME; each message is a file."""
    need("smtp-sink")
    directory = room(f"dumped-{mode}-{size}")
    directory.chmod(0o777)
    with smtp_sink("-8", "-d", f"{directory}/%M.") as port:
        yield port, directory


@pytest.mark.parametrize("mode", ["refuse", "send"])
@pytest.mark.parametrize("size", BODIES)
def test_8_bit_octets_before_a_server_without_8bitmime(
    room: Room, dumped: tuple[int, Path], mode: str, size: str
) -> None:
    port, directory = dumped
    sent = message("two-sink@client.test") + BODIES[size]
    option = f"--relay-eight-bit={mode}"
    with (
        relay(room(f"second-{mode}-{size}"), f"relay:tcp:127.0.0.1:{port}", option) as second,
        relay(room(f"first-{mode}-{size}"), f"relay:tcp:127.0.0.1:{second.port}", option) as first,
    ):
        row = Row(first, second)
        code, text = send(row, sent, "alice@example.test", BOTH[1:])
        if mode == "refuse":
            assert (code, text[:5]) == (554, "5.6.3"), text
            second.program.logged(r"the next server \S+ cannot take that: the server does not offer 8BITMIME")
            sent = b"Subject: seven\r\n\r\nbits\r\n"
            code, text = send(row, sent, "alice@example.test", BOTH[1:])
        assert code == 250, text

    def arrived() -> list[bytes]:
        files = [file.read_bytes().replace(b"\r\n", b"\n") for file in directory.iterdir()]
        return [each for each in files if sent.replace(b"\r\n", b"\n") in each]

    assert len(eventually(arrived, lambda: str(list(directory.iterdir())))) == 1
    assert mode == "send" or not any("ü".encode() in file.read_bytes() for file in directory.iterdir())
