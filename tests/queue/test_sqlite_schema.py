"""The tables of a queue: each question of a delivery has an index."""

from __future__ import annotations

from pathlib import Path

import pytest

from txsmtpx.queue.sqlite_schema import SCHEMA
from txsmtpx.stores.sqlite_file import connect


@pytest.mark.parametrize(
    ("question", "index"),
    [
        ("priority = 0 AND due <= 1 ORDER BY due, mail, destination", "ready (priority=? AND due<?)"),
        ("destination NOT IN ('a') ORDER BY due LIMIT 1", "timed"),
    ],
)
def test_an_index_has_the_order(tmp_path: Path, question: str, index: str) -> None:
    connection = connect(str(tmp_path / "queue.db"), SCHEMA)
    plan = connection.execute(
        f"EXPLAIN QUERY PLAN SELECT mail, destination FROM recipient WHERE state = 'waiting' AND {question}"
    ).fetchall()
    connection.close()
    (step,) = [each[3] for each in plan]  # nothing is sorted
    assert f"INDEX {index}" in step
