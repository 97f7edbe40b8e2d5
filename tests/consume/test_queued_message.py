"""A message of a queue gives its octets from memory and from a file."""

from __future__ import annotations

import pytest

from tests.consume.queue import envelope, queued
from txsmtpx.consume import QueuedMessage


def test_in_memory() -> None:
    message = queued(body=b"Subject: a\r\n")
    assert message.content() == b"Subject: a\r\n"
    with message.open() as file:
        assert file.read(7) == b"Subject"


def test_in_a_file(tmp_path) -> None:
    path = tmp_path / "body.eml"
    path.write_bytes(b"Subject: a\r\n")
    message = QueuedMessage("m1", envelope(), 1, path)
    assert message.content() == b"Subject: a\r\n"
    with message.open() as file:
        assert file.read(7) == b"Subject"


def test_the_file_is_missing(tmp_path) -> None:
    message = QueuedMessage("m1", envelope(), 1, tmp_path / "body.eml")
    with pytest.raises(FileNotFoundError):
        message.content()


def test_a_log_shows_no_content() -> None:
    assert "hello" not in repr(queued(body=b"hello"))
