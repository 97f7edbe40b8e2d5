"""Maildirs that are held open: how many, until when, and that the path decides where mail goes."""

from __future__ import annotations

import errno
import gc
import os

import pytest

from txsmtpx.backends.maildir_directories import Directories
from txsmtpx.backends.maildir_open import OpenMaildir, OpenMaildirs


def descriptors() -> int:
    return len(os.listdir("/dev/fd"))


def directories(fsync=lambda descriptor: None) -> Directories:
    return Directories(fsync)


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "b")


def put(maildir: OpenMaildir, name: str) -> None:
    os.close(maildir.create(name))


def test_a_file_is_created_published_and_taken_back(path):
    maildir = OpenMaildir(path, directories())
    put(maildir, "one")
    assert os.listdir(f"{path}/tmp") == ["one"]
    maildir.publish("one")
    assert [os.listdir(f"{path}/{part}") for part in ("tmp", "new")] == [[], ["one"]]
    maildir.take_back("one")
    maildir.take_back("one")  # which a mail reader has moved
    assert os.listdir(f"{path}/new") == []


def test_no_file_is_overwritten(path):
    maildir = OpenMaildir(path, directories())
    put(maildir, "one")
    with pytest.raises(FileExistsError):
        maildir.create("one")


def test_its_descriptors_are_closed_with_it(path):
    before = descriptors()
    maildir = OpenMaildir(path, directories())
    assert descriptors() == before + 2
    del maildir
    gc.collect()
    assert descriptors() == before


@pytest.mark.parametrize("part", ["tmp", "new"])
def test_one_that_cannot_be_opened_leaves_no_descriptor(path, part):
    os.makedirs(path)
    for each in {"tmp", "new", "cur"} - {part}:
        os.mkdir(f"{path}/{each}")
    with open(f"{path}/{part}", "w"):
        pass
    before = descriptors()
    with pytest.raises(OSError, match=part):
        OpenMaildir(path, directories())
    gc.collect()
    assert descriptors() == before


def test_one_that_is_replaced_while_it_is_opened(path, monkeypatch):
    """What was found to be on the disk is not what was opened."""
    opening = os.open

    def replace(name, *rest):
        if name == f"{path}/new":
            os.rename(path, f"{path}.away")
            os.makedirs(f"{path}/new")
        return opening(name, *rest)

    known = directories()
    known.ensure(path)
    monkeypatch.setattr(os, "open", replace)
    with pytest.raises(FileNotFoundError, match="another directory"):
        OpenMaildir(path, known)


@pytest.mark.parametrize("replaced", ["", "/new"])
@pytest.mark.parametrize("again", [False, True])
def test_sync_fails_where_the_path_leads_elsewhere(path, replaced, again):
    maildir = OpenMaildir(path, directories())
    maildir.sync()
    os.rename(path + replaced, f"{path}.away")
    if again:
        os.makedirs(f"{path}/new")
    assert not maildir.is_at_its_path()
    with pytest.raises(FileNotFoundError, match="another directory"):
        maildir.sync()


def test_a_path_that_cannot_be_followed_leads_elsewhere(path):
    maildir = OpenMaildir(path, directories())
    os.rename(path, f"{path}.away")
    os.symlink(path, path)  # ELOOP
    assert not maildir.is_at_its_path()


def test_it_is_opened_once(path):
    maildirs = OpenMaildirs(directories())
    assert maildirs.at(path) is maildirs.at(path)


def test_only_so_many_are_held_open(tmp_path):
    before = descriptors()
    maildirs = OpenMaildirs(directories(), held=3)
    found = [maildirs.at(str(tmp_path / name)) for name in "abcacd"]
    assert maildirs.at(str(tmp_path / "a")) is found[0]  # used more lately than b
    assert maildirs.at(str(tmp_path / "b")) is not found[1]
    del found
    gc.collect()
    assert descriptors() == before + 6


def test_one_that_is_in_use_stays_open(tmp_path):
    maildirs = OpenMaildirs(directories(), held=1)
    used = maildirs.at(str(tmp_path / "a"))
    maildirs.at(str(tmp_path / "b"))
    gc.collect()
    put(used, "one")
    assert os.listdir(tmp_path / "a" / "tmp") == ["one"]


def test_one_whose_path_leads_elsewhere_is_held_no_longer(path):
    maildirs = OpenMaildirs(directories())
    assert not maildirs.holds(path)
    maildirs.prepare(path)
    assert maildirs.holds(path)
    os.rename(path, f"{path}.away")
    assert not maildirs.holds(path)
    os.close(maildirs.create(path, "one"))
    assert os.listdir(f"{path}/tmp") == ["one"]


def test_tmp_that_was_removed_is_created_again(path):
    maildirs = OpenMaildirs(directories())
    maildirs.at(path)
    os.rmdir(f"{path}/tmp")
    os.close(maildirs.create(path, "one"))
    assert os.listdir(f"{path}/tmp") == ["one"]


def test_one_that_cannot_be_prepared_fails_when_it_is_used(path):
    with open(path, "w"):
        pass
    maildirs = OpenMaildirs(directories())
    maildirs.prepare(path)
    assert not maildirs.holds(path)
    with pytest.raises(OSError, match="b"):
        maildirs.create(path, "one")


@pytest.mark.parametrize("number", [errno.ENOENT, errno.ESTALE])
def test_a_removed_directory_on_any_file_system(path, number, monkeypatch):
    """NFS has another error for it."""
    maildirs = OpenMaildirs(directories())
    stale = maildirs.at(path)
    monkeypatch.setattr(stale, "create", lambda name: (_ for _ in ()).throw(OSError(number, "gone")))
    os.close(maildirs.create(path, "one"))
    assert os.listdir(f"{path}/tmp") == ["one"]


def test_one_that_fails_is_opened_again(path, monkeypatch):
    maildirs = OpenMaildirs(directories())
    failing = maildirs.at(path)
    monkeypatch.setattr(failing, "create", lambda name: (_ for _ in ()).throw(OSError(errno.EIO, "no disk")))
    with pytest.raises(OSError, match="no disk"):
        maildirs.create(path, "one")
    assert maildirs.at(path) is not failing
