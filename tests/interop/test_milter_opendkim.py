"""opendkim verifies what our server receives, and signs what it relays; dkimpy checks both."""

from __future__ import annotations

import re
import smtplib
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import dkim
import pytest

from tests.interop import milter_programs
from tests.interop.conftest import need
from tests.interop.filtered import behind, letter, send
from tests.interop.milter_page import OPENDKIM_KEY, OPENDKIM_SIGNS, OPENDKIM_VERIFIES
from txsmtpx.testing import MailServer

Room = Callable[[str], Path]

FIELD = "2026._domainkey.example.org"


@pytest.fixture(scope="module")
def key(room: Room) -> Path:
    """The directory in which the command of the page has created a key."""
    need("opendkim")
    directory = room("opendkim-key")
    subprocess.run(OPENDKIM_KEY.split(), cwd=directory, check=True)
    return directory


@pytest.fixture(scope="module")
def record(key: Path) -> str:
    """The TXT record of the key."""
    return "".join(re.findall(r'"([^"]*)"', (key / "2026.txt").read_text()))


@pytest.fixture(scope="module")
def verifying(room: Room, record: str) -> Iterator[Path]:
    """An opendkim that verifies."""
    need("opendkim")
    with milter_programs.opendkim(room("opendkim-v"), OPENDKIM_VERIFIES, f"{FIELD} {record}\n") as path:
        yield path


@pytest.fixture(scope="module")
def signing(room: Room, key: Path) -> Iterator[Path]:
    """An opendkim that signs."""
    need("opendkim")
    directory = room("opendkim-s")
    (directory / "2026.private").write_bytes((key / "2026.private").read_bytes())
    (directory / "2026.private").chmod(0o600)
    with milter_programs.opendkim(directory, OPENDKIM_SIGNS) as path:
        yield path


def signed(message: bytes, key: Path, canonical: bytes = b"simple") -> bytes:
    private = (key / "2026.private").read_bytes()
    how = (canonical, canonical)
    return bytes(dkim.sign(message, b"2026", b"example.org", private, canonicalize=how)) + message


def verified(message: bytes, record: str) -> bool:
    return bool(dkim.verify(message, dnsfunc=lambda name, timeout=5: record.encode()))


STRANGE = letter(
    b"Subject:   two  spaces\r\n\tand a fold ", b"X-Empty:", b"X-8: \xff", body=b"a\r\n..\r\n \r\n\r\n\r\n"
)
FORGED = b"Authentication-Results: mx.example.org; dkim=pass header.d=evil.example"
OTHER = b"Authentication-Results: other.example; dkim=pass header.d=evil.example"


@pytest.mark.parametrize("canonical", [b"simple", b"relaxed"])
@pytest.mark.parametrize("message", [letter(), STRANGE, letter(body=b"x" * 900 + b"\r\n" + b"line\r\n" * 40_000)])
def test_a_signature_is_verified(verifying: Path, key: Path, canonical: bytes, message: bytes) -> None:
    """The milter sees the octets that were signed, and the backend gets them, below the result."""
    sent = signed(message, key, canonical)
    with behind(verifying) as server:
        send(server, sent)
        (received,) = server.messages
    result, rest = received.content.split(b"DKIM-Signature:", 1)
    assert b"DKIM-Signature:" + rest == sent
    assert re.match(rb"Authentication-Results: mx\.example\.org;\r\n\tdkim=pass ", result)


def test_a_changed_message_fails(verifying: Path, key: Path) -> None:
    with behind(verifying) as server:
        send(server, signed(letter(), key) + b"more\r\n")
        (received,) = server.messages
    assert "dkim=fail" in received.message["Authentication-Results"]


def test_forged_results_are_deleted_and_others_are_kept(verifying: Path) -> None:
    with behind(verifying) as server:
        send(server, letter(FORGED, OTHER, FORGED))
        (received,) = server.messages
    results = received.message.get_all("Authentication-Results")
    assert results[1:] == ["other.example; dkim=pass header.d=evil.example"]
    assert re.match(r"mx\.example\.org;\s+dkim=none", results[0])
    assert received.content.endswith(letter(OTHER))


@pytest.mark.parametrize("message", [letter(), STRANGE])
def test_what_is_relayed_is_signed(signing: Path, record: str, message: bytes) -> None:
    """The next server gets the octets that opendkim has signed."""
    with MailServer() as next_server, behind(signing, next_port=next_server.port) as server:
        send(server, message)
        (received,) = next_server.messages
    assert received.content.count(b"DKIM-Signature:") == 1
    assert received.content.endswith(message)
    assert verified(received.content, record)
    assert not verified(received.content + b"more\r\n", record)


def test_a_second_milter_sees_what_the_first_has_changed(signing: Path, verifying: Path) -> None:
    """The signature of the first is in the message that the second gets, whose body is the same."""
    with behind(signing, verifying) as server:
        send(server, STRANGE)
        (received,) = server.messages
    assert re.match(rb"Authentication-Results: mx\.example\.org;\r\n\tdkim=pass ", received.content)
    assert received.content.endswith(STRANGE)


def test_another_domain_is_not_signed(signing: Path) -> None:
    with behind(signing) as server:
        send(server, letter(sender=b"me@example.net"))
        (received,) = server.messages
    assert received.content == letter(sender=b"me@example.net")


def test_a_second_message_on_a_connection(verifying: Path, key: Path) -> None:
    with behind(verifying) as server:
        with smtplib.SMTP(server.host, server.port, timeout=30) as client:
            for message in (letter(), signed(letter(), key), letter()):
                client.sendmail("me@example.org", ["you@example.net"], message)
        results = [each.message["Authentication-Results"] for each in server.messages]
    assert [re.findall(r"dkim=(\w+)", each) for each in results] == [["none"], ["pass"], ["none"]]
