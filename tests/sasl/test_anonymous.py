"""ANONYMOUS (RFC 4505): a login without a name, and its trace."""

from __future__ import annotations

import pytest
from twisted.cred.checkers import AllowAnonymousAccess
from twisted.cred.credentials import IAnonymous

from tests.encoding import b64
from tests.sasl.exchanges import CONNECTION, DONE, ask, conversation, log_in, portal, username, users
from txsmtpx.sasl.anonymous import Anonymous, AnonymousServer


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


def server():
    return AnonymousServer(CONNECTION, None)


@pytest.mark.parametrize("trace", ["", "sirhc", "me@client.example", "ü" * 255])
def test_a_trace(trace):
    """RFC 4505 §2: 255 characters, not octets."""
    credentials = server().next(trace.encode())
    assert credentials.trace == trace
    assert IAnonymous.providedBy(credentials)
    assert repr(credentials) == f"<Traced {trace!r}>"


@pytest.mark.parametrize("response", [("ü" * 256).encode(), b"\xff"])
def test_no_trace(response):
    with pytest.raises(ValueError, match=r"too long|utf-8"):
        server().next(response)


def test_a_server_asks_for_it_if_it_does_not_come():
    assert server().next(None) == b""


@pytest.mark.parametrize("trace", ["", "sirhc", "ü"])
def test_the_half_of_the_client(trace):
    half = Anonymous(trace)
    assert half.start() == half.next(b"") == half.next(b"anything") == trace.encode()
    assert half.secrets == ()
    assert server().next(half.start()).trace == trace
