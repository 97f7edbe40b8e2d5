"""A file that is read again after it has changed."""

from __future__ import annotations

import pytest
from twisted.logger import capturedLogs, formatEvent

from tests.sasl.exchanges import now
from tests.threads import Threads
from txsmtpx.logins.watched_file import WatchedFile
from txsmtpx.testing import Outcome


def read(path: str) -> str:
    with open(path) as file:
        text = file.read()
    if text == "bad":
        raise ValueError("it is bad")
    if text == "worse":
        raise RuntimeError("it is worse")
    return text


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "file"
    path.write_text("first")
    return path


def test_it_is_read_once_until_it_changes(path):
    threads = Threads()
    file = WatchedFile(str(path), read, threads)
    assert file.current() == "first"
    assert not threads.waiting
    path.write_text("second")
    outcomes = [Outcome(file.current()) for _ in range(2)]
    assert len(threads.waiting) == 1
    threads.work()
    assert [each.result() for each in outcomes] == ["second"] * 2
    assert file.current() == file.content == "second"


def test_it_changes_while_it_is_read(path):
    threads = Threads()
    file = WatchedFile(str(path), read, threads)
    path.write_text("second")
    outcome = Outcome(file.current())
    waiting, function, _ = threads.waiting.pop(0)
    content = function()
    path.write_text("the third")
    waiting.callback(content)
    assert not outcome.fired
    threads.work()
    assert outcome.result() == "the third"


@pytest.mark.parametrize(("text", "logged"), [("bad", "not read again: it is bad"), ("worse", "not read again")])
def test_the_old_content_stays(path, text, logged, logged_failures):
    file = WatchedFile(str(path), read, now)
    path.write_text(text)
    with capturedLogs() as events:
        assert Outcome(file.current()).result() == "first"
    assert logged in str(formatEvent(events[0]))
    logged_failures.flush()


def test_it_is_removed(path):
    file = WatchedFile(str(path), read, now)
    path.unlink()
    with capturedLogs() as events:
        assert file.current() == "first"
    assert "No such file" in str(formatEvent(events[0]))


@pytest.mark.parametrize("text", ["bad", None])
def test_it_cannot_be_read_at_the_start(path, text):
    path.write_text(text) if text else path.unlink()
    with pytest.raises((ValueError, OSError)):
        WatchedFile(str(path), read, now)
