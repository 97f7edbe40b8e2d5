"""The directory of long bodies: a published body is on the disk, with its entry."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest

from txsmtpx.backends import body_directory
from txsmtpx.backends.body_directory import BodyDirectory


@pytest.fixture
def directory(tmp_path: Path) -> BodyDirectory:
    return BodyDirectory(tmp_path)


def names(directory: BodyDirectory) -> list[str]:
    return sorted(os.listdir(directory.path))


def test_a_body_has_its_name_when_it_is_whole(directory) -> None:
    body = directory.create()
    body.write(b"Subject: ")
    assert [name.endswith(".eml.part") for name in names(directory)] == [True]
    body.write(b"hello")
    name = body.publish()
    assert re.fullmatch("[0-9a-f]{32}[.]eml", name)
    assert names(directory) == [name]
    assert directory.path_of(name).read_bytes() == b"Subject: hello"
    assert os.stat(directory.path_of(name)).st_mode & 0o007 == 0


def test_the_file_is_on_the_disk_before_its_name_and_the_directory_after_it(directory, monkeypatch) -> None:
    steps = []

    def fsync(descriptor: int) -> None:
        steps.append(("fsync", os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}")), names(directory)))

    monkeypatch.setattr(body_directory.os, "fsync", fsync)
    body = directory.create()
    body.write(b"octets")
    (part,) = names(directory)
    name = body.publish()
    assert steps == [("fsync", part, [part]), ("fsync", directory.path.name, [name])]


@pytest.mark.parametrize("published", [False, True])
def test_a_body_is_discarded(directory, published) -> None:
    body = directory.create()
    if published:
        body.publish()
    body.discard()
    body.discard()
    assert names(directory) == []


def test_a_body_is_removed(directory) -> None:
    name = directory.create().publish()
    directory.remove(name)
    directory.remove(name)
    assert names(directory) == []


def test_a_second_name(directory) -> None:
    body = directory.create()
    body.write(b"octets")
    first = body.publish()
    second = directory.link(first)
    directory.remove(first)
    assert names(directory) == [second]
    assert directory.path_of(second).read_bytes() == b"octets"
    with pytest.raises(FileNotFoundError):
        directory.link(first)


def test_a_handled_body_leaves_a_mark(directory) -> None:
    name = directory.create().publish()
    other = directory.create().publish()
    directory.mark(name)
    directory.remove(name)
    assert directory.is_marked(name)
    assert not directory.is_marked(other)
    assert names(directory) == sorted([f"{name}.done", other])


def test_old_marks_are_swept(directory) -> None:
    kept, removed = directory.create().publish(), directory.create().publish()
    directory.mark(kept)
    directory.mark(removed)
    old = time.time() - 86_401
    os.utime(f"{directory.path_of(removed)}.done", (old, old))
    directory.sweep()
    assert names(directory) == sorted([kept, f"{kept}.done"])


def test_a_body_is_discarded_while_it_is_written(directory) -> None:
    """By another thread, after the client has gone."""
    body = directory.create()
    body.discard()
    for step in (lambda: body.write(b"octets"), body.publish):
        with pytest.raises(OSError, match="the body was discarded"):
            step()
    assert names(directory) == []


@pytest.mark.parametrize("name", ["", "../passwd", "/etc/passwd", "a.eml", f"{'a' * 32}.eml.part", f"{'A' * 32}.eml\n"])
def test_no_name_leads_out_of_it(directory, name) -> None:
    for use in (directory.path_of, directory.remove, directory.link, directory.mark, directory.is_marked):
        with pytest.raises(ValueError, match="this is no name of a body"):
            use(name)


def test_a_directory_that_cannot_be_used(tmp_path) -> None:
    with pytest.raises(ValueError, match=f"{tmp_path}/none is no directory; create it"):
        BodyDirectory(tmp_path / "none")


def test_two_writers_have_two_files(directory) -> None:
    assert directory.create().publish() != directory.create().publish()
