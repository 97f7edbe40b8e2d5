"""Maildirs on a disk that can be made to fail."""

from __future__ import annotations

import pytest

from tests.backends.disk import Disk


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
