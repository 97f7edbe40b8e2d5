"""ANONYMOUS (RFC 4505): an anonymous login, with a trace of the client that proves nothing."""

from __future__ import annotations

from twisted.cred.credentials import IAnonymous
from zope.interface import implementer

from txsmtpx.arguments import checked
from txsmtpx.interfaces import Connection, ISASLClient, ISASLServer
from txsmtpx.sasl.mechanism import Mechanism

_MAX_TRACE = 255  # characters (§2)


@implementer(IAnonymous)
class Traced:
    """
    The credentials of an anonymous login.

    Attributes:
        trace: The trace information, such as an address.  The client may send any.

    Args:
        trace: The trace information.
    """

    def __init__(self, trace: str) -> None:
        self.trace = trace

    def __repr__(self) -> str:
        return f"<Traced {self.trace!r}>"


@implementer(ISASLServer)
class AnonymousServer:
    """
    The server's half.

    Args:
        connection: The connection.
        backend: The backend.
    """

    def __init__(self, connection: Connection, backend: object) -> None:
        pass

    def next(self, response: bytes | None) -> bytes | Traced:
        """
        Handle the only response.

        Args:
            response: The trace information; None if the client has sent none yet.

        Returns:
            An empty challenge, then the credentials.

        Raises:
            ValueError: The trace is not UTF-8, or has more than 255 characters (§2).
        """
        if response is None:
            return b""
        trace = response.decode("utf-8")
        if len(trace) > _MAX_TRACE:
            raise ValueError("the trace information is too long")
        return Traced(trace)


ANONYMOUS = Mechanism("ANONYMOUS", IAnonymous, AnonymousServer)


@implementer(ISASLClient)
class Anonymous:
    """
    ANONYMOUS (RFC 4505), the client's half.

    Example:
        >>> Anonymous("postmaster@client.example").start()
        b'postmaster@client.example'

    Args:
        trace: The trace information for the log of the server, such as an address.
    """

    name = "ANONYMOUS"

    @checked
    def __init__(self, trace: str = "") -> None:
        self._trace = trace
        self.secrets: tuple[str, ...] = ()

    def start(self) -> bytes:
        """
        Return the initial response.

        Returns:
            The trace information.
        """
        return self._trace.encode("utf-8")

    def next(self, challenge: bytes) -> bytes:
        """
        Return the response to a challenge: the trace information again.

        Args:
            challenge: A challenge, which the server need not send.

        Returns:
            The trace information.
        """
        return self._trace.encode("utf-8")
