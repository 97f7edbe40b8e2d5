"""OAUTHBEARER (RFC 7628) and XOAUTH2: tokens, and what is none."""

from __future__ import annotations

import base64
import json

import pytest

from tests.encoding import b64
from tests.sasl.exchanges import CONNECTION, DONE, UNIFORM, Tokens, ask, conversation, log_in, portal, username
from txsmtpx.sasl.oauth_bearer import IBearerToken, OAuthBearer, OAuthBearerServer, XOAuth2, XOAuth2Server


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


OAUTHBEARER, XOAUTH2 = OAuthBearerServer(CONNECTION, None), XOAuth2Server(CONNECTION, None)


@pytest.mark.parametrize(("half", "server"), [(OAuthBearer, OAUTHBEARER), (XOAuth2, XOAUTH2)])
@pytest.mark.parametrize("name", ["alice@example.org", "a,l=ice", "üser"])
def test_each_server_reads_what_its_client_writes(half, server, name):
    credentials = server.next(half(name, "t0ken.~+/=").start())
    assert (credentials.username, credentials.token) == (name.encode(), "t0ken.~+/=")
    assert IBearerToken.providedBy(credentials)
    assert repr(credentials) == f"<BearerToken {name.encode()!r}>"


def test_a_token_that_is_bound_to_a_server():
    """RFC 7628 §3.1."""
    half = OAuthBearer("a", "t", "mx.example.org", 587)
    assert half.start() == b"n,a=a,\1host=mx.example.org\1port=587\1auth=Bearer t\1\1"
    assert OAUTHBEARER.next(half.start()).token == "t"


@pytest.mark.parametrize("server", [OAUTHBEARER, XOAUTH2], ids=["OAUTHBEARER", "XOAUTH2"])
def test_a_server_asks_for_the_token_if_it_does_not_come(server):
    assert server.next(None) == b""
    assert json.loads(server.refusal)["schemes"] == "bearer"


def test_a_client_acknowledges_the_error():
    """RFC 7628 §3.2.3."""
    assert OAuthBearer("a", "t").next(b"{}") == b"\1"
    assert XOAuth2("a", "t").next(b"{}") == b""


@pytest.mark.parametrize(
    "response", [b"", b"user=\1auth=Bearer t\1\1", b"user=a\1auth=Bearer t\1", b"user=a\1auth=Bearer t u\1\1",
                 b"user=a\1auth=Basic t\1\1", b"auth=Bearer t\1user=a\1\1", b"user=\xff\1auth=Bearer t\1\1"],
)  # fmt: skip
def test_malformed_for_xoauth2(response):
    with pytest.raises(ValueError, match=r"not user and auth|no bearer token|utf-8"):
        XOAUTH2.next(response)


@pytest.mark.parametrize("half", [OAuthBearer, XOAuth2])
def test_no_token_is_shown(half):
    made = half("alice", "t0ken")
    assert made.secrets == ("t0ken",)
    assert "t0ken" not in repr(made)
