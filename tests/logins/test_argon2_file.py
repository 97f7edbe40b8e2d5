"""Passwords by argon2id: what a login costs, for users and for strangers."""

from __future__ import annotations

import argon2
import pytest
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.error import UnauthorizedLogin
from zope.interface.verify import verifyObject

from tests.logins.conftest import CHEAP
from tests.sasl.exchanges import DONE, UNIFORM, conversation, log_in, now, portal
from tests.threads import Threads
from txsmtpx import passwd
from txsmtpx.logins.argon2_file import Argon2Checker
from txsmtpx.sasl.mechanism import UsernamePassword
from txsmtpx.sasl.plain import Plain
from txsmtpx.testing import Outcome


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


async def test_hashing_in_threads(path):
    checker = Argon2Checker(str(path))
    outcome = await portal(checker).login(None, "alice", "wonderland")
    outcome.logout()


def outcome(checker, username, password):
    return Outcome(checker.requestAvatarId(UsernamePassword(username, password)))


def test_the_right_password_and_no_other(path):
    checker = Argon2Checker(str(path), now)
    assert verifyObject(ICredentialsChecker, checker)
    assert outcome(checker, b"alice", b"wonderland").result() == b"alice"
    for name, password in [(b"alice", b""), (b"alice", b"Wonderland"), (b"", b"wonderland"), (b"\xff", b"\xff")]:
        assert isinstance(outcome(checker, name, password).error, UnauthorizedLogin)


def test_a_file_without_users_knows_nobody(tmp_path):
    (tmp_path / "users").write_text("# nobody yet\n")
    checker = Argon2Checker(str(tmp_path / "users"), now)
    assert isinstance(outcome(checker, b"alice", b"x").error, UnauthorizedLogin)


@pytest.mark.parametrize("value", ["$argon2i$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2g", "$argon2id$", "{PLAIN}secret"])
def test_another_hash_is_not_read(tmp_path, value):
    (tmp_path / "users").write_text(f"alice:{CHEAP.hash('x')}\nbob:{value}\n")
    with pytest.raises(ValueError, match=r"users, user 'bob': this is no hash of argon2id; ") as refused:
        Argon2Checker(str(tmp_path / "users"), now)
    assert "secret" not in str(refused.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        Argon2Checker(str(tmp_path / "users"), now)
