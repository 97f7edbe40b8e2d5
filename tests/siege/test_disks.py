"""
Disks that fail while the server runs: full, read-only, a Maildir that is gone.  4xx, nothing by half, and no restart.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.maildir import stored
from tests.siege.besieged import KIB, Besieged
from tests.siege.client import Client, Refused
from tests.waiting import eventually

BODY = b"Subject: hi\r\n\r\n" + (b"x" * 78 + b"\r\n") * 2500 + b"the end\r\n"


def whole(maildir: Path) -> int:
    """How many messages are in ``new``, each of them whole; and nothing is left in ``tmp``."""
    assert list((maildir / "tmp").iterdir()) == []
    messages = stored(maildir)
    assert all(message.endswith(BODY) for message in messages)
    return len(messages)


def refusal(client: Client) -> str:
    """What is said to a message that cannot be stored, on a connection that goes on."""
    with pytest.raises(Refused) as refused:
        client.send(BODY)
    client.ask(b"NOOP\r\n")
    return str(refused.value)[:9]


@contextlib.contextmanager
def small_disk(directory: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    place = directory / "disk"
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("lmtp", [False, True])
def test_full(directory, lmtp):
    options = ["--backend", f"maildir:{directory}/disk/Maildir", *(["--lmtp"] if lmtp else [])]
    with small_disk(directory) as disk, Besieged(directory, *options) as server:
        with Client(server.port, lmtp=lmtp) as client:
            client.send(BODY)
            number = 1
            with contextlib.suppress(Refused):
                while True:
                    client.send(BODY)
                    number += 1
            assert refusal(client) == "452 4.3.1"
            assert whole(disk / "Maildir") == number
            for path in (disk / "Maildir" / "new").iterdir():
                path.unlink()
            client.send(BODY)
            assert whole(disk / "Maildir") == 1
        assert server.stop()


def test_a_queue_on_a_full_disk(directory):
    options = ["--backend", "queue:sqlite:disk/queue.db", "--relay-domain", "localhost"]
    options += ["--route", "* endpoint=tcp:127.0.0.1:1"]
    with small_disk(directory) as disk, Besieged(directory, *options) as server:
        with Client(server.port) as client:
            number = 0
            with contextlib.suppress(Refused):
                while True:
                    client.send(BODY)
                    number += 1
            assert refusal(client) == "452 4.3.1"
            bodies = disk / "queue.db-bodies"
            eventually(lambda: len(list(bodies.iterdir())) == number > 0)
            command = [sys.executable, "-m", "txsmtpx.queue", f"sqlite:{disk}/queue.db", "delete"]
            (first, *_) = sorted(bodies.iterdir())
            assert first.read_bytes().endswith(BODY)
            # The log of SQLite needs some room for a deletion.
            subprocess.run(["mount", "-o", "remount,size=2m", str(disk)], check=True)
            done = subprocess.run([*command, "--all"], capture_output=True, text=True, check=True)
            assert done.stdout == f"delete: {number} recipient{'s' * (number != 1)}\n"
            assert list(bodies.iterdir()) == []
            client.send(BODY)
        assert server.stop()


def test_read_only(directory):
    if os.geteuid() == 0:  # whom no permission stops
        with small_disk(directory) as disk, Besieged(directory, "--backend", f"maildir:{disk}/Maildir") as server:
            read_only(server, disk / "Maildir", lambda mode: remount(disk, mode))
    else:
        with Besieged(directory, "--backend", "maildir:Maildir") as server:
            read_only(server, directory / "Maildir", lambda mode: permit(directory / "Maildir", mode))


def remount(disk: Path, mode: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{mode},size=1m", str(disk)], check=True)


def permit(maildir: Path, mode: str) -> None:
    for part in ("tmp", "new"):
        (maildir / part).chmod(0o700 if mode == "rw" else 0o500)


def read_only(server, maildir, change):
    with Client(server.port) as client:
        client.send(BODY)
        change("ro")
        try:
            assert [refusal(client) for _ in range(3)] == ["451 4.3.0"] * 3
            assert whole(maildir) == 1
        finally:
            change("rw")
        client.send(BODY)
        assert whole(maildir) == 2
    assert server.stop()


@pytest.mark.parametrize("part", ["", "new", "tmp", "cur"])
def test_removed_under_way(directory, part):
    maildir = directory / "Maildir"
    with Besieged(directory, "--backend", "maildir:Maildir") as server, Client(server.port) as client:
        client.send(BODY)
        client.envelope()
        client.ask(b"DATA\r\n", b"354")
        client.socket.sendall(BODY * 3)  # more than is gathered before it is written
        server.eventually(lambda: [path for path in (maildir / "tmp").iterdir() if path.stat().st_size > 200 * KIB])
        shutil.rmtree(maildir / part)
        client.socket.sendall(b".\r\n")
        reply = client.reply()[:9]
        # The server creates what was removed.  The message was in ``tmp``: if that was removed, the message was too.
        assert reply == (b"250 2.0.0" if part in ("cur", "new") else b"451 4.3.0")
        before = whole(maildir) if part in ("cur", "new") else None
        client.send(BODY)
        assert whole(maildir) == (1 if before is None else before + 1) + (part == "tmp")
        assert server.stop()


def test_a_file_in_its_place(directory):
    maildir = directory / "Maildir"
    maildir.write_text("no directory")
    with Besieged(directory, "--backend", "maildir:Maildir") as server, Client(server.port) as client:
        assert refusal(client) == "451 4.3.0"
        maildir.unlink()
        client.send(BODY)
        assert whole(maildir) == 1
        assert server.stop()


def test_it_may_write_no_large_files(directory):
    """``ulimit -f``: EFBIG and SIGXFSZ, which Python ignores."""
    with Besieged(directory, "--backend", "maildir:Maildir") as server, Client(server.port) as client:
        subprocess.run(["prlimit", "--pid", str(server.process.pid), f"--fsize={100 * KIB}"], check=True)
        assert refusal(client) == "452 4.3.1"
        client.send(b"hi\r\n")
        assert len(stored(directory / "Maildir")) == 1
