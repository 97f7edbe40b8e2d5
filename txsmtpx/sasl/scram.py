"""
SCRAM: RFC 5802, RFC 7677; with channel binding, -PLUS, RFC 9266 and RFC 5929.  By the library C{scramp}.
"""

from __future__ import annotations

from typing import Any

from zope.interface import implementer

from txsmtpx.interfaces import ISASLClient

ChannelBinding = tuple[str, bytes]
"""("tls-exporter" or "tls-server-end-point", its octets)."""


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
        from scramp import ScramClient  # type: ignore[import-untyped]  # it has none

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
