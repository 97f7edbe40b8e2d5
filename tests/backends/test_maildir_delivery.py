"""
250 means stored (guarantee 12): the order of things, disks that fail at any of them, peers that vanish between two.
"""

from __future__ import annotations

import errno
import resource
import shutil
import signal
from collections.abc import Iterator

import pytest
from twisted.internet.defer import Deferred, maybeDeferred

from tests.backends.disk import BODY, SMTP, conversation, deliver, files
from txsmtpx.testing import Conversation


def test_file_then_rename_then_directory_then_250(made):
    client = conversation(made.backend(), ["b"])
    write = client.transport.write
    client.transport.write = lambda octets: made.events.append(octets[:3].decode()) or write(octets)
    client.send(BODY.encode() + b"\r\n.\r\n")
    assert made.events == ["fsync b/tmp/*", "rename b/tmp/* b/new/*", "fsync b/new", "250"]
    assert made.sizes == [path.stat().st_size for path in (made._root / "b" / "new").iterdir()]  # no buffer held any
    client.hang_up()


def test_all_are_whole_before_one_is_in_its_place(made):
    deliver(made.backend(), "b", "c")
    assert made.events == [
        "fsync c/tmp/*",
        "fsync b/tmp/*",
        "rename c/tmp/* c/new/*",
        "rename b/tmp/* b/new/*",
        "fsync c/new",
        "fsync b/new",
    ]


ANSWERS = {
    errno.ENOSPC: "452 4.3.1 Insufficient system storage",
    errno.EDQUOT: "452 4.3.1 Insufficient system storage",
    errno.EFBIG: "452 4.3.1 Insufficient system storage",
    errno.EIO: "451 4.3.0 Local error in processing",
    errno.EROFS: "451 4.3.0 Local error in processing",
    errno.EACCES: "451 4.3.0 Local error in processing",
}


@pytest.mark.parametrize("number", ANSWERS)
@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_disk_that_fails(made, number, step):
    made.fails[step] = number
    (answer,) = deliver(made.backend(), "b")
    assert answer.startswith(ANSWERS[number])
    assert len(made.events) == step
    assert files(made._root) == []
    # And the next message finds all in order.
    assert deliver(made.backend(), "b")[0].startswith("250 ")
    assert len(files(made._root)) == 1


@pytest.mark.parametrize("step", range(1, 5))
def test_a_disk_that_fails_while_a_maildir_is_made(disk, step):
    disk.fails[step] = errno.ENOSPC
    (answer,) = deliver(disk.backend("{domain}/{local}"), "b")
    assert answer.startswith("452 4.3.1 ")
    assert files(disk._root) == []


@pytest.mark.parametrize("step", range(1, 7))
def test_under_smtp_it_is_all_or_none(made, step):
    made.fails[step] = errno.ENOSPC
    (answer,) = deliver(made.backend(), "b", "c")
    assert answer.startswith("452 4.3.1 ")
    assert files(made._root) == []


@pytest.mark.parametrize(("step", "failed"), list(enumerate("dcb" * 3, start=1)))
def test_under_lmtp_one_may_fail_alone(made, step, failed):
    made.fails[step] = errno.EDQUOT
    said = deliver(made.backend(), "b", "c", "d", lmtp=True)
    assert [line[:3] for line in said] == ["452" if each == failed else "250" for each in "bcd"]
    assert [name[:6] for name in files(made._root)] == [f"{each}/new/" for each in "bcd" if each != failed]


@pytest.mark.parametrize("unusable", ["b", "c", "d"])
def test_under_lmtp_a_maildir_that_cannot_be_made_fails_alone(disk, unusable):
    (disk._root / unusable).write_text("in the way")
    said = deliver(disk.backend(), "b", "c", "d", lmtp=True)
    assert [line[:3] for line in said] == ["451" if each == unusable else "250" for each in "bcd"]
    stored = [name[:6] for name in files(disk._root) if "/" in name]
    assert stored == [f"{each}/new/" for each in "bcd" if each != unusable]
    contents = {(disk._root / name).read_bytes().partition(b"Subject")[2] for name in files(disk._root) if "/" in name}
    assert contents == {BODY[7:].encode() + b"\r\n"}


def test_under_smtp_a_maildir_that_cannot_be_made_fails_all(disk):
    (disk._root / "c").write_text("in the way")
    (answer,) = deliver(disk.backend(), "b", "c")
    assert answer.startswith("451 4.3.0 ")
    assert files(disk._root) == ["c"]


def test_when_all_fail_under_lmtp_each_is_told(disk):
    for name in "bc":
        (disk._root / name).write_text("in the way")
    said = deliver(disk.backend(), "b", "c", lmtp=True)
    assert [line[:9] for line in said] == ["451 4.3.0"] * 2
    assert files(disk._root) == ["b", "c"]


@pytest.fixture
def small_files() -> Iterator[None]:
    """A limit that the system itself enforces: no file may grow past 64 KiB."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("lmtp", [False, True])
@pytest.mark.usefixtures("small_files")
def test_a_write_that_fails(made, lmtp):
    client = conversation(made.backend(), ["b", "c"], lmtp)
    for line in BODY.split("\r\n"):
        client.send(line.encode() + b"\r\n")
    assert client.replies() == []
    assert files(made._root) == []  # already, with the message still coming
    said = client.ask(".")
    assert [line[:9] for line in said] == ["452 4.3.1"] * (2 if lmtp else 1)
    assert files(made._root) == []
    assert made.events == []
    client.hang_up()


@pytest.fixture
def one_file_is_full() -> Iterator[None]:
    """The system lets the first file that is to grow past 300 KiB grow no more, and others as they like."""
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, lambda number, frame: resource.setrlimit(resource.RLIMIT_FSIZE, limit))
    resource.setrlimit(resource.RLIMIT_FSIZE, (300 * 1024, limit[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("lmtp", [False, True])
@pytest.mark.parametrize("blocked", ["", "c"])
@pytest.mark.usefixtures("one_file_is_full")
def test_a_disk_that_fills_in_the_middle(made, lmtp, blocked):
    """Under LMTP what has come so far goes on into the next Maildir that takes it."""
    backend = made.backend()
    if blocked:
        shutil.rmtree(made._root / blocked / "tmp")
        (made._root / blocked / "tmp").touch()  # so that it cannot be made again
    client = conversation(backend, ["b", "c", "d"], lmtp)
    body = b"".join(b"%07d\r\n" % number for number in range(100_000))
    client.send(body)
    said = client.ask(".")
    assert [line[:9] for line in said] == (
        ["452 4.3.1", "451 4.3.0" if blocked else "250 2.0.0", "250 2.0.0"] if lmtp else ["452 4.3.1"]
    )
    stored = [path for path in made._root.rglob("*") if path.is_file() and path.name != "tmp"]
    assert [path.parent.parent.name for path in sorted(stored)] == [each for each in "cd" if lmtp and each != blocked]
    for path in stored:
        assert path.read_bytes().endswith(b"\r\n" + body)
        assert f"Delivered-To: {path.parent.parent.name}@localhost\r\n".encode() in path.read_bytes()
    client.hang_up()


class Threads:
    """Calls that wait for a thread, which gets to them when it is told to."""

    def __init__(self):
        self.waiting = []

    def __call__(self, function, *arguments):
        done = Deferred()
        self.waiting.append((done, function, arguments))
        return done

    def work(self):
        """Do the first of them; what comes of it is told, if anybody still listens."""
        done, function, arguments = self.waiting.pop(0)
        maybeDeferred(function, *arguments).addBoth(lambda result: None if done.called else done.callback(result))


@pytest.mark.parametrize("worked", range(4))
@pytest.mark.parametrize("recipients", [["b"], ["b", "c"]])
def test_a_peer_that_goes_leaves_nothing(made, worked, recipients):
    """Whatever the thread had done when it went, and whatever it still does after."""
    threads = Threads()
    client = conversation(made.backend(in_thread=threads), recipients)
    client.send(BODY.encode()[:300_000])
    for n in range(worked):
        client.send(b"\r\n" + b"y" * 300_000 * (n % 2))
        if threads.waiting:
            threads.work()
    client.hang_up()
    while threads.waiting:
        threads.work()
    assert files(made._root) == []
    assert made.events == []


@pytest.mark.parametrize("lmtp", [False, True])
def test_a_peer_that_goes_before_the_answer(made, lmtp):
    """The end has come, the thread has not yet begun to store it."""
    threads = Threads()
    client = conversation(made.backend(in_thread=threads), ["b", "c"], lmtp)
    client.send(b"hi\r\n.\r\n")
    client.hang_up()
    while threads.waiting:
        threads.work()
    assert files(made._root) == []


def test_a_peer_that_goes_while_it_is_stored(made):
    """Between two steps of the thread, the reactor's thread hears that the peer has gone."""
    clients = []

    def fsync_and_lose(descriptor):
        made.fsync(descriptor)
        clients[0].hang_up()

    threads = Threads()
    clients.append(conversation(made.backend(in_thread=threads, fsync=fsync_and_lose), ["b", "c"]))
    clients[0].send(b"hi\r\n" * 20000 + b".\r\n")
    while threads.waiting:
        threads.work()
    assert files(made._root) == []


def test_a_message_too_big_leaves_nothing(made):
    client = Conversation(made.backend(), max_message_bytes=300_000)
    client.ask(*SMTP, "RCPT TO:<b@localhost>", "DATA")
    client.send(BODY.encode()[:290_000])
    assert len(files(made._root)) == 1
    client.send(BODY.encode())
    assert files(made._root) == []
    assert client.ask("", ".")[0].startswith("552 5.3.4 ")
    client.hang_up()


@pytest.mark.parametrize("end", ["RSET", "EHLO again.example"])
def test_a_message_given_up_leaves_nothing(made, end):
    client = Conversation(made.backend())
    client.ask(*SMTP, "RCPT TO:<b@localhost>")
    client.send(b"BDAT 300000\r\n" + b"x" * 300_000)
    assert len(files(made._root)) == 1
    client.ask(end)
    assert files(made._root) == []
    client.hang_up()


def test_a_cap_on_the_delivery_leaves_nothing(made):
    threads = Threads()
    client = Conversation(made.backend(in_thread=threads), delivery_timeout=10)
    client.ask(*SMTP, "RCPT TO:<b@localhost>", "DATA")
    client.ask("hi", ".")
    client.clock.advance(10)
    assert client.replies()[0].startswith("451 4.4.7 ")
    while threads.waiting:
        threads.work()
    assert files(made._root) == []
    client.hang_up()
