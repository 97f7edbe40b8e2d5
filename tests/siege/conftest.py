"""The siege: real processes on the loopback interface, bounded in count and time."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.siege.figures import Figures
from tests.siege.scale import FULL, many_files
from tests.wire.twistd import tls_options
from txsmtpx.testing import Pem

COMMAND = "make siege"
PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"


_KEPT = pytest.StashKey[Figures]()


def pytest_configure(config: pytest.Config) -> None:
    """What all tests measure is kept in one place."""
    config.stash[_KEPT] = Figures()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config) -> None:
    """Print it; and write it down, where that was asked for and all is well."""
    kept = config.stash[_KEPT]
    if kept.text:
        terminalreporter.section("the siege")
        terminalreporter.write_line(kept.text)
    if FULL and os.environ.get("TXSMTPX_SIEGE_WRITE") and exitstatus == pytest.ExitCode.OK:
        kept.write(PAGE, COMMAND)


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Figures:
    """Takes what a test has measured."""
    return request.config.stash[_KEPT]


@pytest.fixture(scope="session", autouse=True)
def _files() -> None:
    many_files()


@pytest.fixture
def directory() -> Iterator[Path]:
    """In memory, where there is such a place, for disks differ; and short enough for a UNIX socket's path."""
    memory = Path("/dev/shm")
    made = Path(tempfile.mkdtemp(prefix="siege-", dir=memory if memory.is_dir() else None))
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="session")
def with_tls(pem: Pem) -> tuple[str, ...]:
    """Options."""
    return tls_options(pem)
