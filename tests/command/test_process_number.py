"""Whether a process number is still that of the server that wrote it."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from txsmtpx.command.process_number import is_gone

NEEDS_PROC = pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="there is no /proc")


@pytest.mark.parametrize("pid", [0, os.getpid(), 10**30], ids=["none", "our own", "too large"])
def test_a_number_of_no_other_process(pid):
    assert is_gone(pid, time.time())


def test_a_process_that_is_gone(gone):
    assert is_gone(gone, time.time())


def test_a_server_that_runs(server):
    assert not is_gone(server, time.time())


@NEEDS_PROC
def test_a_process_of_another_program(other):
    """A word of its command line that only contains the name of a server does not count."""
    assert is_gone(other, time.time())


@NEEDS_PROC
@pytest.mark.parametrize(("age", "gone"), [(60, True), (0, False), (-60, False)])
def test_a_server_that_is_younger_than_the_file(server, age, gone):
    assert is_gone(server, time.time() - age) is gone


def test_a_process_of_another_user_runs(monkeypatch, server):
    def denied(pid, signal):
        raise PermissionError

    with monkeypatch.context() as patched:
        patched.setattr(os, "kill", denied)
        assert not is_gone(server, time.time())


def test_without_proc_a_process_that_runs_counts(monkeypatch, other):
    def fails(path, mode):
        raise FileNotFoundError(path)

    with monkeypatch.context() as patched:
        patched.setattr("builtins.open", fails)
        assert not is_gone(other, time.time() - 60)
