"""
How the tests are distributed to the processes of pytest-xdist: how many, in which order the files start, and what
these processes report.

A file runs in one process, since its tests share servers.  So the run ends when its last file ends: the folders with
the slow files come first, and files that take a second or less fill the end.

With 18,000 tests the messages between the processes cost as much as some folders of tests.  So a process reports a
passed test once, not six times, and the main process has an index of the tests.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol
from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

SLOW = (
    "siege", "docs", "interop", "hunt", "security", "testing", "newcomer", "command", "observers", "distribution",
    "test_examples.py", "test_tap.py", "inbox", "typing", "content", "backends", "benchmarks", "wire", "dialog",
)  # fmt: skip
"""Folders and files of tests, the slowest files first; all others follow."""

TOGETHER = ("distribution",)
"""Folders whose files run in one process, since they share what takes long to make."""

WAITING = 3
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
    Sort the tests by their folders in ``tests``, and leave the order within a folder.

    Args:
        items: All tests, which are sorted in place.
    """
    places = {name: place for place, name in enumerate(SLOW)}

    items.sort(key=lambda item: places.get(_beginning(item.nodeid), len(SLOW)))


def _beginning(nodeid: str) -> str:
    """Return the folder in ``tests`` that a test is in, or the file if it is in none."""
    return re.split("/|::", nodeid.removeprefix("tests/"))[0]


class Files(LoadFileScheduling):
    """Assigns files to processes, as ``--dist loadfile`` does, without a search for each test among all tests."""

    def _split_scope(self, nodeid: str) -> str:
        """Return what runs in one process with a test: its file, or its folder if that is in ``TOGETHER``."""
        folder = _beginning(nodeid)
        return folder if folder in TOGETHER else super()._split_scope(nodeid)

    def add_node_collection(self, node: WorkerController, collection: Sequence[str]) -> None:
        """
        Keep what a process has collected.

        Args:
            node: The process.
            collection: The names of its tests.
        """
        super().add_node_collection(node, collection)
        if node in self.registered_collections:
            self.registered_collections[node] = Indexed(collection)


class Indexed(list[str]):
    """
    A list of different texts that finds each at once.

    Args:
        texts: The texts.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        super().__init__(texts)
        self._places = {text: place for place, text in enumerate(self)}

    def index(self, text: str, *_: object) -> int:  # type: ignore[override]
        """
        Return the place of a text.

        Args:
            text: The text.

        Raises:
            KeyError: It is not in the list.
        """
        return self._places[text]


def is_brief(config: pytest.Config) -> bool:
    """
    Return whether a process of pytest-xdist reports no more than is printed: the outcome of each test, and failures.

    Args:
        config: The configuration, of any process.

    Returns:
        False if the start of each test, or the time of its fixtures, is wanted.
    """
    option = config.option
    return hasattr(config, "workerinput") and option.verbose <= 0 and not option.durations and not option.xmlpath


def run_briefly(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """
    Run a test, and report no set-up and no tear-down that passed.

    Args:
        item: The test.
        nextitem: The next test of this process, if any.
    """
    for report in runtestprotocol(item, log=False, nextitem=nextitem):
        if report.when == "call" or not report.passed:
            item.ihook.pytest_runtest_logreport(report=report)
    if nextitem is None:  # the last line of the progress is completed then
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
