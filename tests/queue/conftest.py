"""The PostgreSQL of these tests, which is started once for each file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.interop.conftest import need

if TYPE_CHECKING:
    from tests.queue.postgresql_server import PostgreSQLServer


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgreSQLServer]:
    need("psycopg")
    need("postgresql")
    from tests.queue.postgresql_server import PostgreSQLServer

    server = PostgreSQLServer()
    try:
        server.start()
        yield server
    finally:
        server.remove()
