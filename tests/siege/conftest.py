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
from txsmtpx.testing import Pem, issue

COMMAND = "make siege"
PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"


@pytest.fixture(scope="session")
def _kept(request: pytest.FixtureRequest) -> Iterator[Figures]:
    kept = Figures()
    yield kept
    reporter = request.config.pluginmanager.getplugin("terminalreporter")
    if kept.text and reporter is not None:
        reporter.write_line(f"\n{kept.text}")
    if FULL and os.environ.get("TXSMTPX_SIEGE_WRITE") and not request.session.testsfailed:
        kept.write(PAGE, COMMAND)


@pytest.fixture
def figures(_kept: Figures) -> Figures:
    """Takes what a test has measured."""
    return _kept


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
def pem(tmp_path_factory: pytest.TempPathFactory) -> Pem:
    """A certificate for localhost, in files."""
    return issue(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def with_tls(pem: Pem) -> tuple[str, ...]:
    """Options."""
    return "--tls-certificate", str(pem.certificate), "--tls-key", str(pem.key)
