"""PLAIN (RFC 4616): what it is made of, and whom a user may act as."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred, succeed

from tests.sasl.exchanges import CONNECTION, DONE, UNIFORM, conversation, log_in, portal, username, users
from txsmtpx import SMTPError
from txsmtpx.sasl.mechanism import UsernamePassword
from txsmtpx.sasl.plain import ActingAs, Plain, PlainServer
from txsmtpx.testing import Outcome, RecordingBackend


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


def test_nul_is_in_no_password():
    for words in (("a\0b", "c"), ("a", "b\0c"), ("a", "b", "c\0")):
        with pytest.raises(ValueError, match="NUL"):
            Plain(*words)


def server(backend=None):
    return PlainServer(CONNECTION, backend)


@pytest.mark.parametrize("authorization", [b"", b"alice"])
def test_the_response_is_two_names_and_a_password(authorization):
    half = server()
    assert half.next(None) == b""
    credentials = half.next(authorization + b"\0alice\0wonder land")
    assert (credentials.username, credentials.password) == (b"alice", b"wonder land")
    assert type(credentials) is UsernamePassword


@pytest.mark.parametrize(
    "response", [b"", b"alice", b"alice\0wonder", b"\0\0wonder", b"a\0b\0c\0d", b"\0\xff\0x", b"\0alice\0\xff"]
)
def test_malformed(response):
    with pytest.raises(ValueError if b"alice\0\xff" not in response else SMTPError):
        server().next(response)


def test_a_name_that_saslprep_prohibits_is_a_failed_login():
    with pytest.raises(SMTPError, match="535"):
        server().next(b"\0al\xc2\xa0\xe2\x80\x8eice\0x")


@pytest.mark.parametrize(("allowed", "kind"), [(True, ActingAs), (False, UsernamePassword), (None, UsernamePassword)])
def test_the_credentials_of_one_who_acts_as_another(allowed, kind):
    """If it is not allowed, they have a password that is wrong."""

    class Backend:
        def may_act_as(self, username, authorization):
            assert (username, authorization) == ("alice", "list")
            return allowed

    backend = object() if allowed is None else Backend()
    outcome = Outcome(Deferred.fromCoroutine(server(backend).next(b"list\0alice\0wonder land")))
    credentials = outcome.result()
    assert type(credentials) is kind
    assert credentials.checkPassword(b"wonder land") is bool(allowed)
    assert getattr(credentials, "authorization", None) == ("list" if allowed else None)


def test_the_half_of_the_client():
    half = Plain("üser", "secret", "list")
    assert half.start() == half.next(b"") == "list\0üser\0secret".encode()
    assert half.secrets == ("secret",)
    assert repr(half) == "<Plain 'üser'>"
