"""A Maildir is on the disk, with all its parents, before anything in it is promised (guarantee 12); its modes."""

from __future__ import annotations

import errno
import os
import stat

import pytest

from tests.backends.disk import deliver, files
from txsmtpx.backends import maildir_directories as directories
from txsmtpx.backends.maildir_open import HELD


def test_a_new_maildir_is_on_the_disk_itself(disk):
    deliver(disk.backend("{domain}/{local}"), "b")
    assert disk.events == [
        "fsync ..",
        "fsync .",
        "fsync localhost",
        "fsync localhost/b",
        "fsync localhost/b/tmp/*",
        "rename localhost/b/tmp/* localhost/b/new/*",
        "fsync localhost/b/new",
    ]


PARENTS = ["..", ".", "localhost", "localhost/b"]
"""What has to be synced for {domain}/{local} before anything in localhost/b is promised."""

NESTED = "{domain}/{local}"


def test_what_is_known_to_be_on_the_disk_is_synced_once(disk):
    backend = disk.backend(NESTED)
    deliver(backend, "b")
    disk.synced.clear()
    deliver(backend, "b")
    assert disk.synced == ["localhost/b/new"]
    deliver(backend, "c")
    assert disk.synced[1:] == ["localhost", "localhost/c", "localhost/c/new"]


def test_another_process_knows_nothing_of_it(disk):
    deliver(disk.backend(NESTED), "b")
    disk.synced.clear()
    deliver(disk.backend(NESTED), "b")
    assert disk.synced == [*PARENTS, "localhost/b/new"]


@pytest.mark.parametrize("removed", ["localhost/b", "localhost"])
@pytest.mark.parametrize("again", [False, True])
def test_a_maildir_that_was_removed_is_not_known_any_more(disk, removed, again):
    """Whether this backend makes it again, or another program."""
    backend = disk.backend(NESTED)
    deliver(backend, "b")
    (disk._root / removed).rename(disk._root.parent / "away")
    if again:
        deliver(disk.backend(NESTED), "b")
    disk.synced.clear()
    deliver(backend, "b")
    assert {os.path.dirname(removed) or ".", "localhost/b"} <= set(disk.synced)


def test_only_so_many_directories_are_remembered(disk, monkeypatch):
    monkeypatch.setattr(directories, "REMEMBERED", 10)
    backend = disk.backend()
    for number in range(HELD + 10):
        deliver(backend, f"b{number}")
    assert len(backend.directories._known) == 10
    disk.synced.clear()
    deliver(backend, f"b{HELD + 9}", "b0")
    assert disk.synced.count(f"b{HELD + 9}") == 0
    assert disk.synced.count("b0") == 1


@pytest.mark.parametrize("event", [1, 2, 3, 4, 5, 7])
def test_two_messages_at_once(disk, event):
    """The second comes while the first is at any of its steps: its own 250 does not rely on what the first will do."""
    backend = disk.backend(NESTED)
    second: list[str] = []
    before: list[str] = []

    def fsync(descriptor):
        disk.fsync(descriptor)
        if len(disk.events) == event and not second:
            before.extend(disk.synced)
            second.extend(["begun"])
            second.extend(deliver(backend, "b"))

    backend.directories.fsync = fsync
    assert deliver(backend, "b")[0].startswith("250 ")
    assert second[1].startswith("250 ")
    second_alone = disk.synced[len(before) :]
    assert set(PARENTS) <= {*before, *second_alone[: second_alone.index("localhost/b/new")]}
    assert len(files(disk._root)) == 2


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
@pytest.mark.parametrize("event", range(1, 5))
def test_after_an_fsync_that_failed_it_is_done_again(disk, event, number):
    backend = disk.backend(NESTED)
    disk.fails[event] = number
    assert deliver(backend, "b")[0][:3] in ("451", "452")
    assert deliver(backend, "b")[0].startswith("250 ")
    assert set(PARENTS) <= set(disk.synced)


@pytest.mark.parametrize("made", range(6))
def test_what_a_killed_process_left_half_made(disk, made):
    """It was killed before any fsync."""
    for path in ("localhost", "localhost/b", "localhost/b/tmp", "localhost/b/cur", "localhost/b/new")[:made]:
        (disk._root / path).mkdir()
    assert deliver(disk.backend(NESTED), "b")[0].startswith("250 ")
    assert disk.synced == [*PARENTS, "localhost/b/new"]
    assert sorted(os.listdir(disk._root / "localhost/b")) == ["cur", "new", "tmp"]


def test_new_is_made_last(disk, monkeypatch):
    made = []
    mkdir = os.mkdir
    monkeypatch.setattr(os, "mkdir", lambda path, mode: made.append(os.path.basename(path)) or mkdir(path, mode))
    deliver(disk.backend(NESTED), "b")
    assert made == ["localhost", "b", "tmp", "cur", "new"]


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EBADF])
def test_a_file_system_that_cannot_sync_directories(disk, number):
    backend = disk.backend(NESTED)

    def fsync(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))

    backend.directories.fsync = fsync
    assert deliver(backend, "b")[0].startswith("250 ")


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EBADF])
def test_a_file_that_cannot_be_synced_is_not_stored(made, number):
    made.fails[1] = number
    assert deliver(made.backend(), "b")[0].startswith("451 ")
    assert files(made._root) == []


def test_a_parent_that_is_not_ours_is_not_synced(disk, monkeypatch):
    """With the rights that this process has, nothing can have been made in there."""
    monkeypatch.setattr(os, "access", lambda path, mode, **how: not os.path.samefile(path, disk._root.parent))
    deliver(disk.backend(NESTED), "b")
    assert disk.synced == [".", "localhost", "localhost/b", "localhost/b/new"]


@pytest.mark.parametrize("umask", [0, 0o022, 0o077, 0o777])
def test_maildirs_are_for_their_owner_alone_whatever_the_umask(disk, umask):
    backend = disk.backend("{domain}/{local}/Maildir")
    before = os.umask(umask)
    try:
        assert deliver(backend, "b")[0].startswith("250 ")
    finally:
        os.umask(before)
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in disk._root.rglob("*") if path.is_dir()}
    assert len(modes) == 6
    assert set(modes.values()) == {0o700}
