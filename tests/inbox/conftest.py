"""An inbox for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.inbox.site import Web


@pytest.fixture
def web() -> Iterator[Web]:
    """It ends as it has begun: nobody follows the backend any more, and no timer runs."""
    made = Web("devbox.example", "B\u00fccher.Example")
    yield made
    made.site.stopFactory()
    made.clock.work()
    assert made.backend._subscribers == []
    assert [call for call in made.clock.getDelayedCalls() if "timeout" not in str(call.func).lower()] == []
