"""Where a server listens: what a process left there that is gone does not stop it, and an error says what and why."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.internet import reactor
from twisted.internet.defer import maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory, Protocol

from txsmtpx.command.place import PortError, TCPPlace, UNIXPlace
from txsmtpx.command.sockets import Sockets

OTHER = "; stop the other server, or choose another path"
IN_USE = "it is in use; stop the other program, or choose another port"


@pytest.fixture
def factory():
    made = Factory.forProtocol(Protocol)
    made.noisy = False
    return made


@pytest.fixture
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Short enough for a UNIX socket."""
    return tmp_path_factory.mktemp("u") / "s"


@pytest.fixture
def program() -> Iterator[int]:
    """Another program, which runs."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process.pid
        process.kill()


def leave(path: Path, lock: object = None, bound: bool = True) -> None:
    """What a process leaves that was killed."""
    if bound:
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(str(path))
    if lock is not None:
        Path(f"{path}.lock").symlink_to(str(lock))


@pytest.mark.parametrize("bound", [True, False])
@pytest.mark.parametrize("lock", [None, "ours", "another program's", "root's", 2**22 + 7, "none"])
async def test_what_was_left_does_not_stop_a_start(path, factory, program, lock, bound):
    numbers = {"ours": os.getpid(), "another program's": program, "root's": 1}
    leave(path, numbers.get(lock, lock), bound)
    port = await serverFromString(Sockets(reactor), f"unix:{path}:mode=600").listen(factory)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    assert os.readlink(f"{path}.lock") == str(os.getpid())
    await port.stopListening()
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("locked", [False, True])
async def test_where_a_server_listens_there_is_no_second(path, factory, locked, full):
    if locked:
        Path(f"{path}.lock").symlink_to(str(os.getpid()))
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(str(path))
        server.listen(0)
        if full:
            client.connect(str(path))
        with pytest.raises(PortError) as refused:
            await serverFromString(Sockets(reactor), f"unix:{path}").listen(factory)
        lock = f" ({path}.lock is of process {os.getpid()})" if locked else ""
        assert str(refused.value) == f"cannot listen on {path}: it is in use{lock}{OTHER}"
    assert path.is_socket()
    assert os.path.lexists(f"{path}.lock") == locked


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="there is no /proc")
@pytest.mark.parametrize("bound", [True, False])
async def test_a_lock_of_a_server_that_runs(path, factory, bound):
    """It may be about to listen; or somebody has removed its socket, and it would remove ours."""
    words = [sys.executable, "-c", "print(flush=True); input()", "/usr/bin/twistd", "-n", "smtpx"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        server.stdout.readline()
        leave(path, server.pid, bound)
        with pytest.raises(PortError) as refused:
            await serverFromString(Sockets(reactor), f"unix:{path}").listen(factory)
        server.kill()
    lock = f"({path}.lock is of process {server.pid})"
    assert str(refused.value) == f"cannot listen on {path}: it is in use {lock}{OTHER}"


async def test_a_datagram_socket_is_somebodys_too(path, factory):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.bind(str(path))
        with pytest.raises(PortError, match=f"^cannot listen on {path}: "):
            await serverFromString(Sockets(reactor), f"unix:{path}").listen(factory)
    assert path.is_socket()


@pytest.mark.parametrize("lock", [None, 2**22 + 7])
async def test_a_file_in_its_place_is_kept(path, factory, lock):
    path.write_text("kept")
    leave(path, lock, bound=False)
    with pytest.raises(PortError, match=r"which is not a socket; remove it, or choose another path$"):
        await serverFromString(Sockets(reactor), f"unix:{path}").listen(factory)
    assert path.read_text() == "kept"


async def test_a_lock_that_is_none_is_named(path, factory):
    Path(f"{path}.lock").write_text("1")
    with pytest.raises(PortError, match=rf"^cannot listen on {path}: {path}\.lock: Invalid argument$"):
        await serverFromString(Sockets(reactor), f"unix:{path}").listen(factory)


@pytest.mark.parametrize("try_only", [False, True])
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("missing/s", "there is no directory {}/missing; create it"),
        ("file/s", "{}/file is not a directory; choose another path"),
        ("s" * 200, "the path has {length} octets, more than the system takes for a socket; choose a shorter one"),
    ],
)
async def test_a_path_that_cannot_be(path, factory, name, why, try_only):
    (path.parent / "file").touch()
    place = UNIXPlace(str(path.parent / name))
    wanted = why.format(path.parent, length=len(str(path.parent)) + 201)
    endpoint = serverFromString(Sockets(reactor), place.name)
    with pytest.raises((PortError, OSError)) as refused:
        await (maybeDeferred(place.try_it) if try_only else endpoint.listen(factory))
    error = refused.value if isinstance(refused.value, PortError) else PortError(place, place.why_not(refused.value))
    assert str(error) == f"cannot listen on {place.path}: {wanted}"


def test_to_try_a_path_changes_nothing(path):
    leave(path, os.getpid())
    assert UNIXPlace(str(path)).try_it() is None
    assert sorted(each.name for each in path.parent.iterdir()) == ["s", "s.lock"]


async def test_the_abstract_namespace(factory):
    """Where nothing is left behind."""
    UNIXPlace("\0txsmtpx").prepare()


def refused_by(place: TCPPlace) -> str:
    with pytest.raises((OSError, OverflowError)) as refused:
        place.try_it()
    return str(PortError(place, place.why_not(refused.value)))


def test_tcp_in_words():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert refused_by(TCPPlace("127.0.0.1", port)) == f"cannot listen on port {port} of 127.0.0.1: {IN_USE}"
        assert refused_by(TCPPlace("", port)) == f"cannot listen on port {port} of all addresses: {IN_USE}"
    range_ = "a port is a number from 0 to 65535"
    assert refused_by(TCPPlace("127.0.0.1", 65536)) == f"cannot listen on port 65536 of 127.0.0.1: {range_}"
    assert refused_by(TCPPlace("::1", 65536)) == f"cannot listen on port 65536 of ::1: {range_}"
    assert refused_by(TCPPlace("192.0.2.1", 0)).endswith(
        ": 192.0.2.1 is not an address of this host; choose one that is, or leave out the interface"
    )
    said = refused_by(TCPPlace("no.such.host.invalid", 0))
    assert said.endswith(
        ": no.such.host.invalid is neither an address of this host nor a name of one; write interface=127.0.0.1"
    )


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM])
def test_tcp_without_permission(number):
    error = PermissionError(number, os.strerror(number))
    said = (
        "not permitted; ports below 1024 are for root, or for CAP_NET_BIND_SERVICE; "
        "start as root with twistd --uid, or choose a port from 1024 on"
    )
    assert TCPPlace("", 25).why_not(error) == said
    assert TCPPlace("", 2525).why_not(error) == "not permitted; the system forbids this port to this user"


def test_any_other_error():
    for place in (TCPPlace("", 25), UNIXPlace("/s")):
        assert place.why_not(OSError(errno.EMFILE, "Too many open files")) == "Too many open files"
        assert place.why_not(OSError(errno.EMFILE, "Too many open files", "/file")) == "/file: Too many open files"


@pytest.mark.parametrize("interface", ["", "127.0.0.1", "::1", "::", "localhost"])
def test_a_port_that_can_be_had(interface):
    with TCPPlace(interface, 0).try_it() as tried:
        assert tried.getsockname()[1] > 0
