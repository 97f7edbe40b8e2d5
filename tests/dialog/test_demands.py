"""What a message demands of the server: `txsmtpx.dialog.demands`."""

from __future__ import annotations

import gzip
import io
import os

import pytest

from txsmtpx import EightBitContent, MailOptions, NotOffered
from txsmtpx.dialog.demands import (
    FILE_PIECE,
    Content,
    Watch,
    check_eight_bit,
    of_file,
    of_octets,
    of_pieces,
    settle,
    watch_octets,
)
from txsmtpx.dialog.offer import Offer
from txsmtpx.extensions import registry
from txsmtpx.grammar.transparency import LineEnds, has_bare, size_as_sent

BODIES = [b"", b"x", b"x\r\n", b"x\n", b"x\r", b"\n", b"\r", b"\r\n", b"a\nb\r\nc\rd", b"a\r\r\n\n\rb\r\n", b"\n\r\n\r"]


def offer(*keywords: str) -> Offer:
    return Offer(registry.EXTENSIONS, dict.fromkeys(keywords, ""))


@pytest.mark.parametrize("body", BODIES, ids=repr)
def test_the_octets_that_are_sent_are_counted(body: bytes) -> None:
    line_ends = LineEnds()
    sent = line_ends.feed(body) + line_ends.finish()
    assert size_as_sent(body, has_bare(body)) == size_as_sent(body, True) == len(sent)
    for cut in range(len(body) + 1):
        assert of_pieces([body[:cut], body[cut:]], binary=False).size == len(sent)
    content = of_octets(body, binary=False)
    rest = body.replace(b"\r\n", b"")
    assert (content.size, content.checked) == (len(sent), b"\r" not in rest and b"\n" not in rest)
    assert of_octets(body, binary=True).size == of_pieces([body], binary=True).size == len(body)


def test_a_file_is_looked_at_from_where_it_stands_and_left_there(tmp_path) -> None:
    path = tmp_path / "body"
    path.write_bytes(b"\xff" + b"x" * FILE_PIECE + "\nSubject: ü\n".encode())
    with path.open("rb") as file:
        whole = of_file(file, binary=False)
        assert (whole.size, whole.eight_bit, whole.utf8) == (FILE_PIECE + 16, True, False)
        file.seek(FILE_PIECE + 2)
        end = of_file(file, binary=False)
        assert (end.size, end.eight_bit, end.utf8) == (13, True, True)
        assert file.tell() == FILE_PIECE + 2
        file.seek(10**6)
        assert of_file(file, binary=False).size == 0


def test_a_compressed_file_has_the_size_of_what_is_read(tmp_path) -> None:
    """Its descriptor is that of the octets on the disk."""
    path = tmp_path / "body.gz"
    path.write_bytes(gzip.compress(b"x" * 10_000 + b"\r\n"))
    with gzip.open(path) as file:
        assert os.fstat(file.fileno()).st_size < 1000
        assert of_file(file, binary=False).size == 10_002


def test_a_file_that_is_open_for_text() -> None:
    with pytest.raises(TypeError, match="open for text"):
        of_file(io.StringIO("x"), binary=False)


SETTLED = [
    # what is known, what is offered, what the caller says, what MAIL says, whether the body is watched
    (Content(3, False, False), (), {}, {"size": 3}, False),
    (Content(3, True, False), ("8BITMIME",), {}, {"size": 3, "body": "8BITMIME"}, False),
    (Content(3, True, False), ("8BITMIME",), {"body": "7BIT"}, {"size": 3, "body": "8BITMIME"}, False),
    (Content(3, False, False), ("8BITMIME",), {"body": "8BITMIME"}, {"size": 3, "body": "8BITMIME"}, False),
    (Content(3, True, False), (), {"body": "BINARYMIME"}, {"size": 3, "body": "BINARYMIME"}, False),
    (
        Content(3, True, True),
        ("8BITMIME", "SMTPUTF8"),
        {},
        {"size": 3, "body": "8BITMIME", "smtputf8": True},
        False,
    ),
    (Content(3, True, True), ("SMTPUTF8",), {}, {"size": 3, "body": "8BITMIME", "smtputf8": True}, False),
    (Content(3, False, False), (), {"size": 9}, {"size": 9}, False),
    (Content(None, None, None), ("8BITMIME",), {}, {"size": None, "body": "8BITMIME"}, True),
    (Content(None, None, None), ("8BITMIME",), {"smtputf8": True}, {"size": None, "body": "8BITMIME", "smtputf8": True},
     False),
    (Content(None, None, None), (), {"body": "7BIT"}, {"size": None, "body": "7BIT"}, True),
]  # fmt: skip


@pytest.mark.parametrize(("content", "offered", "said", "becomes", "watched"), SETTLED)
def test_mail_says_what_is_true(content, offered, said, becomes, watched) -> None:
    options = MailOptions(**said)
    watch = settle(content, options, offer(*offered), "refuse", lmtp=False)
    assert vars(options) == becomes
    assert (watch is not None) is watched


REFUSED = [
    (Content(3, True, False), (), EightBitContent, "does not offer 8BITMIME"),
    (Content(3, True, True), ("8BITMIME",), NotOffered, "does not offer SMTPUTF8, and a header field"),
    (Content(3, True, True), (), NotOffered, "does not offer SMTPUTF8, nor 8BITMIME"),
]


@pytest.mark.parametrize(("content", "offered", "error", "text"), REFUSED)
def test_what_the_server_does_not_take_is_refused_unless_it_is_to_be_sent(content, offered, error, text) -> None:
    with pytest.raises(error, match=text) as caught:
        settle(content, MailOptions(), offer(*offered), "refuse", lmtp=False)
    assert 'eight_bit="send"' in str(caught.value)
    options = MailOptions()
    assert settle(content, options, offer(*offered), "send", lmtp=False) is None
    assert not options.smtputf8


def test_a_demand_of_smtputf8_that_nothing_needs_is_dropped_by_lmtp() -> None:
    options = MailOptions(smtputf8=True)
    assert settle(Content(3, False, False), options, offer(), "refuse", lmtp=True) is None
    assert options.smtputf8 is False
    options = MailOptions(smtputf8=True)
    watch = settle(Content(None, None, None), options, offer("8BITMIME"), "refuse", lmtp=True)
    assert options.smtputf8 is False
    assert watch is not None
    with pytest.raises(NotOffered, match="does not offer SMTPUTF8"):
        watch.see("Subject: ü".encode())
    options = MailOptions(smtputf8=True)
    settle(Content(3, False, False), options, offer("SMTPUTF8"), "refuse", lmtp=True)
    assert options.smtputf8 is True


def test_a_watch_lets_nothing_pass_that_is_not_taken() -> None:
    watch = Watch(offer("SMTPUTF8"), seven_bits=False, ascii_fields=True)
    watch.see(b"Subject: x\r\n")
    with pytest.raises(NotOffered, match=r"MAIL has not asked for SMTPUTF8.*MailOptions\(smtputf8=True\)"):
        watch.see("To: ü@example.net\r\n".encode())
    watch = Watch(offer(), seven_bits=True, ascii_fields=False)
    watch.see(b"Subject: x\r\n\r\n")
    with pytest.raises(EightBitContent):
        watch.see(b"x\xff")


def test_after_mail_utf8_in_a_header_is_refused_as_octets_above_127() -> None:
    watch = watch_octets(offer(), "refuse", binary=False)
    assert watch is not None
    watch.see(b"Subject: x\r\n")
    with pytest.raises(EightBitContent, match="does not offer 8BITMIME"):
        watch.see("To: ü@example.net\r\n".encode())


def test_what_is_no_mode() -> None:
    for mode in ("refuse", "send"):
        check_eight_bit(mode)
    for wrong in ("encode", "", None, True):
        with pytest.raises(ValueError, match="eight_bit is refuse or send, not "):
            check_eight_bit(wrong)


MISSING = [
    (("BINARYMIME", "8BITMIME"), "CHUNKING, which BINARYMIME needs"),
    (("BINARYMIME", "CHUNKING"), "8BITMIME, which BINARYMIME needs"),
    (("CHUNKING", "8BITMIME"), "BINARYMIME"),
    ((), "BINARYMIME"),
]


@pytest.mark.parametrize(("offered", "missing"), MISSING)
def test_binarymime_needs_chunking(offered, missing) -> None:
    with pytest.raises(NotOffered, match=f"^the server does not offer {missing}$"):
        offer(*offered).demand(MailOptions(body="BINARYMIME"))
    offer("BINARYMIME", "CHUNKING", "8BITMIME").demand(MailOptions(body="BINARYMIME"))
    offer(*offered).demand(MailOptions(body="8BITMIME"))
