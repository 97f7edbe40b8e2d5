"""What the servers are measured at.  One more is one entry of L{CASES}."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """
    @ivar title: the row of the table.
    @ivar unit: what is counted.
    @ivar load: options of the load generator.
    @ivar units: how many of them are in a message.
    @ivar first: messages for a first impression of the cost.
    @ivar tls: the kind of key, "ec" or "rsa", "" for no TLS.
    """

    name: str
    title: str
    unit: str
    load: str = ""
    units: float = 1
    first: int = 200
    tls: str = ""


_KEPT = "--connections 4"
_LARGE = "--size 25000000 --pipeline envelope"
_RECIPIENTS = f"{_KEPT} --size 512 --pipeline envelope --recipients 100"

CASES: tuple[Case, ...] = (
    Case("small", "4 KB messages, four connections kept", "message", _KEPT),
    Case("envelope", "the same, envelope pipelined", "message", f"{_KEPT} --pipeline envelope"),
    Case("messages", "messages pipelined one into the next", "message", f"{_KEPT} --pipeline messages"),
    Case("connections", "1 KB messages, a connection each", "message", f"{_KEPT} --size 1024 --per-connection 1"),
    Case("recipients", "100 pipelined recipients", "recipient", _RECIPIENTS, units=100, first=20),
    Case("body", "25 MB of smtp-source's lines", "MB", _LARGE, units=25, first=1),
    Case("prose", "25 MB of prose", "MB", f"{_LARGE} --body prose", units=25, first=1),
    Case("dots", "25 MB, every line begins with a dot", "MB", f"{_LARGE} --body dots", units=25, first=1),
    Case("bdat", "25 MB by BDAT, pipelined", "MB", f"{_LARGE} --bdat 65536", units=25, first=1),
)
