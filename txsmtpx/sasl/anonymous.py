"""
ANONYMOUS: RFC 4505, a login as nobody, with a word of who that may be.
"""

from __future__ import annotations

from typing import Any

from twisted.cred.credentials import IAnonymous
from zope.interface import implementer

from txsmtpx.interfaces import ISASLClient, ISASLServer
from txsmtpx.sasl.mechanism import Mechanism

_MAX_TRACE = 255  # §2: characters


@implementer(IAnonymous)
class Traced:
    """
    Nobody.

    Attributes:
        trace: What he says of himself, which proves nothing.
    """

    def __init__(self, trace: str) -> None:
        self.trace = trace

    def __repr__(self) -> str:
        return f"<Traced {self.trace!r}>"


@implementer(ISASLServer)
class AnonymousServer:
    """The server half."""

    def __init__(self, connection: Any, backend: Any) -> None:
        pass

    def next(self, response: bytes | None) -> bytes | Traced:
        """
        Raises:
            ValueError: The trace is no UTF-8, or too long.
        """
        if response is None:
            return b""
        trace = response.decode("utf-8")
        if len(trace) > _MAX_TRACE:
            raise ValueError("too much of a trace")
        return Traced(trace)


ANONYMOUS = Mechanism("ANONYMOUS", IAnonymous, AnonymousServer)


@implementer(ISASLClient)
class Anonymous:
    """
    ANONYMOUS (RFC 4505), the client half.

    Args:
        trace: Such as an address, for the log of the server.
    """

    name = "ANONYMOUS"

    def __init__(self, trace: str = "") -> None:
        self._trace = trace
        self.secrets = ()

    def start(self) -> bytes:
        """All there is to say."""
        return self._trace.encode("utf-8")

    def next(self, challenge: bytes) -> bytes:
        """A server that asks nevertheless hears the same."""
        return self._trace.encode("utf-8")
