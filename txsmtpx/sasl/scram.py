"""
SCRAM: RFC 5802, RFC 7677; with channel binding, -PLUS, RFC 9266 and RFC 5929.  By the library C{scramp}.
"""

from __future__ import annotations

import importlib.util
import re
import secrets
from typing import Any

from twisted.cred.credentials import ICredentials
from twisted.internet.defer import Deferred
from zope.interface import Attribute, implementer

from txsmtpx.dialog.result import settle
from txsmtpx.errors import auth_failed
from txsmtpx.interfaces import ISASLClient, ISASLServer
from txsmtpx.sasl.mechanism import Mechanism
from txsmtpx.sasl.prep import saslprep
from txsmtpx.sasl.verifier import HASHES, ScramVerifier, made_up

ChannelBinding = tuple[str, bytes]
"""("tls-server-end-point", its octets); C{scramp} refuses tls-exporter."""


class IScramProof(ICredentials):
    """
    Somebody has proved that he has the password of C{username}; there is nothing left to check but who he is.

    Only the server half of SCRAM makes these.  A checker that takes them provides
    C{scram_verifier(username: str, mechanism: str)}, which gives a L{ScramVerifier}, a Deferred or a coroutine of
    one, or None for a stranger; and, where it has not all, C{scram_mechanisms}, the names (without -PLUS) that
    it has a verifier of for everybody.
    """

    username: bytes = Attribute("The name.")
    mechanism: str = Attribute("What it was proved with.")


@implementer(IScramProof)
class ScramProof:
    """See L{IScramProof}."""

    def __init__(self, username: bytes, mechanism: str) -> None:
        self.username = username
        self.mechanism = mechanism

    def __repr__(self) -> str:
        return f"<ScramProof {self.username!r} by {self.mechanism}>"


_FIRST = re.compile(r"(?:n|y|p=[^,]*),(?:a=[^,]*)?,n=([^,]+),r=.*")
_SECRET = secrets.token_bytes(32)
"""For the verifiers of strangers, where the backend makes none."""


def _username(first: str) -> str:
    """
    The name in a client-first-message (RFC 5802 §7).

    @raise ValueError: there is none.
    """
    match = _FIRST.fullmatch(first)
    if match is None or re.search("=(?!2C|3D)", match[1]):
        raise ValueError("no client-first-message")
    return saslprep(match[1].replace("=2C", ",").replace("=3D", "="))


@implementer(ISASLServer)
class ScramServer:
    """
    The server half.

    Whatever is wrong, the answer is one and the same 535, and the same computations came before it.
    """

    def __init__(self, name: str, connection: Any, backend: Any) -> None:
        """
        @param name: with -PLUS, perhaps.
        """
        self._name = name
        self._backend = backend
        self._binding: ChannelBinding | None = getattr(connection.tls, "binding", None)
        self._username = ""
        self._server: Any = None
        self._proved = False

    def next(self, response: bytes | None) -> Any:
        """
        client-first-message, client-final-message, and the client's consent to our server-final-message.

        @raise SMTPError: 535 5.7.8.
        """
        from scramp import ScramException  # type: ignore[import-untyped]

        if response is None:
            return b""
        try:
            text = response.decode("utf-8")
            if self._server is None:
                self._username = _username(text)
                return self._first(text)
            if not self._proved:
                return self._final(text)
        except (ScramException, ValueError):
            raise auth_failed() from None
        if response:
            raise auth_failed()
        return ScramProof(self._username.encode("utf-8"), self._name)

    async def _first(self, first: str) -> bytes:
        from scramp import ScramException, ScramMechanism

        verifier = await self._verifier()

        def known(username: str) -> tuple[bytes, bytes, bytes, int] | None:
            if username != self._username:
                return None
            return verifier.salt, verifier.stored_key, verifier.server_key, verifier.iterations

        # RFC 5802 §6: one who could bind but thinks that we cannot ("y") has been lied to, so -PLUS or not, it is told.
        self._server = ScramMechanism(self._name).make_server(known, channel_binding=self._binding)
        try:
            self._server.set_client_first(first)
            return str(self._server.get_server_first()).encode("utf-8")
        except ScramException:
            raise auth_failed() from None

    async def _verifier(self) -> ScramVerifier:
        mechanism = self._name.removesuffix("-PLUS")
        stranger = made_up(_SECRET, self._username, mechanism)
        try:
            found = settle(self._backend.scram_verifier(self._username, mechanism))
            found = await found if isinstance(found, Deferred) else found
        except ValueError as error:  # which in an exchange means that the client is at fault
            raise RuntimeError("scram_verifier failed") from error
        return found or stranger

    def _final(self, final: str) -> bytes:
        self._server.set_client_final(final)
        self._proved = True
        return str(self._server.get_server_final()).encode("utf-8")

    def __repr__(self) -> str:
        return f"<ScramServer {self._name} {self._username!r}>"


def _mechanism(name: str) -> Mechanism:
    return Mechanism(
        name,
        IScramProof,
        lambda connection, backend: ScramServer(name, connection, backend),
        available=_bound if name.endswith("-PLUS") else lambda connection: True,
        suits=lambda backend: name.removesuffix("-PLUS") in getattr(backend, "scram_mechanisms", HASHES),
    )


def _bound(connection: Any) -> bool:
    return getattr(connection.tls, "binding", None) is not None


_NAMES = tuple(reversed(HASHES)) if importlib.util.find_spec("scramp") is not None else ()

SCRAM: tuple[Mechanism, ...] = tuple(_mechanism(f"{name}{plus}") for plus in ("-PLUS", "") for name in _NAMES)
"""The best first; without C{scramp} there are none."""


@implementer(ISASLClient)
class Scram:
    """
    The client half.

    @ivar name: SCRAM-SHA-1, SCRAM-SHA-256 or SCRAM-SHA-512, perhaps with -PLUS.
    @ivar finished: whether the server has proved that it knows the password.
    """

    def __init__(self, name: str, username: str, password: str, binding: ChannelBinding | None = None) -> None:
        """
        @raise ImportError: C{scramp} is not installed: C{pip install txsmtpx[scram]}.
        """
        from scramp import ScramClient  # it has none

        make: Any = ScramClient
        bound = binding if name.endswith("-PLUS") else None
        self.name = name
        self.finished = False
        self._username = username
        self._new: Any = lambda: make([name], username, password, channel_binding=bound)
        self._client: Any = self._new()

    def start(self) -> bytes:
        """client-first-message (RFC 5802 §5)."""
        self._client = self._new()
        self.finished = False
        self._step = 0
        return str(self._client.get_client_first()).encode()

    def next(self, challenge: bytes) -> bytes:
        """
        client-final-message, and then nothing, once the server has proved that it knows us.

        @raise ValueError: it has not.
        """
        from scramp import ScramException

        self._step += 1
        try:
            if self._step == 1:
                self._client.set_server_first(challenge.decode("utf-8"))
                return str(self._client.get_client_final()).encode()
            self._client.set_server_final(challenge.decode("utf-8"))
            self.finished = True
        except ScramException as error:
            raise ValueError(f"{self.name}: {error}") from error
        return b""

    def __repr__(self) -> str:
        return f"<Scram {self.name} {self._username!r}>"
