"""Bodies, and how large they will be: L{txsmtpx.dialog.source}."""

from __future__ import annotations

import io
import os

import pytest
from twisted.internet.defer import Deferred, ensureDeferred, succeed

from txsmtpx.dialog.source import CHUNK, size_of, source, to_a_label


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
