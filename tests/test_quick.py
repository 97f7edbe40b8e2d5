"""``make test-quick`` fails a test that opens a socket or starts a process, unless it is marked."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

TESTS = """
import socket, subprocess, sys
import pytest

def test_nothing():
    socket.socketpair()[0].close()

def test_a_socket():
    socket.create_server(("127.0.0.1", 0)).close()

def test_a_process():
    subprocess.run([sys.executable, "-c", ""])

@pytest.mark.system
def test_a_marked_process():
    subprocess.run([sys.executable, "-c", ""])
"""


def test_what_fails(tmp_path: Path) -> None:
    (tmp_path / "test_some.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = system\n")
    (tmp_path / "quick.py").write_text((ROOT / "tests/quick.py").read_text())
    command = [sys.executable, "-m", "pytest", "-p", "quick", "-m", "not system", "-rA", "-p", "no:cacheprovider"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert re.findall(r"(PASSED|FAILED) \S+::(\w+)", ended.stdout) == [
        ("PASSED", "test_nothing"), ("FAILED", "test_a_socket"), ("FAILED", "test_a_process"),
    ]  # fmt: skip
    assert "needs @pytest.mark.system" in ended.stdout
