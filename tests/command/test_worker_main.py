"""The program of a worker: what it prepares before anything of Twisted is imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from txsmtpx.command import worker, worker_main


@pytest.fixture
def worked(monkeypatch):
    """What the worker is run with."""
    calls = []
    monkeypatch.setattr(worker, "work", lambda *arguments: calls.append(arguments))
    monkeypatch.setattr(sys, "argv", ["worker_main.py", "--port", "25"])
    monkeypatch.setattr(sys, "path", list(sys.path))
    return calls


def test_it_gets_the_path_and_the_options_of_its_parent(worked, monkeypatch):
    text = json.dumps({"path": ["/here", "/there"], "number": 1})
    monkeypatch.setenv("TXSMTPX_WORKER", text)
    monkeypatch.delenv("LISTEN_FDS", raising=False)
    worker_main.main()
    assert worked == [(text, ["--port", "25"])]
    assert sys.path == ["/here", "/there"]
    assert "TXSMTPX_WORKER" not in os.environ  # and so no process of its own gets it
    assert "LISTEN_PID" not in os.environ


def test_the_sockets_of_systemd_are_its_own(worked, monkeypatch):
    """sd_listen_fds(3): they are taken only if the number is that of the process."""
    monkeypatch.setenv("TXSMTPX_WORKER", json.dumps({"path": sys.path}))
    monkeypatch.setenv("LISTEN_FDS", "2")
    monkeypatch.setenv("LISTEN_PID", "1")
    worker_main.main()
    assert os.environ["LISTEN_PID"] == str(os.getpid())


def test_to_import_it_imports_nothing_of_twisted():
    program = f"""
import runpy, sys
runpy.run_path({worker_main.__file__!r})
assert not [name for name in sys.modules if name.partition(".")[0] in ("twisted", "txsmtpx")], sys.modules
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (run.returncode, run.stderr) == (0, "")
