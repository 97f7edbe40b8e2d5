"""Passwords at rest: files, the command that writes them, and what it costs to ask for a stranger."""

from __future__ import annotations

import asyncio

import pytest
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import CancelledError, Deferred

from tests.logins.conftest import CHEAP
from tests.sasl.exchanges import DONE, conversation, log_in, now, portal
from tests.threads import Threads
from txsmtpx import aio, passwd
from txsmtpx.logins.argon2_file import Argon2Checker
from txsmtpx.logins.password_file import AT_ONCE, Hashing, PasswordFile
from txsmtpx.logins.scram_file import ScramChecker
from txsmtpx.sasl.mechanism import UsernamePassword
from txsmtpx.sasl.plain import Plain
from txsmtpx.testing import Outcome


def test_a_file_is_read_again(path, monkeypatch):
    backend = portal(Argon2Checker(str(path), now))
    passwd.store(str(path), "bob", [CHEAP.hash("builder")])
    assert log_in(conversation(backend), Plain("bob", "builder")) == [DONE]
    path.write_text("nonsense\n")
    assert log_in(conversation(backend), Plain("bob", "builder")) == [DONE]
    path.unlink()
    assert log_in(conversation(backend), Plain("alice", "wonderland")) == [DONE]


def scram_file(path, *names):
    """Write a new file with these, whose password is their name."""
    path.unlink(missing_ok=True)
    for name in names:
        passwd.store(str(path), name, passwd.hashes("scram", name.encode(), 4096))


def test_a_file_that_has_changed_is_read_in_a_thread(tmp_path):
    path, threads = tmp_path / "users", Threads()
    scram_file(path, "alice")
    checker = ScramChecker(str(path), threads)
    scram_file(path, "bob")
    asked = [checker.scram_verifier(name, "SCRAM-SHA-256") for name in ("alice", "bob", "bob")]
    asked[2].addErrback(lambda failure: failure.trap(CancelledError)).cancel()
    assert len(threads.waiting) == 1
    threads.work()
    results = [outcome.result() for outcome in map(Outcome, asked[:2])]
    assert checker.scram_verifier("bob", "SCRAM-SHA-256") == results[1]
    assert checker.scram_verifier("alice", "SCRAM-SHA-256") == results[0]
    scram_file(path, "alice", "bob")
    login = Outcome(checker.requestAvatarId(UsernamePassword(b"alice", b"alice")))
    threads.work()
    assert not login.fired
    threads.work()  # the password's hash
    assert login.result() == b"alice"


def test_a_password_that_is_removed_while_the_file_is_read_does_not_count(tmp_path):
    path, threads = tmp_path / "users", Threads()
    scram_file(path, "alice")
    checker = ScramChecker(str(path), threads)
    scram_file(path, "alice", "bob")
    login = Outcome(checker.requestAvatarId(UsernamePassword(b"alice", b"alice")))
    waiting, function, _ = threads.waiting.pop(0)
    read = function()
    scram_file(path, "bob")
    waiting.callback(read)
    assert len(threads.waiting) == 1  # it is read again
    threads.work()
    threads.work()
    assert isinstance(login.error, UnauthorizedLogin)


@pytest.mark.parametrize("text", ["alice", "alice:", ":x", "alice:secret", "alice:$argon2id$v=19$x"])
def test_a_file_that_is_none(tmp_path, text):
    path = tmp_path / "users"
    path.write_text(text)
    for checker in Argon2Checker, ScramChecker:
        with pytest.raises(ValueError, match=r"(this is no|a line is)") as caught:
            checker(str(path), now)
        assert "secret" not in str(caught.value)


def test_so_many_at_a_time_and_the_gone_are_passed_over():
    running = []

    def in_thread(function, *arguments):
        running.append(arguments)
        started.append(Deferred())
        return started[-1]

    started: list[Deferred[object]] = []
    hashing = Hashing(in_thread)
    asked = [hashing.compute(len, number) for number in range(AT_ONCE + 2)]
    assert len(running) == AT_ONCE
    failures = [outcome.addErrback(lambda failure: failure.trap(CancelledError)) for outcome in (asked[0], asked[-2])]
    for each in failures:
        each.cancel()
    assert len(running) == AT_ONCE  # the thread goes on, and so does its turn
    started[0].callback(None)
    assert running[AT_ONCE:] == [(AT_ONCE + 1,)]


def test_a_loop_of_asyncio_that_was_closed_while_the_file_was_read(tmp_path):
    """The next loop reads it again, and waits for no Deferred of the first."""
    path, threads = tmp_path / "users", Threads()
    path.write_text("ann:one\n")
    passwords: PasswordFile[dict[str, str]] = PasswordFile(str(path), dict, threads)
    path.write_text("ann:the second\n")

    async def begin() -> Deferred[dict[str, str]]:
        return passwords.current()

    async def finish() -> dict[str, str]:
        current = passwords.current()
        threads.waiting.pop(0)  # of the closed loop
        threads.work()
        return await aio.wait(current)

    asyncio.run(begin())
    assert asyncio.run(finish()) == {"ann": "the second"}


def test_a_loop_of_asyncio_that_was_closed_while_hashes_were_computed():
    threads = Threads()
    hashing = Hashing(threads)

    async def begin() -> None:
        for number in range(AT_ONCE):
            hashing.compute(str, number)

    async def finish() -> str:
        outcome = hashing.compute(str, "the next loop")
        del threads.waiting[:AT_ONCE]
        threads.work()
        return await aio.wait(outcome)

    asyncio.run(begin())
    assert asyncio.run(finish()) == "the next loop"
