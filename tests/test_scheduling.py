"""How many processes a selection of tests has, and which files start first."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.scheduling import MOST, SLOW, WAITING, slowest_first, workers

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("selection", "cores", "processes"),
    [
        (["tests"], 2, 2 + WAITING),
        (["tests"], 64, MOST),
        (["tests/errors"], 64, len(list((ROOT / "tests/errors").glob("test_*.py")))),
        (["tests/test_ci.py", "tests/test_tap.py::test_help"], 2, 2),
        (["tests/test_ci.py"], 2, 0),
        (["tests/test_tap.py::test_help", "tests/test_tap.py::test_settings"], 2, 0),
    ],
)
def test_processes(selection: list[str], cores: int, processes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(cores), raising=False)
    assert workers(ROOT, selection) == processes


def test_slow_folders_are_folders() -> None:
    assert [folder for folder in SLOW if not (ROOT / "tests" / folder).is_dir()] == []


def test_slow_files_start_first_and_keep_their_order() -> None:
    paths = ["tests/dialog/test_b.py", "tests/dialog/test_a.py", "tests/docs/test_z.py", "tests/newcomer/test_y.py"]
    items = [SimpleNamespace(nodeid=f"{path}::test[a/b]") for path in paths]
    slowest_first(items)  # type: ignore[arg-type]
    assert [item.nodeid.partition("::")[0] for item in items] == [paths[3], paths[2], *paths[:2]]
