"""The certificate of those who speak TLS here, and what keeps the collector of garbage quick."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from txsmtpx.testing import Pem, issue


@pytest.fixture(scope="session")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Pem:
    """A certificate for localhost, in files."""
    return issue(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def garbage() -> Iterator[None]:
    """What is alive now is none: to look through it again for each example would take all the time there is."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
