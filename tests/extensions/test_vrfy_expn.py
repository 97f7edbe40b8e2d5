"""
VRFY and EXPN: EHLO lists them (RFC 5321 §3.5.2), and SMTPUTF8 (RFC 6531 §3.7.4.2) from our client to our server.

``verify.txt`` and ``verify_utf8.txt`` have the server's answers.
"""

from __future__ import annotations

from functools import partial

import pytest
from twisted.cred.checkers import AllowAnonymousAccess
from twisted.cred.portal import Portal
from zope.interface import implementer
from zope.interface.verify import verifyObject

from tests.extensions.ends import Ends
from txsmtpx import (
    BackendRealm,
    IExpandingSession,
    IVerifyingSession,
    LimitBackend,
    LoginBackend,
    NotOffered,
    OpenBackend,
    PortalBackend,
    Session,
)
from txsmtpx.extensions.dsn import DSN
from txsmtpx.extensions.vrfy_expn import EXPAND, VERIFY
from txsmtpx.testing import Conversation, RecordingBackend


class Plain(Session):
    def __init__(self, connection: object = None) -> None:
        """Of no consequence."""


@implementer(IVerifyingSession, IExpandingSession)
class Both(Plain):
    def verify(self, argument: str) -> str:
        return f"{argument} <{argument}@example.com>"

    def expand(self, argument: str) -> list[str]:
        return ["one <one@example.com>", "two <two@example.com>"]


class Neither(Both):
    verify = expand = None


class Expands(Plain):
    supports = (DSN,)

    def expand(self, argument: str) -> str:
        return "one <one@example.com>"


class Declared(LoginBackend):
    supports = (EXPAND, VERIFY)

    def anonymous_login(self, connection: object) -> Session:
        return Both()


def listed(client: Conversation, hello: str = "EHLO") -> list[str]:
    """What of it stands in the answer to the hello."""
    said = [line[4:] for line in client.ask(f"{hello} client.example")]
    return [line for line in said if line in ("VRFY", "EXPN", "DSN")]


@pytest.mark.parametrize(("backend", "expected"), [
    (OpenBackend(Plain), []),
    (OpenBackend(Both), ["VRFY", "EXPN"]),
    (OpenBackend(Neither), []),
    (OpenBackend(partial(Both)), ["VRFY", "EXPN"]),
    (OpenBackend(Expands), ["EXPN", "DSN"]),
    (LimitBackend(OpenBackend(Both), 10, 60), ["VRFY", "EXPN"]),
    (Declared(), ["VRFY", "EXPN"]),
])  # fmt: skip
@pytest.mark.parametrize("lmtp", [False, True])
def test_listed_where_the_backend_has_it(backend: object, expected: list[str], lmtp: bool) -> None:
    client = Conversation(backend, lmtp=lmtp)
    hello = "LHLO" if lmtp else "EHLO"
    assert listed(client, hello) == expected
    assert (client.ask("EXPN list")[0][:3] == "250") is ("EXPN" in expected)
    assert client.ask("VRFY you")[0][:3] == ("250" if "VRFY" in expected else "252")
    assert listed(client, hello) == expected
    client.hang_up()


@pytest.mark.parametrize("backend", [
    OpenBackend(lambda connection: Both()),
    LimitBackend(OpenBackend(lambda connection: Both()), 10, 60),
    PortalBackend(Portal(BackendRealm(OpenBackend(Both)), [AllowAnonymousAccess()])),
])  # fmt: skip
def test_listed_when_there_is_a_session(backend: object) -> None:
    """What a function makes is not known before it has made it."""
    client = Conversation(backend)
    assert listed(client) == []
    assert client.ask("MAIL FROM:<me@example.com>", "RSET")[0][:3] == "250"
    assert listed(client) == ["VRFY", "EXPN"]
    client.hang_up()


def test_of_sessions_without_it_there_is_no_look_up() -> None:
    client = Conversation(OpenBackend(Plain))
    assert client.ask("EHLO client.example")[-1] == "250 PRDR"
    assert client.ask("EXPN list") == ["502 5.5.1 Command not offered here"]
    assert client.ask("VRFY you") == ["252 2.5.0 Cannot verify that user, but will take mail and attempt delivery"]
    client.hang_up()


def test_the_interfaces() -> None:
    assert verifyObject(IVerifyingSession, Both())
    assert verifyObject(IExpandingSession, Both())


def test_our_client_sees_them() -> None:
    ends = Ends(OpenBackend(Both))
    assert {"VRFY", "EXPN"} <= ends.client.extensions.keys()
    assert ends.come(ends.client.expand("list")).lines == ("one <one@example.com>", "two <two@example.com>")
    ends.over()


@pytest.mark.parametrize("method", ["verify", "expand"])
def test_the_answer_may_be_in_utf8(method: str) -> None:
    ends = Ends(RecordingBackend(**{method: "Jürgen <jürgen@example.com>"}))
    reply = ends.come(getattr(ends.client, method)("jürgen"))
    assert (reply.code, reply.text) == (250, "Jürgen <jürgen@example.com>")
    assert ends.backend.calls[-1] == (method, "jürgen")
    ends.over()


@pytest.mark.parametrize("method", ["verify", "expand"])
def test_not_offered(method: str) -> None:
    ends = Ends(RecordingBackend(**{method: "You <you@example.com>"}), extensions=[])
    with pytest.raises(NotOffered, match="does not offer SMTPUTF8, which jürgen needs"):
        ends.come(getattr(ends.client, method)("jürgen"))
    assert ends.come(getattr(ends.client, method)("you")).text == "You <you@example.com>"
    assert ends.said[-1].split()[1:] == ["you"]
    ends.over()
