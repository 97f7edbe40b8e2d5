"""What the tests of the command share."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def room() -> Iterator[Path]:
    """A directory that any user may enter, unlike those of pytest."""
    directory = Path(tempfile.mkdtemp(prefix="txsmtpx-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)
