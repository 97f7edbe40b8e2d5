"""Passwords at rest: files, the command that writes them, and what it costs to ask for a stranger."""

from __future__ import annotations

import io
import os
import stat

import argon2
import pytest
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import CancelledError, Deferred

from tests.sasl.exchanges import DONE, UNIFORM, conversation, log_in, now, portal
from tests.threads import Threads
from txsmtpx import passwd
from txsmtpx.logins.argon2_file import Argon2Checker
from txsmtpx.logins.password_file import AT_ONCE, Hashing
from txsmtpx.logins.scram_file import ScramChecker, read
from txsmtpx.sasl.mechanism import UsernamePassword
from txsmtpx.sasl.plain import Plain
from txsmtpx.sasl.saslprep import saslprep
from txsmtpx.tap import Options
from txsmtpx.testing import Outcome

CHEAP = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "users"
    path.write_text(f"# those of the house\n\nalice:{CHEAP.hash('wonderland')}\n")
    return path


def test_argon2(path, monkeypatch):
    calls = []
    real = argon2.PasswordHasher.verify

    def counted(self, value, password):
        calls.append(argon2.extract_parameters(value))
        return real(self, value, password)

    monkeypatch.setattr(argon2.PasswordHasher, "verify", counted)
    backend = portal(Argon2Checker(str(path), now))
    expected = [("alice", "wonderland", DONE), ("alice", "wrong", UNIFORM), ("mallory", "wonderland", UNIFORM)]
    for name, password, answer in expected:
        assert log_in(conversation(backend), Plain(name, password)) == [answer]
    assert len(calls) == 3
    assert calls[0] == calls[1] == calls[2]


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


def test_what_strangers_are_compared_with_is_computed_in_a_thread(path):
    threads = Threads()
    checker = Argon2Checker(str(path), threads)
    passwd.store(str(path), "bob", [CHEAP.hash("builder")])
    login = Outcome(checker.requestAvatarId(UsernamePassword(b"mallory", b"x")))
    assert [function.__name__ for _, function, _ in threads.waiting] == ["_read"]
    threads.work()
    assert [function.__name__ for _, function, _ in threads.waiting] == ["_verify"]
    threads.work()
    assert isinstance(login.error, UnauthorizedLogin)


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
        with pytest.raises(ValueError, match="not") as caught:
            checker(str(path), now)
        assert "secret" not in str(caught.value)


async def test_hashing_in_threads(path):
    checker = Argon2Checker(str(path))
    outcome = await portal(checker).login(None, "alice", "wonderland")
    outcome.logout()


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


def make(kind, path, name, password, monkeypatch, *more):
    monkeypatch.setattr("sys.stdin", io.StringIO(password))
    passwd.main([kind, str(path), name, *more])


def test_the_command(tmp_path, monkeypatch, capsys):
    path = tmp_path / "users"
    make("scram", path, "alice", "wonderland\n", monkeypatch, "--iterations", "4096")
    make("scram", path, "bob", "builder\n", monkeypatch)
    make("scram", path, "alice", "changed\n", monkeypatch)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    lines = path.read_text().splitlines()
    assert [line.split(":")[0] for line in lines] == ["bob"] * 3 + ["alice"] * 3
    assert {read(line.split(":")[1])[0] for line in lines} == {"SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"}
    assert log_in(conversation(portal(ScramChecker(str(path), now))), Plain("alice", "changed")) == [DONE]
    assert log_in(conversation(portal(ScramChecker(str(path), now))), Plain("alice", "wonderland")) == [UNIFORM]
    hashed = tmp_path / "hashed"
    make("argon2", hashed, "alice", "wonderland\n", monkeypatch)
    assert log_in(conversation(portal(Argon2Checker(str(hashed), now))), Plain("alice", "wonderland")) == [DONE]
    assert sorted(os.listdir(tmp_path)) == ["hashed", "users"]
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("name", "password"), [("a:b", "x\n"), ("", "x\n"), ("alice", "\n"), ("alice", "\x07\n")])
def test_the_command_refuses(tmp_path, monkeypatch, name, password):
    with pytest.raises(SystemExit, match=r"txsmtpx\.passwd: "):
        make("scram", tmp_path / "users", name, password, monkeypatch)
    assert not (tmp_path / "users").exists()


def test_by_twistd(path, tmp_path):
    scram = tmp_path / "scram"
    passwd.store(str(scram), "bob", passwd.hashes("scram", b"builder", 4096))
    options = Options()
    options.parseOptions(["--auth", f"argon2:{path}", "--auth", f"scram:{scram}", "--allow-insecure-auth"])
    names = [mechanism.name for mechanism in options.process.listeners[0].factory.settings.mechanisms]
    assert names[-5:] == ["SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN"]


@pytest.mark.parametrize("auth", ["argon2", "argon2:/nowhere", "scram:", "certificate:x"])
def test_by_twistd_wrongly(auth):
    with pytest.raises(SystemExit, match="twistd smtpx: "):
        Options().parseOptions(["--auth", auth])


@pytest.mark.parametrize(
    ("text", "right"),
    [("I\u00adX", "IX"), ("user", "user"), ("USER", "USER"), ("\u00aa", "a"), ("\u2168", "IX"), ("\u0007", None),
     ("\u0627\u0031", None)],
)  # fmt: skip
def test_the_examples_of_rfc_4013(text, right):
    if right is None:
        with pytest.raises(ValueError, match=r"character|mixed"):
            saslprep(text)
    else:
        assert saslprep(text) == right
