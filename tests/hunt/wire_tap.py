"""
A network in memory whose wires cut what they carry.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from txsmtpx.testing import Network, Segments, whole


class CuttingNetwork(Network):
    """
    As `Network`, but what one end says reaches the other in pieces.

    Attributes:
        said: Octets that servers have said, so far.
        heard: Octets that they have heard.
    """

    def __init__(
        self, *servers: Any, to_client: Segments = whole, to_server: Segments = whole, clock: Clock | None = None
    ) -> None:
        """
        Args:
            to_client: How what servers say is cut.
            to_server: How what clients say is.
        """
        super().__init__(*servers, clock=clock)
        self.said = self.heard = b""
        self._to_client, self._to_server = to_client, to_server

    def connect(self, factory: Any) -> Deferred[Any]:
        connected = super().connect(factory)
        pump = self.pumps[-1]
        _cut(pump.clientIO, self._to_client, self._hear)
        _cut(pump.serverIO, self._to_server, self._listen)
        return connected

    def _hear(self, octets: bytes) -> None:
        self.said += octets

    def _listen(self, octets: bytes) -> None:
        self.heard += octets


def _cut(transport: Any, segments: Segments, heard: Any) -> None:
    """From now on ``transport`` gets what it gets in ``segments``."""
    whole_segment, so_far = transport.bufferReceived, 0

    def received(octets: bytes) -> None:
        nonlocal so_far
        at, so_far = so_far, so_far + len(octets)
        heard(octets)
        for piece in segments(octets, at):
            if piece and not transport.disconnected:
                whole_segment(piece)

    transport.bufferReceived = received
