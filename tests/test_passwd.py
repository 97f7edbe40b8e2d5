"""The command that stores a password in a file."""

from __future__ import annotations

import io
import os
import stat

import argon2
import pytest

from tests.sasl.exchanges import DONE, UNIFORM, conversation, log_in, now, portal
from txsmtpx import passwd
from txsmtpx.logins.argon2_file import Argon2Checker
from txsmtpx.logins.scram_file import ScramChecker, read
from txsmtpx.sasl.plain import Plain


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


@pytest.mark.parametrize("iterations", [4095, 1_000_001, 0, -1])
def test_iterations_out_of_bounds_are_refused_with_the_bounds(tmp_path, monkeypatch, iterations):
    with pytest.raises(SystemExit, match=rf"--iterations is 4096 to 1000000, not {iterations}$"):
        make("scram", tmp_path / "users", "alice", "x\n", monkeypatch, f"--iterations={iterations}")


def test_a_file_that_is_malformed_is_left_as_it_is(tmp_path, monkeypatch):
    (tmp_path / "users").write_text("nonsense\n")
    with pytest.raises(SystemExit, match=r"txsmtpx\.passwd: "):
        make("scram", tmp_path / "users", "alice", "x\n", monkeypatch)
    assert (tmp_path / "users").read_text() == "nonsense\n"
    assert os.listdir(tmp_path) == ["users"]


def test_a_file_keeps_its_mode(tmp_path):
    path = tmp_path / "users"
    passwd.store(str(path), "alice", ["x"])
    path.chmod(0o640)
    passwd.store(str(path), "bob", ["y", "z"])
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o640
    assert path.read_text() == "alice:x\nbob:y\nbob:z\n"


def test_a_write_that_fails_leaves_nothing_behind(tmp_path, monkeypatch):
    path = tmp_path / "users"
    passwd.store(str(path), "alice", ["x"])

    def fails(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match="No space left"):
        passwd.store(str(path), "bob", ["y"])
    assert path.read_text() == "alice:x\n"
    assert os.listdir(tmp_path) == ["users"]


def test_the_hashes_of_a_password():
    kinds = [each[1:].partition("}")[0] for each in passwd.hashes("scram", b"secret", 4096)]
    assert kinds == ["SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"]
    (argon,) = passwd.hashes("argon2", b"secret")
    assert argon.startswith("$argon2id$")
    assert argon2.PasswordHasher().verify(argon, b"secret")
    assert passwd.hashes("scram", b"secret", 4096) != passwd.hashes("scram", b"secret", 4096)  # the salt


@pytest.mark.parametrize(("again", "accepted"), [("secret", True), ("secert", False)])
def test_at_a_terminal_it_asks_twice(tmp_path, monkeypatch, again, accepted):
    answers = {"Password: ": "secret", "Again: ": again}
    monkeypatch.setattr("sys.stdin", io.StringIO())
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("getpass.getpass", answers.__getitem__)
    if accepted:
        passwd.main(["scram", str(tmp_path / "users"), "alice", "--iterations", "4096"])
    else:
        with pytest.raises(SystemExit, match="the two passwords are not the same"):
            passwd.main(["scram", str(tmp_path / "users"), "alice"])
    assert (tmp_path / "users").exists() is accepted
