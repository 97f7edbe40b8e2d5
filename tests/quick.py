"""
A plugin of pytest for ``make test-quick``: a test that opens a socket or starts a process fails, and has to be marked.

``make test-quick`` leaves out the tests with the marker ``system``.
"""

from __future__ import annotations

import sys
from collections.abc import Generator

import pytest

# https://docs.python.org/3/library/audit_events.html
SLOW = {"socket.bind", "socket.connect", "subprocess.Popen", "os.posix_spawn", "os.fork"}

_running = False


def pytest_configure() -> None:
    """Audit what the tests do, which is for the life of the process."""
    sys.addaudithook(_refuse)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    """Audit only while a test runs: pytest-xdist starts processes too."""
    global _running
    _running = True
    try:
        return (yield)
    finally:
        _running = False


def _refuse(event: str, _: tuple[object, ...]) -> None:
    if _running and event in SLOW:
        raise AssertionError(f"{event}: a test that opens a socket or starts a process needs @pytest.mark.system")
