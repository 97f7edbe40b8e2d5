"""The options about logins: the checkers, and the mechanisms that they allow."""

from __future__ import annotations

import pytest

from tests.command.parsing import complaints, factory
from tests.logins.issuer import ISSUER, jwks
from tests.sasl.certificates import issue_client
from tests.sasl.exchanges import DONE, conversation, log_in
from txsmtpx import (
    PortalBackend,
    Session,
    SMTPError,
    passwd,
)
from txsmtpx.backends.memory import MemoryBackend
from txsmtpx.command.usage import Options
from txsmtpx.interfaces import Connection
from txsmtpx.logins.dovecot import DovecotChecker
from txsmtpx.sasl.cram_md5 import CramMD5
from txsmtpx.sasl.mechanisms import ChangingMechanisms
from txsmtpx.sasl.plain import Plain


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
    (["--require-auth"], "--require-auth: there are no logins"),
    (["--without-mechanism", "LOGIN"], "LOGIN: there are no logins"),
    (["--auth", "telepathy"], "telepathy"),
    (["--auth", "certificate:x"], "--auth certificate: it takes no argument; write certificate"),
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


def backends(*options: str):
    """The backend of the server, and the one that the options name."""
    parsed = Options()
    parsed.parseOptions(["--backend", "memory", *options])
    (listener,) = parsed.process.listeners
    return listener.backend, listener.chosen_backend


@pytest.mark.parametrize("client", [Plain("me", "guess"), CramMD5("me", "guess")])
@pytest.mark.parametrize("options", [[], ["--require-auth"]])
def test_a_server_that_catches_mail_accepts_any_login_and_shows_it(client, options):
    backend, memory = backends("--auth", "any", *options)
    assert isinstance(memory, MemoryBackend)
    talk = conversation(backend)
    assert log_in(talk, client)[-1] == DONE
    talk.ask("MAIL FROM:<a@client.example>", "RCPT TO:<b@localhost>", "DATA", "Subject: hi", "", ".")
    assert [each.username for each in memory.messages] == ["me"]


def test_a_login_is_optional_with_any():
    backend, memory = backends("--auth", "any")
    conversation(backend).ask("MAIL FROM:<a@client.example>", "RCPT TO:<b@localhost>", "DATA", "Subject: hi", "", ".")
    assert [each.username for each in memory.messages] == [None]


def test_a_file_has_our_checker(tmp_path):
    (tmp_path / "users").write_text("me:secret\n")
    backend, _ = backends("--auth", f"file:{tmp_path / 'users'}")
    assert log_in(conversation(backend), Plain("me", "secret")) == [DONE]
    assert log_in(conversation(backend), CramMD5("me", "secret"))[-1] == DONE
    assert log_in(conversation(backend), Plain("me", "guess")) != [DONE]


@pytest.mark.parametrize("kind", ["any", "argon2", "certificate", "file", "memory", "scram"])
def test_the_lists_have_each_type(kind, capsys, monkeypatch):
    from txsmtpx.command.groups.authentication import CheckerList

    printed: list[str] = []
    monkeypatch.setattr(CheckerList, "authOutput", type("Out", (), {"write": staticmethod(printed.append)}))
    for option in (["--help-auth"], ["--help-auth-type", kind]):
        printed.clear()
        with pytest.raises(SystemExit) as exit:
            Options().parseOptions(option)
        assert exit.value.code == 0
        assert kind in "".join(printed)


def test_dovecot(tmp_path):
    """Its mechanisms are known later; it is a service, and --check asks it."""
    options = Options()
    authority = str(issue_client(tmp_path / "pem", "me", "me@example.org").authority)
    certificates = ["--auth", "certificate", "--tls-self-signed", "--tls-client-ca", authority]
    options.parseOptions(["--auth", "dovecot:unix:/nowhere timeout=5", *certificates, "--require-auth"])
    (made,) = options.process.listeners
    assert isinstance(made.factory.settings.mechanisms, ChangingMechanisms)
    assert [type(each) for each in made.services] == [DovecotChecker]
    assert [each.name for each in made.questions] == ["dovecot"]


@pytest.mark.parametrize("other", ["memory:a:b", "dovecot:unix:/y"])
def test_dovecot_has_all_passwords(other):
    assert complaints("--auth", "dovecot:unix:/x", "--auth", other) == [
        "--auth dovecot: another --auth has passwords too; put all users into Dovecot, or leave one out"
    ]


@pytest.fixture
def keys(tmp_path):
    path = tmp_path / "keys.json"
    path.write_bytes(jwks())
    return f"jwt:{path} issuer={ISSUER} audience=mail"


def test_tokens(keys):
    options = Options()
    options.parseOptions(["--auth", f"{keys} claim=email scope='mail smtp'", "--auth", "memory:a:b"])
    (made,) = options.process.listeners
    assert {"OAUTHBEARER", "XOAUTH2", "PLAIN"} <= {each.name for each in made.factory.settings.mechanisms}
    assert made.factory.settings.backend.token_refusal == {
        "scope": "mail smtp", "openid-configuration": f"{ISSUER}/.well-known/openid-configuration",
    }  # fmt: skip
    assert [each.name for each in made.questions] == ["jwt"]


@pytest.mark.parametrize(("auth", "text"), [
    ("dovecot:", "dovecot: it needs an argument; write dovecot:ENDPOINT"),
    ("dovecot:nowhere", "dovecot: no endpoint: nowhere "),
    ("jwt:/nowhere issuer=x audience=y", "jwt: cannot read /nowhere: No such file or directory"),
    ("jwt:/nowhere audience=y", "jwt: issuer is empty; without it, tokens for others would be accepted"),
    ("jwt:/nowhere isuer=x", "jwt:/nowhere isuer=x: isuer is not a setting of the login jwt; did you mean issuer?"),
    ("jwt:http://a.test/ issuer=x audience=y", "jwt: 'http://a.test/' must begin with https"),
    ("introspection:https://u:word@a.test/ secret-file=x", "introspection: client-id is empty"),
    ("introspection:https://u:word@a.test/ x=y", "introspection:https://***@a.test/ x=y: x is not a setting"),
])  # fmt: skip
def test_what_cannot_be_used(auth, text):
    """Guarantee 27, and no password (7)."""
    (line,) = complaints("--auth", auth)
    assert line.startswith(f"--auth {text}")
    assert "word" not in line


def test_the_help_of_a_type_has_its_settings(capsys):
    with pytest.raises(SystemExit):
        Options().parseOptions(["--help-auth-type", "jwt"])
    assert "The issuer, exactly as its tokens name it (iss)." in capsys.readouterr().out
