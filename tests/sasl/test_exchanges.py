"""CRAM-MD5, ANONYMOUS, XOAUTH2, OAUTHBEARER, and whom PLAIN may act as, each by both of its halves."""

from __future__ import annotations

import base64
import hmac
import json

import pytest
from twisted.cred.checkers import AllowAnonymousAccess, InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import fail, succeed
from twisted.logger import formatEvent, globalLogPublisher

from tests.encoding import b64
from tests.sasl.exchanges import DONE, UNIFORM, ask, conversation, log_in, portal
from txsmtpx.sasl.anonymous import Anonymous
from txsmtpx.sasl.cram_md5 import CramMD5
from txsmtpx.sasl.login_mechanism import AuthLogin
from txsmtpx.sasl.oauth_bearer import IBearerToken, OAuthBearer, XOAuth2
from txsmtpx.sasl.plain import Plain
from txsmtpx.testing import RecordingBackend


def users():
    return InMemoryUsernamePasswordDatabaseDontUse(alice=b"wonder land", bob="m²".encode())


def username(client):
    return client.protocol.dialog.connection.username


@pytest.mark.parametrize("half", [CramMD5, Plain, AuthLogin])
def test_a_password(half):
    client = conversation(portal(users()))
    assert log_in(client, half("alice", "wonder land"))[-1] == DONE
    assert username(client) == "alice"
    for name, password in [("alice", "Wonder land"), ("mallory", "wonder land"), ("alice\u200e", "wonder land")]:
        assert log_in(conversation(portal(users())), half(name, password))[-1] == UNIFORM


@pytest.mark.parametrize("half", [CramMD5, Plain, AuthLogin])
@pytest.mark.parametrize("password", ["wonder\u00a0land", "wonder\u00adland", "won\u00adder land"])
def test_names_and_passwords_are_prepared(half, password):
    """RFC 4013: a space is a space, a soft hyphen nothing; CRAM-MD5 does so at this end only."""
    right = password != "wonder\u00adland" and half is not CramMD5
    answer = log_in(conversation(portal(users())), half("al\u00adice", password))[-1]
    assert answer == (DONE if right else UNIFORM)
    assert log_in(conversation(portal(users())), half("ALICE".lower(), "wonder land"))[-1] == DONE
    assert log_in(conversation(portal(users())), half("bob", "m²"))[-1] == DONE


def test_cram_is_never_the_same_and_cannot_be_replayed():
    client = conversation(portal(users()))
    first, second = (base64.b64decode(ask(client, "AUTH CRAM-MD5")[4:]) for _ in range(2) if not ask(client, "*") or 1)
    assert first != second
    digest = hmac.new(b"wonder land", first, "md5").hexdigest()
    assert ask(client, b64(f"alice {digest}".encode())) == UNIFORM


@pytest.mark.parametrize("response", ["", "alice", " 0123", "\xff 0123"])
def test_cram_malformed(response):
    client = conversation(portal(users()))
    ask(client, "AUTH CRAM-MD5")
    assert ask(client, b64(response.encode("latin-1"))).startswith("501 5.5.2")
    assert ask(client, "AUTH CRAM-MD5 =").startswith("501 5.7.0")  # RFC 4954 §4: there is nothing to answer yet
    ask(client, "AUTH CRAM-MD5")
    assert ask(client, "*").startswith("501 5.7.0")
    assert ask(client, "NOOP").startswith("250")


class Policy(RecordingBackend):
    def may_act_as(self, username, authorization):
        self.calls.append(("may_act_as", username, authorization))
        return succeed((username, authorization) == ("alice", "list"))


def test_acting_as_another():
    backend = Policy({"alice": "secret", "bob": "secret"})
    client = conversation(backend)
    assert log_in(client, Plain("alice", "secret", "list")) == [DONE]
    assert username(client) == "list"
    for half in [Plain("alice", "secret", "bob"), Plain("bob", "secret", "list"), Plain("alice", "wrong", "list")]:
        before = len(backend.calls)
        client = conversation(backend)
        assert log_in(client, half) == [UNIFORM]
        assert backend.methods[before:] == ["may_act_as", "login"]  # it costs the same
        assert username(client) is None


def test_acting_as_another_without_a_policy():
    assert log_in(conversation(portal(users())), Plain("alice", "wonder land", "bob")) == [UNIFORM]


def test_anonymous_is_nobody():
    client = conversation(portal(AllowAnonymousAccess()))
    assert client.ask("EHLO client.example")[-1] == "250 AUTH ANONYMOUS"
    assert log_in(client, Anonymous("sirhc")) == [DONE]
    assert username(client) is None
    assert ask(client, "AUTH ANONYMOUS =") == "503 5.5.1 Already authenticated"
    assert ask(client, "MAIL FROM:<a@client.example>").startswith("250")
    client = conversation(portal(AllowAnonymousAccess()))
    assert ask(client, f"AUTH ANONYMOUS {b64(b'x' * 256)}").startswith("501 5.5.2")
    assert ask(client, "AUTH ANONYMOUS") == "334 "
    assert ask(client, "") == DONE


def test_anonymous_is_not_offered_where_a_login_is_required():
    client = conversation(portal(AllowAnonymousAccess(), users()), require_auth=True)
    assert client.ask("EHLO client.example")[-1] == "250 AUTH CRAM-MD5 PLAIN LOGIN"
    assert ask(client, "AUTH ANONYMOUS =").startswith("504")


class Tokens:
    credentialInterfaces = (IBearerToken,)

    def requestAvatarId(self, credentials):
        assert "t0ken" not in repr(credentials)
        if credentials.token != "t0ken" or credentials.username not in (b"", b"a,l=ice"):
            return fail(UnauthorizedLogin())
        credentials.username = b"a,l=ice"
        return succeed(credentials.username)


@pytest.mark.parametrize("half", [OAuthBearer, XOAuth2])
def test_a_token(half):
    client = conversation(portal(Tokens()))
    assert client.ask("EHLO client.example")[-1] == "250 AUTH OAUTHBEARER XOAUTH2"
    assert log_in(client, half("a,l=ice", "t0ken")) == [DONE]
    assert username(client) == "a,l=ice"


def test_a_token_that_says_whose_it_is():
    client = conversation(portal(Tokens()))
    response = b64(b"n,,\1auth=bearer t0ken\1\1")
    assert ask(client, f"AUTH OAUTHBEARER {response}") == DONE
    assert username(client) == "a,l=ice"


@pytest.mark.parametrize("half", [OAuthBearer, XOAuth2])
def test_a_wrong_token(half):
    client = conversation(portal(Tokens()))
    challenge, answer = log_in(client, half("alice", "other"))
    error = json.loads(base64.b64decode(challenge[4:]))
    assert error["schemes"] == "bearer"
    assert error["status"] in ("401", "invalid_token")
    assert answer == UNIFORM
    assert client.protocol.dialog.failed_logins == 1
    half = half("alice", "other")
    ask(client, f"AUTH {half.name} {b64(half.start())}")
    assert ask(client, "*").startswith("501 5.7.0")  # which counts, too
    assert client.protocol.dialog.failed_logins == 2


@pytest.mark.parametrize(
    "response", [b"", b"n,a=x,", b"n,a=x,\1\1", b"n,a=x,\1auth=Basic dA==\1\1", b"n,a==20,\1auth=Bearer t\1\1",
                 b"p=tls-exporter,a=x,\1auth=Bearer t\1\1", b"n,a=\xff,\1auth=Bearer t\1\1"],
)  # fmt: skip
def test_malformed_tokens(response):
    client = conversation(portal(Tokens()))
    ask(client, "AUTH OAUTHBEARER")
    assert ask(client, b64(response)).startswith("501 5.5.2")
    assert client.protocol.dialog.failed_logins == 0


def test_nothing_secret_is_in_the_log_or_in_the_transcript():
    said = []
    globalLogPublisher.addObserver(said.append)
    try:
        for half in [CramMD5, Plain, AuthLogin]:
            client = conversation(portal(users()), transcript=True)
            log_in(client, half("alice", "wonder land"))
            log_in(conversation(portal(users()), transcript=True), half("alice", "guesswork"))
        for half in [OAuthBearer, XOAuth2]:
            log_in(conversation(portal(Tokens()), transcript=True), half("alice", "guesswork"))
    finally:
        globalLogPublisher.removeObserver(said.append)
    text = "\n".join(f"{formatEvent(event)}\n{event}" for event in said)
    assert "AUTH" in text
    assert "logged in" in text
    for secret in ["wonder land", "guesswork", b64(b"wonder land"), b64(b"guesswork")]:
        assert secret not in text
    assert b64(b"\0alice\0wonder land") not in text
