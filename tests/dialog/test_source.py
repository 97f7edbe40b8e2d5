"""Bodies, and how large they will be: L{txsmtpx.dialog.source}."""

from __future__ import annotations

import io
import os
from email.message import EmailMessage
from email.policy import compat32

import pytest
from twisted.internet.defer import Deferred, ensureDeferred, succeed

from txsmtpx.dialog.source import CHUNK, needs_utf8, serialized, size_of, source, to_a_label


def read(body, in_thread) -> list[bytes]:
    made = source(body, {}, in_thread, False)
    chunks = []

    async def all_of_it():
        while chunk := await made.next():
            chunks.append(chunk)

    ended = []
    ensureDeferred(all_of_it()).addBoth(ended.append)
    assert ended == [None], ended
    return chunks


def test_a_file_in_memory_is_read_where_it_is():
    def in_thread(function, *arguments) -> Deferred:
        raise AssertionError("in a thread")

    assert read(io.BytesIO(b"x" * (CHUNK + 1)), in_thread) == [b"x" * CHUNK, b"x"]


def test_a_file_on_a_disk_is_read_in_a_thread(tmp_path):
    asked = []

    def in_thread(function, *arguments) -> Deferred:
        asked.append(arguments)
        return succeed(function(*arguments))

    (tmp_path / "body").write_bytes(b"x" * (CHUNK + 1))
    with (tmp_path / "body").open("rb") as file:
        assert read(file, in_thread) == [b"x" * CHUNK, b"x"]
    assert asked == [(CHUNK,)] * 3


def test_the_size_of_what_is_empty_or_half_read(tmp_path):
    (tmp_path / "body").write_bytes(b"1234")
    with (tmp_path / "body").open("rb") as file:
        assert size_of(file) == 4
        file.seek(3)
        assert size_of(file) == 1
        file.seek(9)
        assert size_of(file) == 0
    memory = io.BytesIO(b"1234")
    memory.seek(4)
    assert size_of(memory) == 0
    memory.seek(9)
    assert size_of(memory) == 0
    assert size_of(b"") == 0
    assert size_of(iter([b""])) is None


def test_a_pipe_has_no_size():
    reading, writing = os.pipe()
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        assert size_of(pipe) is None


def test_a_domain_is_mapped_before_it_is_encoded():
    """RFC 5895: capitals become small."""
    assert to_a_label("BÜCHER.example") == "xn--bcher-kva.example"
    with pytest.raises(ValueError, match=r"^not a domain: a\.\.ü: "):
        to_a_label("a..ü")


def test_how_a_message_is_written():
    letter = EmailMessage()
    letter["Subject"] = "x"
    letter["bcc"] = "secret@example.org"
    letter.set_content("Grüße\n", cte="8bit")
    eight, seven = (serialized(letter, eight_bit=eight_bit, utf8=False) for eight_bit in (True, False))
    assert "Grüße".encode() in eight
    assert seven.isascii()
    for octets in (eight, seven):
        assert octets.count(b"\n") == octets.count(b"\r\n")
        assert b"secret" not in octets
    assert letter["bcc"] == "secret@example.org"


def test_headers_that_python_does_not_take_apart_need_nothing():
    letter = EmailMessage(policy=compat32)
    letter["From"] = "me@example.org"
    assert not needs_utf8(letter)


def test_a_file_that_is_open_for_text():
    with pytest.raises(AssertionError, match="TypeError: the file is open for text, a body is octets>"):
        read(io.StringIO("x"), lambda function, *arguments: succeed(function(*arguments)))


class Producer:
    """An IBodyProducer that writes once, and is over at once or when it is stopped."""

    length = 1

    def __init__(self, at_once: bool) -> None:
        self.at_once = at_once
        self.calls: list[str] = []

    def startProducing(self, consumer) -> Deferred[None]:
        self.calls.append("start")
        consumer.write(b"x")
        return succeed(None) if self.at_once else Deferred()

    def pauseProducing(self) -> None:
        self.calls.append("pause")

    def resumeProducing(self) -> None:
        self.calls.append("resume")

    def stopProducing(self) -> None:
        self.calls.append("stop")


def test_a_producer_that_is_over_before_it_is_waited_for():
    assert read(Producer(at_once=True), None) == [b"x"]


def test_a_producer_is_stopped_once_and_only_if_it_was_started():
    for taken, calls in ((0, []), (1, ["start", "pause", "stop"])):
        producer = Producer(at_once=False)
        body = source(producer, {}, None, False)
        for _ in range(taken):
            ensureDeferred(body.next())
        for _ in range(2):
            ensureDeferred(body.close())
        assert producer.calls == calls
