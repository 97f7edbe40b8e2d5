"""Connections to other programs, of which the log does not say that a factory has started and stopped."""

from __future__ import annotations

import re
from pathlib import Path

from twisted.internet.protocol import Protocol
from twisted.logger import globalLogPublisher

import txsmtpx
from txsmtpx.wire.unlogged_factory import UnloggedFactory

SOURCES = [
    each for each in Path(txsmtpx.__file__).parent.rglob("*.py") if "testing" not in each.parts
]  # testing's are the test's own


def test_nothing_is_logged():
    events = []
    factory = UnloggedFactory.forProtocol(Protocol)
    globalLogPublisher.addObserver(events.append)
    try:
        factory.doStart()
        factory.doStop()
    finally:
        globalLogPublisher.removeObserver(events.append)
    assert events == []


def test_all_that_connect_use_it():
    made = [call for each in SOURCES for call in re.findall(r"(\w+)\.forProtocol\(", each.read_text("utf-8"))]
    assert set(made) == {"UnloggedFactory"}
