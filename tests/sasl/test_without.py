"""`without_mechanisms`: a mechanism in the box that a server is not to have."""

from __future__ import annotations

import pytest
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse

from tests.sasl.exchanges import DONE, conversation, log_in, portal
from txsmtpx import AuthLogin, CramMD5, Plain
from txsmtpx.testing import Conversation, RecordingBackend


def offered(client):
    lines = [line[4:] for line in client.ask("EHLO client.example")]
    return [line for line in lines if line.startswith("AUTH")]


@pytest.mark.parametrize(
    ("without", "left"),
    [
        ((), ["AUTH PLAIN LOGIN"]),
        ({"LOGIN"}, ["AUTH PLAIN"]),
        (["login"], ["AUTH PLAIN"]),
        ({"PLAIN"}, ["AUTH LOGIN"]),
        ({"SCRAM-SHA-256"}, ["AUTH PLAIN LOGIN"]),
        ({"PLAIN", "LOGIN"}, []),
    ],
)
def test_it_is_not_offered(without, left):
    client = Conversation(RecordingBackend({"u": "p"}), without_mechanisms=without, allow_insecure_auth=True)
    assert offered(client) == left
    client.hang_up()


def test_it_is_not_accepted():
    """Guarantee 18."""
    users = InMemoryUsernamePasswordDatabaseDontUse(alice=b"secret")
    client = conversation(portal(users), without_mechanisms={"LOGIN", "CRAM-MD5"})
    for half in (AuthLogin, CramMD5):
        assert log_in(client, half("alice", "secret"))[-1].startswith("504 5.5.4")
    assert log_in(client, Plain("alice", "secret"))[-1] == DONE


def test_none_is_left():
    client = Conversation(RecordingBackend({"u": "p"}), without_mechanisms={"PLAIN", "LOGIN"}, allow_insecure_auth=True)
    client.ask("EHLO client.example")
    assert client.ask("AUTH PLAIN") == ["502 5.5.1 Command not offered here"]
    client.hang_up()
    with pytest.raises(ValueError, match="require_auth needs a backend that has logins, and a mechanism for them"):
        Conversation(RecordingBackend({"u": "p"}), without_mechanisms={"PLAIN", "LOGIN"}, require_auth=True)


def test_one_name_is_no_set():
    with pytest.raises(TypeError, match=r"without_mechanisms must be a set of names, such as \{'LOGIN'\}, not 'LOGIN'"):
        Conversation(without_mechanisms="LOGIN")
