"""The body of a message: in memory, or in a file of the directory; nothing is left of one that failed."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import AsyncIterator

import pytest
from twisted.internet.defer import Deferred, maybeDeferred

from txsmtpx.backends.body_directory import BodyDirectory, BodyFile
from txsmtpx.backends.received_body import PIECE, ReceivedBody
from txsmtpx.errors import SMTPError
from txsmtpx.settling import deferred_call
from txsmtpx.testing import Outcome


async def chunks(*octets: bytes) -> AsyncIterator[bytes]:
    for each in octets:
        yield each


def read(body: ReceivedBody, *octets: bytes) -> None:
    Outcome(deferred_call(body.read, chunks(*octets))).result()


@pytest.fixture
def directory(tmp_path) -> BodyDirectory:
    return BodyDirectory(tmp_path)


def files(directory: BodyDirectory) -> list[bytes]:
    return [each.read_bytes() for each in directory.path.iterdir()]


def test_a_short_body(directory) -> None:
    body = ReceivedBody(10, directory, maybeDeferred)
    read(body, b"12345", b"67890")
    assert (body.size, body.name, body.content()) == (10, "", b"1234567890")
    body.close()
    body.discard()
    assert files(directory) == []


@pytest.mark.parametrize("octets", [[b"12345", b"67890", b"1"], [b"x" * PIECE, b"y" * PIECE, b"z"], [b"x" * 11]])
def test_a_long_body(directory, octets) -> None:
    body = ReceivedBody(10, directory, maybeDeferred)
    read(body, *octets)
    body.close()
    assert directory.path_of(body.name).read_bytes() == b"".join(octets)
    assert body.size == len(b"".join(octets))
    body.discard()
    assert files(directory) == []


def test_a_long_body_without_a_directory() -> None:
    body = ReceivedBody(10, None, maybeDeferred)
    with pytest.raises(SMTPError, match=r"552 5\.3\.4 Message too big"):
        read(body, b"12345", b"678901")
    body.close()
    body.discard()


def test_the_message_ends_early(directory) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * 2 * PIECE
        raise ConnectionError

    body = ReceivedBody(10, directory, maybeDeferred)
    with pytest.raises(ConnectionError):
        Outcome(deferred_call(body.read, broken())).result()
    body.close()
    body.discard()
    assert files(directory) == []


def test_the_client_goes_while_a_thread_writes(directory) -> None:
    calls = []

    def in_thread(function, *arguments):
        calls.append((function, arguments))
        return Deferred()

    body = ReceivedBody(10, directory, in_thread)
    reading = deferred_call(body.read, chunks(b"x" * 2 * PIECE))
    reading.addErrback(lambda failure: None)
    reading.cancel()
    body.close()
    body.discard()
    (write, (file,)), (discard, _) = calls
    discard()
    with pytest.raises((OSError, ValueError)):
        write(file)
    assert files(directory) == []


def test_the_disk_is_full(directory, monkeypatch) -> None:
    def write(self: BodyFile, octets: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(BodyFile, "write", write)
    body = ReceivedBody(10, directory, maybeDeferred)
    with pytest.raises(OSError, match="No space left"):
        read(body, b"12345678901")
    body.close()
    body.discard()
    assert files(directory) == []


def test_an_error_at_the_end_is_ignored(directory, monkeypatch) -> None:
    """The message is stored then, or its failure is known."""

    class Spool(tempfile.SpooledTemporaryFile):
        def close(self) -> None:
            super().close()
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("tempfile.SpooledTemporaryFile", Spool)
    body = ReceivedBody(10, directory, maybeDeferred)
    read(body, b"12345")
    body.close()
