"""The octets that clamd is sent, and the meaning of its answers."""

from __future__ import annotations

import pytest

from txsmtpx.filters.clamd_stream import (
    END,
    INSTREAM,
    MAX_ANSWER,
    ClamdError,
    StreamTooLarge,
    framed,
    text_of,
    virus_in,
)


def test_a_message() -> None:
    sent = b"".join([INSTREAM, framed(b"Hello"), framed(b""), framed(b"x" * 70_000), END])
    assert sent == b"zINSTREAM\0\0\0\0\5Hello\0\1\x11\x70" + b"x" * 70_000 + b"\0\0\0\0"


@pytest.mark.parametrize(("answer", "virus"), [
    ("stream: OK", ""),
    ("stream: Eicar-Test-Signature FOUND", "Eicar-Test-Signature"),
    ("stream: Win.Test FOUND FOUND", "Win.Test FOUND"),
    ("stream: OK FOUND", "OK"),
])  # fmt: skip
def test_an_answer(answer: str, virus: str) -> None:
    assert virus_in(answer) == virus


@pytest.mark.parametrize(("answer", "text"), [
    ("", "not an answer of clamd: ''"),
    ("OK", "not an answer of clamd"),
    ("stream: ", "not an answer of clamd"),
    ("stream: FOUND", "not an answer of clamd"),
    ("stream:  FOUND", "not an answer of clamd"),
    ("stream: OK\nstream: OK", "not an answer of clamd"),
    ("PONG", "not an answer of clamd"),
    ("UNKNOWN COMMAND", "not an answer of clamd"),
    ("COMMAND READ TIMED OUT", "not an answer of clamd"),
    ("stream: Can't allocate memory ERROR", "clamd answers with an error: stream: Can't allocate memory ERROR"),
    ("Error reading from client. ERROR", "clamd answers with an error"),
])  # fmt: skip
def test_no_answer(answer: str, text: str) -> None:
    with pytest.raises(ClamdError, match=f"^{text}"):
        virus_in(answer)


def test_a_message_that_is_too_large() -> None:
    with pytest.raises(StreamTooLarge, match="StreamMaxLength"):
        virus_in("INSTREAM size limit exceeded. ERROR")


def test_octets_of_an_answer() -> None:
    assert text_of(b"stream: OK\0") == "stream: OK"
    assert text_of(b"stream: \xff FOUND\0stream: OK\0") == "stream: \ufffd FOUND"
    assert text_of(b"x" * MAX_ANSWER + b"\0") == "x" * MAX_ANSWER


@pytest.mark.parametrize(("octets", "text"), [
    (b"", "has no end"),
    (b"stream: OK", "has no end"),
    (b"stream: OK\n", "has no end"),
    (b"x" * (MAX_ANSWER + 1) + b"\0", "has more than 4096 octets"),
    (b"x" * (MAX_ANSWER + 1), "has more than 4096 octets"),
])  # fmt: skip
def test_octets_of_no_answer(octets: bytes, text: str) -> None:
    with pytest.raises(ClamdError, match=f"the answer of clamd {text}") as error:
        text_of(octets)
    assert len(str(error.value)) < 200
