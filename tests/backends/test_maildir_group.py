"""Group commit: what the messages of a group share, and that each fails for its own reasons (guarantee 12)."""

from __future__ import annotations

import errno
import os
import shutil

import pytest

from tests.backends.disk import conversation, files
from tests.threads import Threads
from txsmtpx.backends.maildir_group import AT_ONCE
from txsmtpx.backends.maildir_open import HELD

MESSAGE = b"Subject: hi\r\n\r\nhello\r\n.\r\n"


class Group:
    """
    Clients whose messages have ended, and wait for a thread.

    Attributes:
        backend: Where they are delivered.
        threads: Those of the backend.
        clients: In the order in which their messages have ended.
    """

    def __init__(self, disk, *recipients, lmtp=False):
        self.threads = Threads()
        self.backend = disk.backend(in_thread=self.threads)
        self.clients = []
        self.add(*recipients, lmtp=lmtp)

    def add(self, *recipients, lmtp=False):
        """A client for each; a tuple of recipients is one message."""
        for each in recipients:
            client = conversation(self.backend, [each] if isinstance(each, str) else each, lmtp)
            client.send(MESSAGE)
            self.clients.append(client)

    def store(self):
        """Let the thread work; the codes that each client got."""
        while self.threads.waiting:
            self.threads.work()
        codes = ["".join(reply[:3] for reply in client.replies()) for client in self.clients]
        for client in self.clients:
            client.hang_up()
        return codes


def stored(disk):
    """How many messages are in each Maildir."""
    return {name: len(found) for name in "bcd" if (found := files(disk._root / name))}


def test_one_fsync_of_new_for_all(made):
    assert Group(made, "b", "b", "b").store() == ["250"] * 3
    assert made.events == ["fsync b/tmp/*"] * 3 + ["rename b/tmp/* b/new/*"] * 3 + ["fsync b/new"]
    assert stored(made) == {"b": 3}


def test_each_maildir_has_one_fsync(made):
    assert Group(made, "b", ("c", "b"), "c", "d").store() == ["250"] * 4
    assert made.events[:5] == [f"fsync {name}/tmp/*" for name in "bbccd"]
    assert sorted(made.events[5:10]) == [f"rename {name}/tmp/* {name}/new/*" for name in "bbccd"]
    assert sorted(made.events[10:]) == [f"fsync {name}/new" for name in "bcd"]


def test_no_reply_before_the_end(made):
    group = Group(made, "b", "b")
    seen = []

    def fsync(descriptor):
        made.fsync(descriptor)
        seen.append([client.replies() for client in group.clients])

    group.backend.directories.fsync = fsync
    assert group.store() == ["250"] * 2
    assert seen == [[[], []]] * 3


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EDQUOT])
def test_a_new_that_fails_fails_its_group(made, number):
    group = Group(made, "b", "b", "b")
    made.fails[7] = number
    assert group.store() == ["451" if number == errno.EIO else "452"] * 3
    assert made.events[-1] == "fsync b/new"
    assert stored(made) == {}


@pytest.mark.parametrize(("failing", "codes"), [(9, ["250", "250", "451", "451"]), (10, ["451", "451", "250", "250"])])
def test_a_new_that_fails_fails_no_other_group(made, failing, codes):
    """The second group is stored while the first one, whose messages are in ``new``, waits for its fsync."""
    group = Group(made, "b", "b")

    def fsync(descriptor):
        if len(made.events) == 4 and len(group.clients) == 2:
            group.add("b", "b")
            group.threads.waiting.insert(0, group.threads.waiting.pop())
            made.fails[failing] = errno.EIO
            group.threads.work()
        made.fsync(descriptor)

    group.backend.directories.fsync = fsync
    assert group.store() == codes
    assert stored(made) == {"b": 2}


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_a_file_that_fails_fails_alone(made, failing):
    group = Group(made, "b", "b", "b")
    made.fails[failing + 1] = errno.EIO
    assert group.store() == ["451" if number == failing else "250" for number in range(3)]
    assert stored(made) == {"b": 2}
    assert made.events.count("fsync b/new") == 1


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_a_rename_that_fails_fails_alone(made, failing):
    group = Group(made, "b", "b", "b")
    made.fails[failing + 4] = errno.EDQUOT
    assert group.store() == ["452" if number == failing else "250" for number in range(3)]
    assert stored(made) == {"b": 2}


@pytest.mark.parametrize("lmtp", [False, True])
@pytest.mark.parametrize("failing", "bcd")
def test_a_new_that_fails_fails_only_what_is_in_it(made, lmtp, failing):
    """SMTP takes the message back from the other Maildirs; LMTP leaves it there."""
    group = Group(made, "b", "c", "d", ("b", "c"), lmtp=lmtp)
    at = 10 + 1 + "bcd".index(failing)
    made.fails[at] = errno.EIO
    codes = group.store()
    assert made.events[at - 1] == f"fsync {failing}/new"
    assert codes[:3] == ["451" if name == failing else "250" for name in "bcd"]
    if lmtp:
        assert codes[3] == "".join("451" if name == failing else "250" for name in "bc")
        expected = {name: 1 + (name in "bc") for name in "bcd" if name != failing}
    else:
        assert codes[3] == ("250" if failing == "d" else "451")
        expected = {name: 1 + (name in "bc" and failing == "d") for name in "bcd" if name != failing}
    assert stored(made) == expected


@pytest.mark.parametrize("gone", [0, 1, 2])
def test_a_client_that_goes_takes_no_other_with_it(made, gone):
    group = Group(made, "b", "b", "b")
    group.clients.pop(gone).hang_up()
    assert group.store() == ["250", "250"]
    assert stored(made) == {"b": 2}


def test_what_ends_while_a_group_is_stored_is_in_the_next(made):
    group = Group(made, "b")

    def fsync(descriptor):
        made.fsync(descriptor)
        if len(group.clients) == 1:
            group.add("b", "b")

    group.backend.directories.fsync = fsync
    assert group.store() == ["250"] * 3
    assert made.events == [
        "fsync b/tmp/*",
        "rename b/tmp/* b/new/*",
        "fsync b/new",
        *["fsync b/tmp/*"] * 2,
        *["rename b/tmp/* b/new/*"] * 2,
        "fsync b/new",
    ]


@pytest.mark.parametrize("step", range(1, 4))
def test_what_is_no_error_of_a_disk_fails_the_group(made, step, logged_failures):
    """Such as no memory: nothing is known of any message of it, so none is accepted, and none is left behind."""
    group = Group(made, "b", "b")

    def fsync(descriptor):
        made.fsync(descriptor)
        if len(made.events) == {1: 1, 2: 2, 3: 5}[step]:
            raise MemoryError

    group.backend.directories.fsync = fsync
    assert group.store() == ["451", "451"]
    assert stored(made) == {}
    assert len(logged_failures.flush(MemoryError)) == 2


def test_files_and_directories_that_are_open(disk, monkeypatch):
    """However many recipients a message has, and however many messages a group."""
    monkeypatch.setattr(os, "rename", disk._rename)  # nothing is recorded, which takes long
    count = HELD + 2 * AT_ONCE
    group = Group(disk, [f"b{number}" for number in range(count)])
    before = len(os.listdir("/dev/fd"))
    most = []

    def fsync(descriptor):
        most.append(len(os.listdir("/dev/fd")) - before)

    group.backend.directories.fsync = fsync
    assert group.store() == ["250"]
    assert len(files(disk._root)) == count
    assert AT_ONCE <= max(most) <= 2 * (HELD + AT_ONCE)  # two descriptors of each Maildir


def test_a_maildir_that_is_replaced_while_a_message_is_stored_swallows_none(made):
    """Between the rename and the fsync: the message is in a directory that the path leads to no more."""
    group = Group(made, "b", "c")

    def fsync(descriptor):
        made.fsync(descriptor)
        if len(made.events) == 5:
            (made._root / "b").rename(made._root / "d" / "away")

    group.backend.directories.fsync = fsync
    assert group.store() == ["451", "250"]
    assert stored(made) == {"c": 1}


@pytest.mark.parametrize("replaced", ["b", "b/new"])
def test_a_maildir_that_was_replaced_is_found(made, replaced):
    group = Group(made, "b", "b")
    assert group.store() == ["250", "250"]
    (made._root / replaced).rename(made._root / "d" / "away")
    (made._root / replaced).mkdir()
    group.clients.clear()
    group.add("b")
    assert group.store() == ["250"]
    assert len(files(made._root / "b" / "new")) == 1


def test_a_maildir_that_was_removed_is_created_again(made):
    group = Group(made, "b")
    assert group.store() == ["250"]
    shutil.rmtree(made._root / "b")
    group.clients.clear()
    group.add("b")
    assert group.store() == ["250"]
    assert len(files(made._root / "b" / "new")) == 1
