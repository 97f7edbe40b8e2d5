"""Our client halves against our server halves, by lines as they go over the wire."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred, fail, maybeDeferred, succeed

from tests.encoding import b64
from txsmtpx import BackendRealm, Connection, MemoryBackend, PortalBackend
from txsmtpx.sasl.oauth_bearer import IBearerToken
from txsmtpx.testing import Conversation

UNIFORM = "535 5.7.8 Authentication credentials invalid"
DONE = "235 2.7.0 Authentication succeeded"

CONNECTION = Connection("S", "mx.example.org", lmtp=False)
"""A connection for a server's half by itself."""


def now(function: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
    """What ``deferToThread`` does, at once."""
    return maybeDeferred(function, *arguments)


def portal(*checkers: Any) -> PortalBackend:
    return PortalBackend(Portal(BackendRealm(MemoryBackend()), checkers))


def conversation(backend: Any, tls: Any = None, **settings: Any) -> Conversation:
    client = Conversation(backend, allow_insecure_auth=True, auth_failure_delay=0, **settings)
    client.protocol.dialog.connection.tls = tls
    client.ask("EHLO client.example")
    return client


def ask(client: Any, line: str) -> str:
    """The last line of the answer, once the failures' delay of no seconds is over."""
    said = client.ask(line)
    if hasattr(client, "clock"):
        client.clock.advance(0)
        said += client.replies()
    return said[-1]


def log_in(client: Any, half: Any, change: Callable[[int, bytes], bytes] = lambda step, octets: octets) -> list[str]:
    """
    Each answer of the server's to what ``half`` says.

    Args:
        change: What becomes of each response underway.
    """
    initial = half.start()
    step = 0
    if initial is None:
        line = f"AUTH {half.name}"
    else:
        line = f"AUTH {half.name} {b64(change(step, initial)) or '='}"
        step += 1
    answers = [ask(client, line)]
    while answers[-1].startswith("334"):
        challenge = base64.b64decode(answers[-1][4:])
        answers.append(ask(client, b64(change(step, half.next(challenge)))))
        step += 1
    return answers


def users() -> InMemoryUsernamePasswordDatabaseDontUse:
    """A checker that knows two users."""
    return InMemoryUsernamePasswordDatabaseDontUse(alice=b"wonder land", bob="m²".encode())


def username(client: Conversation) -> str | None:
    """The name of the login of a connection."""
    name: str | None = client.protocol.dialog.connection.username
    return name


class Tokens:
    """A checker that knows one token."""

    credentialInterfaces = (IBearerToken,)

    def requestAvatarId(self, credentials: Any) -> Deferred[bytes]:
        """The user of the token, whom the credentials then name."""
        assert "t0ken" not in repr(credentials)
        if credentials.token != "t0ken" or credentials.username not in (b"", b"a,l=ice"):
            return fail(UnauthorizedLogin())
        credentials.username = b"a,l=ice"
        return succeed(credentials.username)
