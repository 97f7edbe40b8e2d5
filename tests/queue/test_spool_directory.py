"""The directory for bodies of one process: it goes with its process, however that ends."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from txsmtpx.queue.spool_directory import LOCK, PREFIX, SpoolDirectory


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def test_it_is_removed_with_what_is_in_it() -> None:
    spool = SpoolDirectory()
    spool.close()
    for _ in range(2):
        spool.open()
        spool.open()
        (spool.path / "body.eml").touch()
        assert spool.path.stat().st_mode & 0o777 == 0o700
        spool.close()
        assert not spool.path.exists()


@pytest.mark.system
def test_those_of_killed_processes_are_removed(tmp_path: Path) -> None:
    program = (
        "import os, sys, tempfile; tempfile.tempdir = sys.argv[1]\n"
        "from txsmtpx.queue.spool_directory import SpoolDirectory\n"
        "spool = SpoolDirectory(); spool.open(); (spool.path / 'body.eml').touch(); os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False)
    (left,) = tmp_path.iterdir()
    assert {each.name for each in left.iterdir()} == {LOCK, "body.eml"}
    spool = SpoolDirectory()
    spool.open()
    assert list(tmp_path.iterdir()) == [spool.path]
    spool.close()


def test_those_in_use_and_other_files_stay(tmp_path: Path) -> None:
    first, second = SpoolDirectory(), SpoolDirectory()
    first.open()
    (tmp_path / "other").mkdir()
    (tmp_path / f"{PREFIX}file").touch()
    second.open()
    assert {each.name for each in tmp_path.iterdir()} == {
        first.path.name, second.path.name, "other", f"{PREFIX}file",
    }  # fmt: skip
    first.close()
    second.close()


def test_one_that_is_removed_before_it_is_locked_is_created_again(monkeypatch: pytest.MonkeyPatch) -> None:
    from txsmtpx.queue import spool_directory

    spool, locked, times = SpoolDirectory(), spool_directory._locked, []

    def late(path: Path, wait: bool) -> int:
        times.append(wait)
        descriptor = locked(path, wait)
        if len(times) == 1:
            (path / LOCK).unlink()
            path.rmdir()
        return descriptor

    monkeypatch.setattr(spool_directory, "_locked", late)
    spool.open()
    assert (times, spool.path.is_dir()) == ([True, True], True)
    spool.close()


def test_one_whose_opening_fails_is_opened_by_the_next_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """The descriptor of the first call would lock out the second one."""
    from txsmtpx.queue import spool_directory

    spool, exists, descriptors = SpoolDirectory(), Path.exists, []
    locked = spool_directory._locked

    def recorded(path: Path, wait: bool) -> int:
        descriptors.append(locked(path, wait))
        return descriptors[-1]

    def failing(path: Path) -> bool:
        if path.name == LOCK and len(descriptors) == 1:
            raise OSError(errno.ESTALE, "Stale file handle")
        return exists(path)

    monkeypatch.setattr(spool_directory, "_locked", recorded)
    monkeypatch.setattr(Path, "exists", failing)
    with pytest.raises(OSError, match="Stale file handle"):
        spool.open()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptors[0])
    spool.open()
    assert spool.path.is_dir()
    spool.close()
