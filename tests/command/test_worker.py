"""``twistd smtpx --workers 2`` as processes: connections, signals, falls."""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import signal
import smtplib
import socket
import ssl
from pathlib import Path

import pytest

from tests.command.daemon import Daemon, children, gone, python_for
from tests.command.example import privileged_port
from tests.maildir import stored
from tests.waiting import PATIENCE, eventually
from tests.wire.twistd import LOCAL, Telnet, Twistd
from txsmtpx.testing import issue

WORKERS = ("--workers", "2")


class Started(Twistd):
    """A parent whose workers are all ready."""

    def __enter__(self) -> Started:
        self.workers = self.ready(2)
        return self

    def ready(self, times: int) -> dict[int, int]:
        """Wait until so many have been; their process numbers now."""
        self.logged(r"worker \d is ready", times)
        return {int(number): int(pid) for number, pid in self.logged(r"worker (\d) is process (\d+)", times)}

    def __exit__(self, *exception: object) -> None:
        super().__exit__(*exception)
        for pid in self.workers.values():
            assert gone(pid)

    def reach_both(self, port: int) -> dict[int, Telnet]:
        """A connection to each worker, by its process number."""
        reached: dict[int, Telnet] = {}

        def connect() -> bool:
            connection = socket.create_connection(("127.0.0.1", port), PATIENCE)
            client = Telnet(connection)
            assert client.reply()[:4] == "220 "
            found = next(pid for pid in self.workers.values() if connection.getsockname() in peers(pid, port))
            if reached.setdefault(found, client) is not client:
                client.__exit__()
            return len(reached) == 2

        self.eventually(connect)
        return reached


def peers(pid: int, port: int) -> set[tuple[str, int]]:
    """Who is connected to ``port`` and held by a process, of 127.0.0.1."""
    links = [os.readlink(each) for each in Path(f"/proc/{pid}/fd").iterdir() if each.is_symlink()]
    inodes = {link[8:-1] for link in links if link.startswith("socket:[")}
    rows = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    return {
        ("127.0.0.1", int(row[2].partition(":")[2], 16))
        for row in rows
        if row[9] in inodes and int(row[1].partition(":")[2], 16) == port and row[3] == "01"
    }


def begin(client: Telnet) -> None:
    for line in ("EHLO client.example", "MAIL FROM:<a@client.example>", "RCPT TO:<b@localhost>", "DATA"):
        assert client.ask(line)[:1] in "23"


def finish(client: Telnet) -> None:
    client.say("Subject: hi", "", ".")
    assert client.reply().startswith("250 2.0.0 ")


def test_both_serve_and_end_gracefully(directory):
    """TCP, UNIX, and both from systemd; and TLS, whose certificate SIGHUP renews in both."""
    old, new = issue(directory, "old"), issue(directory, "new")
    pem = directory / "pem"
    shutil.copy(old.both, pem)
    theirs = directory / "theirs"
    with socket.create_server(("127.0.0.1", 0)) as given, socket.socket(socket.AF_UNIX) as given_unix:
        given_unix.bind(str(theirs))
        theirs.chmod(0o640)
        given_unix.listen()
        ports = ["-p", LOCAL, "-p", "unix:socket:mode=600", "-p", "systemd:domain=INET:name=name0"]
        ports += ["--tls-port", LOCAL, "-p", "systemd:domain=UNIX:index=1"]
        options = [*WORKERS, *ports, "-b", "maildir:Maildir", "--tls-certificate", str(pem)]
        with Started(directory, *options, adopt=[given, given_unix]) as server:
            port, path, _, _, tls = server.ports(5)[:5]
            assert path == "socket"
            assert (directory / "socket").stat().st_mode & 0o777 == 0o600
            busy = server.reach_both(int(port))
            for client in busy.values():
                begin(client)
            for address in (str(directory / "socket"), str(theirs), given.getsockname()):
                connection = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
                connection.connect(address)
                with Telnet(connection) as client:
                    assert client.reply()[:4] == "220 "
                    begin(client)
                    finish(client)

            shutil.copy(new.both, pem)
            server.process.send_signal(signal.SIGHUP)
            for number in server.workers:
                server.logged(rf"\[worker {number}, .*certificate read again")
            for _ in range(4):
                with smtplib.SMTP_SSL("localhost", int(tls), context=ssl.create_default_context(cafile=pem)) as client:
                    assert client.noop()[0] == 250

            server.process.send_signal(signal.SIGTERM)
            for client in busy.values():
                with client:
                    finish(client)
                    assert client.reply().startswith("421 4.3.2 ")
                    assert client.reply() == ""
            assert server.ended()
            assert all(map(gone, server.workers.values()))
    assert not (directory / "socket").exists()
    assert theirs.stat().st_mode & 0o777 == 0o640  # as long as systemd wants it
    assert len(stored(directory / "Maildir")) == 5


def test_a_fallen_one_is_started_again(directory):
    with Started(directory, *WORKERS, "-p", LOCAL, "-b", "maildir:Maildir") as server:
        both = server.reach_both(server.port)
        first, second = both
        begin(both[second])
        os.kill(first, signal.SIGKILL)
        assert server.logged(r"worker (\d) has ended by signal 9: a new one is started in 1 s")
        finish(both[second])  # which nobody has noticed
        server.workers = server.ready(3)
        assert first not in server.workers.values()
        for client in server.reach_both(server.port).values():
            with client:
                begin(client)
                finish(client)
        for client in both.values():
            client.__exit__()
        assert gone(first)
        assert server.stop(signal.SIGINT)
    assert len(stored(directory / "Maildir")) == 3


def test_without_their_parent_they_finish_and_go(directory):
    with Started(directory, *WORKERS, "-p", LOCAL, "-b", "maildir:Maildir") as server:
        both = server.reach_both(server.port)
        busy, idle = both.values()
        begin(busy)
        server.process.kill()
        server.process.wait(PATIENCE)
        assert idle.reply().startswith("421 4.3.2 ")
        finish(busy)
        assert busy.reply().startswith("421 4.3.2 ")
        for client in both.values():
            assert client.reply() == ""
            client.__exit__()
        eventually(lambda: all(map(gone, server.workers.values())))
    assert len(stored(directory / "Maildir")) == 1


def test_several_listeners_of_a_file(directory):
    (directory / "smtpx.toml").write_text(
        f"workers = 2\n\n[listener.in]\nport = '{LOCAL}'\nbackend = 'null'\n\n"
        "[listener.delivery]\nport = 'unix:lmtp'\nlmtp = true\nbackend = 'maildir:Maildir'\n"
    )
    with Started(directory, "--config", "smtpx.toml") as server:
        for client in server.reach_both(server.port).values():
            with client:
                begin(client)
                finish(client)
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(directory / "lmtp"))
        with Telnet(connection) as client:
            assert client.reply().endswith(" LMTP txsmtpx")
        assert server.stop()


def test_a_self_signed_certificate_is_the_same_in_both(directory):
    """It is logged once, and SIGHUP keeps it."""
    options = [*WORKERS, "--port", LOCAL, "--tls-port", LOCAL, "--tls-self-signed", "-b", "null"]
    with Started(directory, *options) as server:
        (fingerprint,) = server.logged(r"SHA-256 fingerprint ([0-9A-F:]{95})\n")
        plain, tls = map(int, server.ports(2))
        assert len(server.ports(2)) == 2

        def shown(port: int) -> str:
            context = ssl._create_unverified_context()
            with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
                if port == plain:
                    client = smtplib.SMTP()
                    client.sock, client._host = connection, "localhost"
                    client.getreply()
                    client.ehlo()
                    client.docmd("STARTTLS")
                with context.wrap_socket(connection) as secured:
                    found = hashlib.sha256(secured.getpeercert(binary_form=True)).digest()
            return found.hex(":").upper()

        for _ in range(2):
            assert {shown(port) for port in (plain, tls) for _ in range(4)} == {fingerprint}
            server.process.send_signal(signal.SIGHUP)
            server.logged("the self-signed certificate is kept", 2)
        assert server.stop()


def test_as_a_daemon(directory):
    """The parent's log has the lines of its workers, and its file has its process number, as long as it runs."""
    with Daemon(directory, ["--reactor", "poll"], *WORKERS, "-p", LOCAL, "-b", "log") as server:
        (port,) = server.logged(r"\[txsmtpx\S+ ESMTP listening on 127\.0\.0\.1, port (\d+)")
        server.logged(r"worker \d is ready", 2)
        workers = dict(server.logged(r"worker (\d) is process (\d+)", 2))
        assert sorted(children(server.pid)) == sorted(map(int, workers.values()))
        for pid in children(server.pid):
            assert "anon_inode:[eventpoll]" not in map(os.readlink, Path(f"/proc/{pid}/fd").iterdir())  # the usual one
        with smtplib.SMTP("127.0.0.1", int(port), timeout=PATIENCE) as client:
            client.sendmail("a@client.example", ["b@localhost"], "Subject: hi\r\n\r\n")
        ((number, _),) = server.logged(r"(?m)^\S+ \[worker (\d), txsmtpx[\w.]*#info\] (.*from=<a@client.example>.*)$")
        os.kill(int(workers[number]), signal.SIGKILL)
        server.logged(r"worker \d is ready", 3)
        assert len(children(server.pid)) == 2  # no zombie
        pids = children(server.pid)
        server.stop()
        assert all(map(gone, pids))
        assert not server.pidfile.exists()
        assert "Traceback" not in server.log


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_opened_as_root_served_as_somebody_else(room):
    nobody = pwd.getpwnam("nobody")
    try:
        python, extra = python_for("nobody")
    except FileNotFoundError as error:
        pytest.skip(str(error))
    mail = room / "mail"
    mail.mkdir()
    os.chown(mail, nobody.pw_uid, nobody.pw_gid)
    port = privileged_port()
    ports = ["-p", f"tcp:{port}:interface=127.0.0.1", "-p", "unix:socket:mode=666"]
    options = [*WORKERS, *ports, "-b", f"maildir:{mail}/Maildir"]
    with Daemon(room, ["--uid", "nobody"], *options, python=python, extra=extra) as server:
        server.logged(r"worker \d is ready", 2)
        for pid in [server.pid, *children(server.pid)]:
            assert os.stat(f"/proc/{pid}").st_uid == nobody.pw_uid
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(room / "socket"))
        for client in (Telnet(connection), Telnet(socket.create_connection(("127.0.0.1", port), PATIENCE))):
            with client:
                assert client.reply()[:4] == "220 "
                begin(client)
                finish(client)
        os.kill(children(server.pid)[0], signal.SIGKILL)
        server.logged(r"worker \d is ready", 3)
        server.stop()
        assert "Traceback" not in server.log
    assert {path.stat().st_uid for path in (mail / "Maildir" / "new").iterdir()} == {nobody.pw_uid}
