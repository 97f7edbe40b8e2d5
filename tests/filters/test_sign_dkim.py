"""The filter that signs: whose mail, at which place, and with whose keys."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import dkim
import pytest
from twisted.internet.defer import maybeDeferred

from tests.encoding import b64
from txsmtpx import FilterBackend
from txsmtpx.filters.sign_dkim import SignDKIM
from txsmtpx.grammar.transparency import LineEnds
from txsmtpx.testing import Conversation, RecordingBackend
from txsmtpx.wire.dkim_key import DKIMKey

KEYS = [DKIMKey.generated("a", "example.org"), DKIMKey.generated("b", "example.org", "ed25519")]
MESSAGE = ["From: ann@example.org", "Subject: Lunch", "", "..dots", "x" * 1500, "ü", "", ""]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    for key in KEYS:
        file = tmp_path / f"{key.record_name}.pem"
        file.write_bytes(key.pem)
        file.chmod(0o600)
    return tmp_path


def sent(directory: Path, login: bool = True, message: list[str] = MESSAGE, **how: object) -> bytes:
    """What the backend gets."""
    backend = RecordingBackend({"ann": "secret"})
    filtering = FilterBackend(backend, SignDKIM(directory, in_thread=maybeDeferred, **how))
    client = Conversation(filtering, allow_insecure_auth=True)
    client.ask("EHLO client.example")
    if login:
        assert client.ask(f"AUTH PLAIN {b64(chr(0) + 'ann' + chr(0) + 'secret')}")[-1].startswith("235")
    replies = client.ask("MAIL FROM:<ann@example.org>", "RCPT TO:<bob@example.net>", "DATA", *message, ".")
    assert replies[-1].startswith("250")
    client.hang_up()
    return backend.messages[-1].content


def accepted(message: bytes) -> list[bool]:
    records = {key.record_name: key.record.encode() for key in KEYS}
    verifier = dkim.DKIM(message)
    return [
        verifier.verify(idx=at, dnsfunc=lambda name, timeout: records[name.decode().rstrip(".")]) for at in range(2)
    ]


def test_it_signs_for_users(directory: Path) -> None:
    message = sent(directory)
    assert message.startswith(b"DKIM-Signature: v=1; a=rsa-sha256;")
    assert accepted(message) == [True, True]
    assert b"\r\n.dots\r\n" in message


BARE = b"From: ann@example.org\nSubject: Lunch\n\nOne\nTwo\rThree\r\n\n"


def sent_in_chunks(directory: Path, option: str, *chunks: bytes) -> bytes:
    """What the backend gets."""
    backend = RecordingBackend()
    filtering = FilterBackend(backend, SignDKIM(directory, everyone=True, in_thread=maybeDeferred))
    client = Conversation(filtering)
    client.ask("EHLO client.example", f"MAIL FROM:<ann@example.org>{option}", "RCPT TO:<bob@example.net>")
    for at, chunk in enumerate(chunks):
        last = " LAST" if at == len(chunks) - 1 else ""
        client.send(f"BDAT {len(chunk)}{last}\r\n".encode() + chunk)
        assert client.replies()[-1].startswith("250")
    client.hang_up()
    return backend.messages[-1].content


@pytest.mark.parametrize("cut", [0, 30, BARE.index(b"\r") + 1, len(BARE)])
def test_line_ends_that_the_next_client_changes(directory: Path, cut: int) -> None:
    """BDAT accepts any line ends, and a client makes them CRLF."""
    content = sent_in_chunks(directory, "", BARE[:cut], BARE[cut:])
    line_ends = LineEnds()
    assert accepted(line_ends.feed(content) + line_ends.finish()) == [True, True]


def test_a_binary_message_stays_as_it_is(directory: Path) -> None:
    body = b"One\nTwo\0\r"
    content = sent_in_chunks(directory, " BODY=BINARYMIME", b"From: ann@example.org\r\n\r\n", body)
    assert content.endswith(body)
    # dkimpy changes line ends before it verifies.
    assert base64.b64encode(hashlib.sha256(body + b"\r\n").digest()) in b"".join(content.split())


def test_without_a_login_only_if_that_is_asked_for(directory: Path) -> None:
    assert b"DKIM" not in sent(directory, login=False)
    assert accepted(sent(directory, login=False, everyone=True)) == [True, True]


def test_the_mail_of_other_domains_stays(directory: Path) -> None:
    assert b"DKIM" not in sent(directory, message=["From: ann@example.com", "", "x"])
    assert b"DKIM" not in sent(directory, message=["Subject: x", "", "x"])


def test_keys_are_read_again(directory: Path) -> None:
    maker = SignDKIM(directory)
    assert (maker.path, maker.holds) == (str(directory), True)
    (directory / f"{KEYS[0].record_name}.pem").unlink()
    maker.reload()
    assert len(maker.keys.of("example.org")) == 1
