"""Maildirs on a disk that can be made to fail, and relays that end with their test."""

from __future__ import annotations

import pytest

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
def relay():
    """Makes relays, and ends them."""
    made = []

    def make(*there, **how):
        made.append(Relay(*there, **how))
        return made[-1]

    yield make
    for each in made:
        each.end()
