"""The options about logins: the checkers, and the mechanisms that they allow."""

from __future__ import annotations

import pytest

from tests.command.parsing import complaints, factory
from txsmtpx import (
    PortalBackend,
    Session,
    SMTPError,
    passwd,
)
from txsmtpx.interfaces import Connection
from txsmtpx.tap import Options


def test_by_twistd(tmp_path):
    path, scram = tmp_path / "users", tmp_path / "scram"
    passwd.store(str(path), "alice", passwd.hashes("argon2", b"wonderland"))
    passwd.store(str(scram), "bob", passwd.hashes("scram", b"builder", 4096))
    options = Options()
    options.parseOptions(["--auth", f"argon2:{path}", "--auth", f"scram:{scram}", "--allow-insecure-auth"])
    names = [mechanism.name for mechanism in options.process.listeners[0].factory.settings.mechanisms]
    assert names[-5:] == ["SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN"]


@pytest.mark.parametrize("auth", ["argon2", "argon2:/nowhere", "scram:", "certificate:x"])
def test_by_twistd_wrongly(auth):
    with pytest.raises(SystemExit, match="twistd smtpx: "):
        Options().parseOptions(["--auth", auth])


def test_mechanisms_that_are_left_out():
    made = factory("--auth", "memory:a:b", "--without-mechanism", "login", "--without-mechanism", "CRAM-MD5")
    everything = {each.name for each in factory("--auth", "memory:a:b").settings.mechanisms}
    assert {each.name for each in made.settings.mechanisms} == everything - {"LOGIN", "CRAM-MD5"}
    assert {"LOGIN", "CRAM-MD5"} <= everything


def test_a_proxys_login_is_one():
    """XCLIENT LOGIN passes for the login that is required: the backend gives its session."""
    backend = factory("--require-auth", "--auth", "memory:user:password").settings.backend
    connection = Connection("1", "localhost", False)
    with pytest.raises(SMTPError) as raised:
        backend.anonymous_login(connection)
    assert raised.value.code == 530
    connection.username = "user"
    assert isinstance(backend.anonymous_login(connection), Session)


def test_auth(tmp_path):
    passwords = tmp_path / "passwords"
    passwords.write_text("other:word\n")
    settings = factory("--auth", "memory:user:password", "--auth", f"file:{passwords}", "--require-auth").settings
    assert isinstance(settings.backend, PortalBackend)
    assert settings.require_auth is True
    found = []
    for name, password in [("user", "password"), ("other", "word"), ("user", "word")]:
        settings.backend.login(None, name, password).addCallbacks(found.append, lambda failure: found.append(None))
    assert [each is not None for each in found] == [True, True, False]


@pytest.mark.parametrize(("options", "line"), [
    (["--require-auth"], "--require-auth needs --auth"),
    (["--without-mechanism", "LOGIN"], "--without-mechanism needs --auth"),
    (["--auth", "telepathy"], "telepathy"), (["--auth", "certificate:x"], "--auth certificate takes no argument"),
    (["--auth", "argon2:/nowhere"], "cannot read /nowhere: No such file or directory"),
])  # fmt: skip
def test_what_is_wrong_is_told_with_its_option(options, line):
    (told,) = complaints(*options)
    assert line in told
    assert told.startswith(options[0])


def test_without_users_no_login_is_offered():
    settings = factory().settings
    assert list(settings.mechanisms) == []
    assert settings.require_auth is False
