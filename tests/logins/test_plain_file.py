"""Passwords in a file of plain text."""

from __future__ import annotations

import os

import pytest

from tests.sasl.exchanges import DONE, UNIFORM, conversation, log_in, now, portal
from tests.threads import Threads
from txsmtpx.logins.plain_file import PlainFileChecker
from txsmtpx.sasl.cram_md5 import CramMD5
from txsmtpx.sasl.plain import Plain


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "users"
    path.write_text("# those of the house\n\nalice:wonderland\nbob:builder:1000:x\n")
    return path


@pytest.mark.parametrize("client", [Plain, CramMD5])
def test_logins(path, client):
    backend = portal(PlainFileChecker(str(path), now))
    expected = [("alice", "wonderland", DONE), ("bob", "builder", DONE), ("alice", "builder", UNIFORM)]
    for name, password, answer in [*expected, ("mallory", "wonderland", UNIFORM), ("bob", "builder:1000:x", UNIFORM)]:
        assert log_in(conversation(backend), client(name, password))[-1] == answer


def test_the_file_is_read_again_in_a_thread(path):
    threads = Threads()
    backend = portal(PlainFileChecker(str(path), threads))
    read = []
    assert log_in(conversation(backend), Plain("alice", "wonderland")) == [DONE]
    assert threads.waiting == []
    path.write_text("alice:other\n")
    os.utime(path, ns=(1, 1))
    backend.login(None, "alice", "other").addCallback(read.append)
    assert (len(threads.waiting), read) == (1, [])
    threads.work()
    assert len(read) == 1


def test_an_unknown_user_costs_a_comparison(path):
    compared = []

    class Credentials:
        username = b"mallory"

        def checkPassword(self, password):
            compared.append(password)
            return True

    checker = PlainFileChecker(str(path), now)
    failures = []
    checker.requestAvatarId(Credentials()).addErrback(failures.append)
    assert (len(compared), len(failures)) == (1, 1)


def test_a_malformed_file(path):
    path.write_text("alice\n")
    with pytest.raises(ValueError, match=r"users, line 1: a line is NAME:PASSWORD or NAME:HASH$"):
        PlainFileChecker(str(path), now)
