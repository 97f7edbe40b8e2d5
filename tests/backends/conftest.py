"""Maildirs on a disk that can be made to fail, relays and clients of applications that end with their test."""

from __future__ import annotations

import pytest
from twisted.logger import formatEvent, globalLogPublisher

from tests.backends.application import Mail
from tests.backends.disk import Disk
from tests.backends.relays import Relay


@pytest.fixture
def disk(tmp_path, monkeypatch):
    root = tmp_path / "mail"
    root.mkdir()
    return Disk(monkeypatch, root)


@pytest.fixture
def made(disk):
    """Maildirs that are there already, and known to be on the disk."""
    for name in ("b", "c", "d"):
        for part in ("new", "cur", "tmp"):
            (disk._root / name / part).mkdir(parents=True)
        disk.known.append(name)
    return disk


@pytest.fixture
def logged():
    """What is logged, as text."""
    seen = []

    def observe(event):
        seen.append(formatEvent(event))

    globalLogPublisher.addObserver(observe)
    yield seen
    globalLogPublisher.removeObserver(observe)


@pytest.fixture
def relay():
    """Makes relays, and ends them."""
    made = []

    def make(*there, **how):
        made.append(Relay(*there, **how))
        return made[-1]

    yield make
    for each in made:
        each.end()


@pytest.fixture
def mail():
    """Makes clients, of which nothing may be left."""
    made = []

    def make(*args, **how):
        made.append(Mail(*args, **how))
        return made[-1]

    yield make
    for each in made:
        each.end()
