"""A message in one Maildir: its octets, and what is left of it."""

from __future__ import annotations

import errno
import os

import pytest

from txsmtpx.backends.maildir_copy import PIECE, Copy
from txsmtpx.backends.maildir_directories import Directories
from txsmtpx.backends.maildir_open import OpenMaildirs


@pytest.fixture
def make(tmp_path):
    """Make a copy in a Maildir of that name."""
    maildirs = OpenMaildirs(Directories(lambda descriptor: None))

    def make(name: str = "b", trace: bytes = b"") -> Copy:
        return Copy(maildirs, str(tmp_path / name), "one", [name], trace)

    return make


def files(tmp_path) -> dict[str, bytes]:
    return {str(path.relative_to(tmp_path)): path.read_bytes() for path in tmp_path.rglob("one")}


def test_it_goes_from_tmp_to_new(tmp_path, make):
    copy = make()
    copy.create()
    copy.write(b"one ")
    copy.write(b"two")
    copy.sync()
    copy.close()
    assert files(tmp_path) == {"b/tmp/one": b"one two"}
    copy.publish()
    assert files(tmp_path) == {"b/new/one": b"one two"}


@pytest.mark.parametrize("published", [False, True])
def test_it_is_removed_from_where_it_is(tmp_path, make, published):
    copy = make()
    copy.create()
    if published:
        copy.publish()
    copy.remove()
    assert files(tmp_path) == {}
    copy.remove()


def test_one_that_was_never_created_removes_nothing(tmp_path, make):
    other = make()
    other.create()
    make().remove()
    assert files(tmp_path) == {"b/tmp/one": b""}
    other.close()


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE])
def test_the_body_of_another(tmp_path, make, size):
    body = os.urandom(size)
    first, second = make("b", b"first\r\n"), make("c", b"the second\r\n")
    first.create()
    first.write(first.trace + body + b"what was written by half")
    second.create()
    second.write(second.trace)
    second.write_body_of(first, size)
    second.write(b"the rest")
    assert files(tmp_path)["c/tmp/one"] == b"the second\r\n" + body + b"the rest"
    for copy in (first, second):
        copy.remove()


def test_a_body_that_is_not_there(make):
    first, second = make("b"), make("c")
    first.create()
    second.create()
    with pytest.raises(OSError, match="not there") as raised:
        second.write_body_of(first, 10)
    assert raised.value.errno == errno.EIO
    for copy in (first, second):
        copy.remove()


def test_a_system_that_writes_little_at_a_time(tmp_path, make, monkeypatch):
    writing = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, octets: writing(descriptor, octets[:3]))
    copy = make()
    copy.create()
    copy.write(b"0123456789")
    copy.write(b"")
    copy.close()
    assert files(tmp_path) == {"b/tmp/one": b"0123456789"}


def test_an_error_of_close_is_ignored_after_sync(tmp_path, make, monkeypatch):
    copy = make()
    copy.create()
    copy.write(b"one")
    copy.sync()
    close, closed = os.close, []

    def failing(descriptor: int) -> None:
        close(descriptor)
        closed.append(descriptor)
        raise OSError(errno.EIO, "it failed")

    monkeypatch.setattr(os, "close", failing)
    copy.close()
    monkeypatch.undo()
    assert len(closed) == 1
    copy.publish()
    assert files(tmp_path) == {"b/new/one": b"one"}
