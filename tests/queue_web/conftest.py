"""A site for each test: of a queue in SQLite, and of one in a real PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.task import Clock

from tests.queue.conftest import postgresql
from tests.queue_web.site import QueueWeb
from txsmtpx.queue.postgresql_queue_store import PostgreSQLQueueStore
from txsmtpx.queue.sqlite_queue_store import SQLiteQueueStore

__all__ = ["postgresql"]


@pytest_twisted.async_yield_fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.system)])
async def both(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[QueueWeb]:
    if request.param == "sqlite":
        made = QueueWeb(SQLiteQueueStore(str(tmp_path / "queue.db"), Clock()))
    else:
        server = request.getfixturevalue("postgresql")
        server.run("DROP SCHEMA IF EXISTS txsmtpx_queue CASCADE")
        made = QueueWeb(PostgreSQLQueueStore(server.url, reactor))
    yield made
    await made.stop()


@pytest_twisted.async_yield_fixture
async def it(tmp_path: Path) -> AsyncIterator[QueueWeb]:
    """One in SQLite."""
    made = QueueWeb(SQLiteQueueStore(str(tmp_path / "queue.db"), Clock()), names=["devbox.example"])
    yield made
    await made.stop()


@pytest_twisted.async_yield_fixture
async def closed(tmp_path: Path) -> AsyncIterator[QueueWeb]:
    """One with a login."""
    made = QueueWeb(SQLiteQueueStore(str(tmp_path / "queue.db"), Clock()), login=True)
    yield made
    await made.stop()
