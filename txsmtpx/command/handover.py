"""What the parent of workers hands to each of them: its listening sockets, and how to run."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

VARIABLE = "TXSMTPX_WORKER"
"""The variable of the environment with a `Handover`.  A worker removes it before it does anything else."""


@dataclass(frozen=True)
class Socket:
    """
    A listening socket.

    Attributes:
        place: The name of its `Place`.
        family: Such as ``socket.AF_INET``.
        descriptor: Its file descriptor.
    """

    place: str
    family: int
    descriptor: int


@dataclass(frozen=True)
class Handover:
    """
    What the parent hands to a worker besides the command line.

    Attributes:
        number: The number of the worker, from 1.
        sockets: The listening sockets, with the descriptors that they have in the worker.
        status: The descriptor on which the worker reports.
        relayed: True if the parent writes the log of the worker.
        reactor: The short name of the reactor to install, None for the usual one.
        path: ``sys.path``, so that both import the same modules.
        certificates: The descriptor from which the worker reads self-signed certificates, None for none.
    """

    number: int
    sockets: tuple[Socket, ...]
    status: int
    relayed: bool
    reactor: str | None
    path: tuple[str, ...]
    certificates: int | None = None

    def to_text(self) -> str:
        """
        Return the handover as text.

        Returns:
            JSON.
        """
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Handover:
        """
        Parse a handover.

        Args:
            text: What `to_text` returned.

        Returns:
            The handover.
        """
        found = json.loads(text)
        sockets = tuple(Socket(**each) for each in found["sockets"])
        return cls(**{**found, "sockets": sockets, "path": tuple(found["path"])})

    def read_certificates(self) -> bytes:
        """
        Read the self-signed certificates.

        Returns:
            `txsmtpx.command.certificates.SelfSignedCertificates`, as octets; b"" if there are none.
        """
        if self.certificates is None:
            return b""
        with open(self.certificates, "rb") as pipe:
            return pipe.read()
