"""
How the tests are distributed to the processes of pytest-xdist: how many, and in which order the files start.

A file runs in one process, since its tests share servers.  So the run ends when its last file ends: the folders with
the slow files come first, and files that take a second or less fill the end.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

SLOW = (
    "newcomer", "command", "docs", "hunt", "security", "siege", "interop", "inbox", "typing", "backends", "observers",
    "benchmarks",
)  # fmt: skip
"""Folders of tests, the slowest files first; all other folders follow."""

WAITING = 2
"""Processes beyond one a core: many tests wait for a server to start, and use no processor then."""

MOST = 8


def workers(here: Path, selection: Sequence[str]) -> int:
    """
    Return how many processes run the tests.

    Args:
        here: The directory that relative paths start from.
        selection: Files, folders and tests, as in the command line of pytest.

    Returns:
        The number, which is 0 for the process of pytest itself.  One file runs there: it is done before another process
        has imported everything.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    paths = {here / each.partition("::")[0] for each in selection}
    files = sum(1 if path.is_file() else len(list(path.rglob("test_*.py"))) for path in paths)
    return min(cores + WAITING, MOST, files) if files > 1 else 0


def slowest_first(items: list[pytest.Item]) -> None:
    """
    Sort the tests by their folders, and leave the order within a folder.

    Args:
        items: All tests, which are sorted in place.
    """
    places = {folder: place for place, folder in enumerate(SLOW)}
    items.sort(key=lambda item: places.get(item.nodeid.removeprefix("tests/").partition("/")[0], len(SLOW)))
