"""``make test`` with a selection passes, in the foreground and in the background, in a clone whose path has a space."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.interop.conftest import room  # noqa: F401  # a fixture
from tests.newcomer.clone import Clone

# A script ignores SIGINT in what it starts in the background; nohup ignores SIGHUP.
IN_THE_BACKGROUND = "nohup make test ARGS='-q tests/test_surroundings.py' <&- & wait $!"
SELECTIONS = {
    "make test JOBS=2 ARGS='-x --lf tests/test_surroundings.py tests/test_scheduling.py'": "28 passed",
    "make test JOBS=0 ARGS='-k interrupted tests/test_surroundings.py'": "1 passed, 3 deselected",
}


@pytest.fixture(scope="module")
def clone(room: Callable[[str], Path]) -> Clone:  # noqa: F811
    for program in ("git", "make"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    clone = Clone(room("clone for selections"))
    # What make would install is lent to the clone: the stamp says that it is there.
    (clone.directory / ".venv/made-to-develop").touch()
    return clone


@pytest.mark.parametrize("command", SELECTIONS)
def test_selection(clone: Clone, command: str) -> None:
    assert SELECTIONS[command] in run(clone, ["sh", "-c", command])


def test_in_the_background_with_an_empty_environment(clone: Clone) -> None:
    path = clone.environment["PATH"]
    assert "4 passed" in run(clone, ["env", "-i", f"PATH={path}", "sh", "-c", IN_THE_BACKGROUND])


def run(clone: Clone, command: list[str]) -> str:
    ended = subprocess.run(
        command, cwd=clone.directory, env=clone.environment, capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout
