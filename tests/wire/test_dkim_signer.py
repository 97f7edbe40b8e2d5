"""Signatures that dkimpy accepts, of messages that come whole or in any pieces, with any keys."""

from __future__ import annotations

import base64
import hashlib
import re
from email.message import EmailMessage
from io import BytesIO

import dkim
import pytest
from dkim.canonicalization import Simple
from hypothesis import example, given
from hypothesis import strategies as st
from twisted.internet.defer import maybeDeferred

from txsmtpx import MailOptions, SMTPPool, send_mail
from txsmtpx.testing import Network, ScriptedServer
from txsmtpx.wire import dkim_signer
from txsmtpx.wire.dkim_key import DKIMKey
from txsmtpx.wire.dkim_signer import DKIMSigner, MessageHash

RSA = DKIMKey.generated("2030a", "example.org")
ED25519 = DKIMKey.generated("2030b", "example.org", "ed25519")
BOTH = DKIMSigner([RSA, ED25519], maybeDeferred, lambda: 1_700_000_000)
MESSAGE = b"From: Ann <ann@example.org>\r\nTo: bob@example.net\r\nSubject: Lunch\r\n\r\nHow about noon?\r\n"


def records(name: bytes, timeout: int = 5) -> bytes:
    found = {key.record_name: key.record for key in (RSA, ED25519)}
    return found[name.decode().rstrip(".")].encode()


def accepted(message: bytes) -> list[bool]:
    """Whether each signature of a message is accepted."""
    verifier = dkim.DKIM(message)
    number = sum(name.lower() == b"dkim-signature" for name, _ in verifier.headers)
    found = []
    for at in range(number):
        try:
            found.append(verifier.verify(idx=at, dnsfunc=records))
        except dkim.ValidationError:
            found.append(False)
    return found


@pytest.mark.parametrize(
    "message",
    [
        MESSAGE,
        MESSAGE + b"\r\n\r\n\r\n",
        MESSAGE.rpartition(b"\r\n\r\n")[0] + b"\r\n\r\n",
        MESSAGE + b".\r\n..\r\n.",
        MESSAGE + "ü\r\n".encode() + b"\xff\x00\r\n" + b"x" * 5000,
        b"Subject:  two   spaces \r\n\tand a fold\r\nfrom:  <a@EXAMPLE.org>\r\n\r\nx",
    ],
)
def test_it_is_accepted(message: bytes) -> None:
    signed = BOTH.signed(message)
    assert signed.endswith(message)
    assert accepted(signed) == [True, True]
    head = signed[: -len(message)]
    assert head.count(b"DKIM-Signature: ") == 2
    assert all(len(line) <= 100 for line in head.split(b"\r\n"))


@pytest.mark.parametrize(
    "change",
    [
        lambda signed: signed.replace(b"noon", b"one"),
        lambda signed: signed.replace(b"Lunch", b"Dinner"),
        lambda signed: signed.replace(b"From: Ann", b"Reply-To: eve@example.com\r\nFrom: Ann"),
        lambda signed: signed.replace(b"From: Ann", b"From: eve@example.com\r\nFrom: Ann"),
        lambda signed: signed + b"more\r\n",
    ],
)
def test_a_change_is_noticed(change) -> None:
    """Also a field that was not there before."""
    assert accepted(change(BOTH.signed(MESSAGE))) == [False, False]


@given(st.lists(st.sampled_from([b"a", b"\r", b"\n", b"\r\n", b" ", b"\r\n\r\n"]), max_size=12), st.integers(0, 20))
@example([b"\r\n", b"\r", b"\r\n"], 3)
def test_the_hash_of_a_body_in_any_pieces(words: list[bytes], cut: int) -> None:
    body = b"".join(words)
    for pieces in ([body], [body[:cut], body[cut:]], [body[at : at + 1] for at in range(len(body))]):
        read = MessageHash()
        read.feed(b"From: a@b\r\n\r\n")
        for piece in pieces:
            read.feed(piece)
        assert read.digest() == hashlib.sha256(Simple.canonicalize_body(body)).digest()


@given(st.integers(0, len(MESSAGE)))
def test_the_header_in_any_pieces(cut: int) -> None:
    read = MessageHash()
    read.feed(MESSAGE[:cut])
    read.feed(MESSAGE[cut:])
    assert read.header == MESSAGE[: MESSAGE.index(b"\r\n\r\n") + 2]


@pytest.mark.parametrize("message", [b"\r\nno header", b"Subject: x\r\n\r\nx", b"", b"From: a@example.org"])
def test_what_is_not_signed(message: bytes) -> None:
    assert BOTH.signed(message) == message


@pytest.mark.parametrize(
    "line",
    [
        b"not a field", b": x", b"Subject : x", b"Subj\xfcct: x", b"Subject: a\nb", b"Subject: a\nb: c",
        b"Subject: a\rb", b"Subject: x\r\nx", b"To: x\r\n" * 300 + b"To: x",
    ],
)  # fmt: skip
def test_a_header_that_cannot_be_signed(line: bytes) -> None:
    """It stays as it is: verifiers would split it into other fields, or the signature would be huge."""
    for message in (MESSAGE.replace(b"To: ", line + b"\r\nTo: "), line + b"\r\n" + MESSAGE):
        assert BOTH.signed(message) == message


def test_a_header_that_begins_with_a_fold_is_not_signed() -> None:
    assert BOTH.signed(b" x\r\n" + MESSAGE) == b" x\r\n" + MESSAGE


@given(
    st.lists(st.sampled_from([b"From: a@example.org", b"To", b":", b" ", b"\r\n", b"\n", b"\r", b"\0", b"\xfc", b"x"]))
)
def test_any_header(words: list[bytes]) -> None:
    """It is signed, and the signature is accepted, or it stays as it is."""
    message = b"".join(words) + b"\r\n\r\nx\r\n"
    signed = BOTH.signed(message)
    assert signed == message or accepted(signed) == [True, True]


def test_a_header_without_end_is_not_signed() -> None:
    read = MessageHash()
    for _ in range(20):
        read.feed(b"x: " + b"y" * 100_000)
    assert read.header is None
    assert BOTH.fields(read) == []


async def test_bodies_of_a_client() -> None:
    letter = EmailMessage()
    letter["From"], letter["Subject"] = "ann@example.org", "Grüße"
    letter.set_content("Hallo\n")

    async def later():
        yield MESSAGE[:10]
        yield MESSAGE[10:]

    for body in (MESSAGE, MESSAGE.replace(b"\r\n", b"\n"), BytesIO(MESSAGE), iter([MESSAGE]), later(), letter):
        with await BOTH.body(body) as signed:
            found = signed.read()
        assert accepted(found) == [True, True]
        assert found.endswith(b"\r\n")


def test_keys_of_other_domains_do_not_sign() -> None:
    """Of a list too, the key is that of the author, or of the nearest domain above it."""
    others = [DKIMKey.generated("c", domain, "ed25519") for domain in ("lists.example.org", "example.net")]
    signer = DKIMSigner([ED25519, *others])
    for author, domains in (
        (b"example.org", [b"example.org"]),
        (b"a.lists.example.ORG", [b"lists.example.org"]),
        (b"example.com", []),
        (b"org", []),
    ):
        signed = signer.signed(MESSAGE.replace(b"example.org", author))
        assert re.findall(rb"\bd=([^;]+);", b"".join(signed.split())) == domains


def test_fields_that_a_reader_sees_are_signed_once_more_than_they_are_there() -> None:
    header = b"".join(BOTH.signed(MESSAGE).partition(b"\r\nDKIM-Signature")[0].split())
    signed = header.partition(b";h=")[2].partition(b";")[0].split(b":")
    assert [signed.count(each) for each in (b"from", b"subject", b"reply-to")] == [2, 2, 1]


def test_dkimpy_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dkim_signer, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"^dkimpy is not installed: pip install 'txsmtpx\[dkim\]'$"):
        DKIMSigner([RSA])


def test_the_hash_is_that_of_the_tag() -> None:
    field = DKIMSigner([ED25519]).signed(MESSAGE)[: -len(MESSAGE)]
    hashed = base64.b64encode(hashlib.sha256(b"How about noon?\r\n").digest())
    assert hashed in b"".join(field.split())


class Sink:
    """What a next server has accepted."""

    def __init__(self, *offers: str) -> None:
        self.net = Network(lambda: ScriptedServer(offers))

    def accepted(self, sending) -> list[bool]:
        self.net.result(sending)
        return accepted(self.net.servers[-1].messages[-1])


def test_a_message_is_signed_when_it_is_sent() -> None:
    sink = Sink()
    clock = sink.net.clock
    one = send_mail(sink.net, "a@example.org", ["b@example.net"], MESSAGE, tls="none", dkim=BOTH, reactor=clock)
    assert sink.accepted(one) == [True, True]


def test_a_pool_signs_each_message() -> None:
    sink = Sink()
    pool = SMTPPool(sink.net, tls="none", dkim=BOTH, reactor=sink.net.clock)
    for _ in range(2):
        assert sink.accepted(pool.send("a@example.org", ["b@example.net"], iter([MESSAGE]))) == [True, True]
    sink.net.result(pool.stopService())


def test_a_pool_keeps_a_binary_message() -> None:
    sink = Sink("8BITMIME", "CHUNKING", "BINARYMIME")
    pool = SMTPPool(sink.net, tls="none", dkim=BOTH, reactor=sink.net.clock)
    body = b"One\nTwo\0\r"
    binary = b"From: ann@example.org\r\n\r\n" + body
    sink.net.result(pool.send("a@example.org", ["b@example.net"], binary, MailOptions(body="BINARYMIME")))
    sent = sink.net.servers[-1].messages[-1]
    assert sent.endswith(binary)
    # dkimpy changes line ends before it verifies.
    assert base64.b64encode(hashlib.sha256(body + b"\r\n").digest()) in b"".join(sent.split())
    sink.net.result(pool.stopService())
