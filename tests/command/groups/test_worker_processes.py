"""The number of processes that share the work."""

from __future__ import annotations

import os
import sys

import pytest

from tests.command.parsing import complaints, parsed


@pytest.mark.parametrize(("options", "workers"), [([], 1), (["--workers", "1"], 1), (["--workers", "3"], 3)])
def test_the_number_of_processes(options, workers):
    process = parsed(*options).process
    assert process.workers == workers
    assert process.reactor._sharing is (workers > 1)


@pytest.mark.parametrize("backend", ["memory", "memory:5"])
@pytest.mark.parametrize("users", [[], ["--auth", "memory:me:secret"]])
def test_a_backend_that_keeps_mail_in_one_process(backend, users):
    line = (
        f"--workers 2: the backend {backend} keeps its data in the memory of one process; "
        "leave out --workers, or share mail by maildir:PATH, and limits and greylisting by Redis"
    )
    assert complaints("--workers", "2", "--backend", backend, *users) == [line]
    assert parsed("--workers", "1", "--backend", backend, *users).process.workers == 1


def test_one_listener_with_such_a_backend_is_one_too_many(tmp_path):
    file = tmp_path / "smtpx.toml"
    file.write_text('workers = 2\n[listener.a]\nport = [2525]\n[listener.b]\nport = [2526]\nbackend = "memory"\n')
    (line,) = complaints("--config", str(file))
    assert ": workers 2: the backend memory keeps its data in the memory of one process; " in line


@pytest.fixture
def limited(tmp_path, monkeypatch):
    """Makes the module ``limited`` with a backend whose store is shared, or not."""

    def make(shared):
        (tmp_path / "limited.py").write_text(
            "from twisted.internet.task import Clock\n"
            "from txsmtpx import LimitBackend, OpenBackend, Session\n"
            "from txsmtpx.stores.memory_store import MemoryStore\n"
            "store = MemoryStore(reactor=Clock())\n"
            f"store.shared = {shared}\n"
            "backend = LimitBackend(OpenBackend(lambda connection: Session()), 1, 60, store=store)\n"
        )
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "limited", raising=False)

    return make


def test_a_limit_that_counts_in_one_process(limited):
    """Each worker would allow as much as all of them should."""
    limited(False)
    (line,) = complaints("--workers", "2", "--backend", "limited.backend")
    assert line.startswith("--workers 2: the backend limited.backend keeps its data in the memory of one process; ")


def test_a_limit_whose_counts_are_shared(limited):
    limited(True)
    assert parsed("--workers", "2", "--backend", "limited.backend").process.workers == 2


@pytest.mark.parametrize("number", ["0", "-1", "1.5", "many", ""])
def test_no_number_of_processes(number):
    (line,) = complaints("--workers", number)
    assert line.startswith("--workers must be an integer of 1 or more (processes), not ")


def test_where_processes_cannot_share_sockets(monkeypatch):
    with monkeypatch.context() as patched:  # pytest itself would take the system for Windows
        patched.setattr(os, "name", "nt")
        found = complaints("--workers", "2")
    assert found == ["--workers 2: processes share sockets on UNIX systems only; leave this option out"]
