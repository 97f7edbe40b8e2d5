"""The certificate of those who speak TLS here, and what keeps the collector of garbage quick."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture
def garbage() -> Iterator[None]:
    """What is alive now is none: to look through it again for each example would take all the time there is."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
