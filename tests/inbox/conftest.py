"""An inbox for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.inbox.site import Web


@pytest.fixture
def web() -> Iterator[Web]:
    """It ends as it has begun: nobody follows the backend any more, and no timer runs."""
    made = Web("devbox.example", "B\u00fccher.Example")
    yield made
    made.stop()
    assert made.backend._subscribers == []
    assert [call for call in made.clock.getDelayedCalls() if "timeout" not in str(call.func).lower()] == []


@pytest.fixture(params=["memory", "file"])
def both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Web]:
    """An inbox in memory, and one in a file."""
    made = Web(file=None if request.param == "memory" else tmp_path / "mail.db")
    yield made
    made.stop()
