"""
The corpus goes through the targets, and a fuzzer runs on from it for a moment; ``make fuzz`` does so for longer.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hunt.fuzz import CORPUS
from tests.hunt.targets import TARGETS

FILES = sorted(path for path in CORPUS.rglob("*") if path.is_file())
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_the_corpus(path):
    TARGETS[path.parent.name](path.read_bytes())


def test_each_target_has_a_corpus():
    assert {path.parent.name for path in FILES} == set(TARGETS)


def test_a_moment_of_fuzzing(tmp_path):
    if importlib.util.find_spec("atheris") is None:
        if os.environ.get("TXSMTPX_REQUIRE_PEERS"):
            pytest.fail("atheris is missing")
        pytest.skip("atheris is missing")
    command = [sys.executable, "-m", "tests.hunt.fuzz", "--runs", "300", "--seconds", "1"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=100)
    assert ended.returncode == 0, ended.stderr[-4000:]
    assert ended.stdout.split("== ")[1:] == [f"{name}\n" for name in TARGETS]
