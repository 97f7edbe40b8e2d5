"""A process is killed before each statement and each fsync: nothing is lost or half done (guarantee 12)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

STEPS = {
    "sqlite": ("fsync", "rename", "unlink", "INSERT INTO recipient", "UPDATE", "DELETE FROM mail", "COMMIT"),
    "postgresql": ("INSERT INTO mail", "INSERT INTO content", "UPDATE", "DELETE FROM mail", "NOTIFY"),
}


@pytest.mark.parametrize("kind", STEPS)
def test_killed_before_each_step(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    command = [sys.executable, "-m", "tests.queue.killed_queue", str(tmp_path)]
    if kind == "postgresql":
        command.append(request.getfixturevalue("postgresql").url)
    ran = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=Path(__file__).parents[2])
    rounds = [json.loads(line) for line in ran.stdout.splitlines()]
    steps = " ".join(each["step"] for each in rounds)
    assert [word for word in STEPS[kind] if word not in steps] == []
    assert rounds[-1]["step"] == ""
    reached = set()
    for each in rounds:
        mail, report = "ann@example.org" in each["found"], "" in each["found"]
        reached.add(len(each["done"]))
        assert each["whole"]
        if "finished" in each["done"]:
            assert (mail, report) == (False, True)
        elif "added" in each["done"]:
            assert mail != report
        else:
            assert not report
    assert reached == {0, 1, 2, 3}
