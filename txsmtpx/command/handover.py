"""
What the parent of workers hands to each of them when it is started.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from txsmtpx.command.sockets import Socket

VARIABLE = "TXSMTPX_WORKER"
"""Of the environment; it holds the rest as JSON, and is gone before a worker does anything else."""


@dataclass(frozen=True)
class Handover:
    """
    All a worker has that its command line does not say.

    Attributes:
        number: Which one it is, from 1 on.
        sockets: The listening sockets, by the numbers they have in the worker.
        status: The descriptor on which it reports.
        relayed: Whether its log goes through the parent's.
        reactor: The short name of the reactor to install, None for the usual one.
        path: ``sys.path``, where both find the same modules.
    """

    number: int
    sockets: tuple[Socket, ...]
    status: int
    relayed: bool
    reactor: str | None
    path: tuple[str, ...]

    def written(self) -> str:
        """As text."""
        return json.dumps(asdict(self))


def read(text: str) -> Handover:
    """The opposite."""
    found: Mapping[str, object] = json.loads(text)
    sockets = tuple(Socket(**each) for each in found["sockets"])  # type: ignore[attr-defined]  # as it was written
    return Handover(**{**found, "sockets": sockets, "path": tuple(found["path"])})  # type: ignore[arg-type]
