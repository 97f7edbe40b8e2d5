"""``twistd -n smtpx`` as a process: each kind of endpoint with a real connection, signals, options from outside."""

from __future__ import annotations

import contextlib
import select
import shutil
import signal
import smtplib
import socket
import ssl
from functools import partial

import pytest

from tests.maildir import stored
from tests.waiting import PATIENCE
from tests.wire.twistd import LOCAL, Telnet, Twistd, tls_options
from twisted import version
from txsmtpx.testing import Pem, issue

Forked = partial(Twistd, forked=True)
"""A server whose start is not what is tested."""

MESSAGE = "From: a@client.example\r\nSubject: hi\r\n\r\n.dot\r\nbody\r\n"
LOGIN = ("--auth", "memory:user:correct horse")


def client_context(pem: Pem) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(pem.certificate))


def deliver(client: smtplib.SMTP) -> None:
    """Send one message, and go."""
    assert client.sendmail("a@client.example", ["b@localhost"], MESSAGE) == {}
    client.quit()


@pytest.mark.skipif(not hasattr(select, "epoll"), reason="there is no epoll here")
@pytest.mark.parametrize(
    ("chosen", "name"),
    [
        ([], "txsmtpx.wire.epoll_reactor.SMTPReactor"),
        (["--reactor=smtpx"], "txsmtpx.wire.epoll_reactor.SMTPReactor"),
        (["--reactor=epoll"], "twisted.internet.epollreactor.EPollReactor"),
        (["--reactor=poll"], "twisted.internet.pollreactor.PollReactor"),
    ],
)
def test_the_reactor(directory, chosen, name):
    options = ("--port", LOCAL, "--backend", "maildir:Maildir")
    with Twistd(directory, *options, before=chosen) as server:
        with smtplib.SMTP("127.0.0.1", server.port) as client, socket.create_connection(("127.0.0.1", server.port)):
            deliver(client)
        assert len(stored(directory / "Maildir")) == 1
        assert f"reactor class: {name}." in server.log
        assert server.stop()


def test_the_garbage_collector_is_patient(directory):
    (directory / "theirs.py").write_text(
        "import gc\n"
        "from txsmtpx import OpenBackend, Reply, Session\n"
        "class Telling(Session):\n"
        "    def mail(self, sender, options):\n"
        "        return Reply(250, None, str(gc.get_threshold()[0]))\n"
        "def make():\n"
        "    return OpenBackend(lambda connection: Telling())\n"
    )
    extra = {"PYTHONPATH": str(directory)}
    with Twistd(directory, "--port", LOCAL, "--backend", "theirs.make", extra=extra) as server:
        with smtplib.SMTP("127.0.0.1", server.port) as client:
            client.helo()
            assert client.mail("a@client.example") == (250, b"2.0.0 10000")
        assert server.stop()


@pytest.mark.parametrize("port", [LOCAL, "0", "haproxy:" + LOCAL])
def test_tcp(directory, port):
    with Forked(directory, "--port", port, "--backend", "maildir:Maildir", "--domain", "mx.example") as server:
        client = smtplib.SMTP()
        connection = socket.create_connection(("127.0.0.1", server.port), PATIENCE)
        if port.startswith("haproxy"):
            connection.sendall(b"PROXY TCP4 198.51.100.7 203.0.113.25 40000 25\r\n")
        client.sock = connection
        assert client.getreply() == (220, b"mx.example ESMTP txsmtpx")
        deliver(client)
        (message,) = stored(directory / "Maildir")
        assert message.endswith(MESSAGE.encode())
        peer = "198.51.100.7" if port.startswith("haproxy") else "127.0.0.1"
        assert f"[{peer}])".encode() in message
        assert server.stop()


def test_the_default_port(directory):
    with Forked(directory) as server:
        try:
            assert server.port == 1025
        except AssertionError:
            if "in use" in server.log:
                pytest.skip("somebody listens on port 1025")
            raise
        with server.connect() as client:
            assert client.reply() == f"220 {socket.gethostname()} ESMTP txsmtpx"


def test_several_ports(directory):
    with Forked(directory, "--port", LOCAL, "-p", LOCAL, "-p", "unix:socket") as server:
        *ports, path = server.ports(3)
        assert path == "socket"
        for port in ports:
            with server.connect(int(port)) as client:
                assert client.reply()[:4] == "220 "


def ssl_port(pem: Pem, directory) -> str:
    return f"ssl:0:interface=127.0.0.1:privateKey={pem.key}:certKey={pem.certificate}"


def tls_port(pem: Pem, directory) -> str:
    pems = directory / "pems"
    pems.mkdir()
    shutil.copy(pem.both, pems)
    return rf"tls:{pems}:0:50:\:\:ffff\:127.0.0.1"


@pytest.mark.parametrize("port", [ssl_port, tls_port])
def test_implicit_tls(directory, pem, port):
    if port is tls_port and version.major < 25:
        pytest.skip("tls: is not for servers before Twisted 25")
    options = ["--port", port(pem, directory), "--backend", "maildir:Maildir", *LOGIN]
    with Forked(directory, *options) as server:
        client = smtplib.SMTP_SSL("localhost", server.port, context=client_context(pem), timeout=PATIENCE)
        client.ehlo("client.example")
        assert client.has_extn("AUTH")
        assert not client.has_extn("STARTTLS")
        client.login("user", "correct horse")
        deliver(client)
        (message,) = stored(directory / "Maildir")
        assert b" with ESMTPSA id " in message
        assert server.stop()


@pytest.mark.parametrize("secured", [False, True])
def test_a_chunk_far_too_big_is_answered_while_it_comes(directory, pem, secured):
    """RFC 3030 §2: the client has its 552 though it sends on, and nothing that it sends is a command (guarantee 3)."""
    with Forked(directory, "--port", ssl_port(pem, directory) if secured else LOCAL) as server:
        sock = socket.create_connection(("127.0.0.1", server.port), PATIENCE)
        if secured:
            sock = client_context(pem).wrap_socket(sock, server_hostname="localhost")
        with sock, sock.makefile("rb") as replies:
            sock.sendall(b"EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<b@localhost>\r\nBDAT 99999999999 LAST\r\n")
            with contextlib.suppress(OSError):
                for _ in range(200):
                    sock.sendall(b"QUIT\r\n" * 10_000)
            said = []
            with contextlib.suppress(OSError):
                said.extend(replies)
        assert [line[:3] for line in said[-3:]] == [b"250", b"250", b"552"]
        assert server.stop()


def test_proxied_tls(directory, pem):
    """A PROXY header inside TLS, as a proxy sends it that speaks TLS to us."""
    with Forked(directory, "--port", "haproxy:" + ssl_port(pem, directory), "-b", "maildir:Maildir", *LOGIN) as server:
        plain = socket.create_connection(("127.0.0.1", server.port), PATIENCE)
        client = smtplib.SMTP()
        client.sock = client_context(pem).wrap_socket(plain, server_hostname="localhost")
        client.sock.sendall(b"PROXY TCP6 2001:db8::7 2001:db8::25 40000 25\r\n")
        assert client.getreply()[0] == 220
        client.ehlo("client.example")
        assert client.has_extn("AUTH")
        client.login("user", "correct horse")
        deliver(client)
        (message,) = stored(directory / "Maildir")
        assert b"[IPv6:2001:db8::7]" in message
        assert b" with ESMTPSA id " in message


@pytest.mark.parametrize("proxied", [False, True])
def test_starttls(directory, pem, proxied):
    port = "haproxy:" + LOCAL if proxied else LOCAL
    options = ["--port", port, "-b", "maildir:Maildir", *tls_options(pem), *LOGIN, "--require-tls", "--require-auth"]
    with Forked(directory, *options) as server:
        client = smtplib.SMTP()
        client.sock = socket.create_connection(("127.0.0.1", server.port), PATIENCE)
        client._host = "localhost"
        if proxied:
            client.sock.sendall(b"PROXY TCP4 198.51.100.7 203.0.113.25 40000 25\r\n")
        client.getreply()
        client.ehlo("client.example")
        assert not client.has_extn("AUTH")
        assert client.mail("a@client.example") == (530, b"5.7.0 Issue STARTTLS first")
        client.starttls(context=client_context(pem))
        client.ehlo("client.example")
        assert client.mail("a@client.example") == (530, b"5.7.0 Authentication required")
        assert client.docmd("AUTH", "PLAIN AHVzZXIAd3Jvbmc=")[0] == 535
        client.login("user", "correct horse")
        deliver(client)
        (message,) = stored(directory / "Maildir")
        assert b" with ESMTPSA id " in message
        assert server.stop()


@pytest.mark.parametrize("port", [LOCAL, "unix:socket", "unix:socket:mode=666"])
def test_lmtp(directory, port):
    with Forked(directory, "--lmtp", "--port", port, "--backend", "maildir:Maildir/{local}") as server:
        (listening,) = server.ports()
        if port == LOCAL:
            connection = socket.create_connection(("127.0.0.1", int(listening)), PATIENCE)
        else:
            connection = socket.socket(socket.AF_UNIX)
            server.eventually(lambda: connection.connect_ex(str(directory / "socket")) == 0)  # it is logged before
        with Telnet(connection) as client:
            assert client.reply().endswith(" LMTP txsmtpx")
            assert client.ask("EHLO client.example")[:3] == "500"
            assert client.ask("LHLO client.example")[:3] == "250"
            for line in ("MAIL FROM:<a@client.example>", "RCPT TO:<b@localhost>", "RCPT TO:<c@localhost>"):
                assert client.ask(line)[:3] == "250"
            assert client.ask("DATA")[:3] == "354"
            client.say("Subject: hi", "", "body", ".")
            assert [client.reply().partition(" Ok")[0] for _ in "bc"] == [
                f"250 2.0.0 <{name}@localhost>" for name in "bc"
            ]
            assert client.ask("QUIT")[:3] == "221"
        for name in "bc":
            (message,) = stored(directory / "Maildir" / name)
            assert b" with LMTP id " in message
        assert server.stop()
    assert not (directory / "socket").exists()


def test_systemd(directory):
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as other,
        Twistd(
            directory, "-p", "systemd:domain=INET:index=0", "-p", "systemd:domain=INET:name=name1", adopt=[one, other]
        ) as server,
    ):
        for listening in (one, other):
            with server.connect(listening.getsockname()[1]) as client:
                assert client.reply()[:4] == "220 "
        assert server.stop()


def test_a_backend_of_another_package(directory):
    plugins = directory / "site" / "twisted" / "plugins"
    plugins.mkdir(parents=True)
    (plugins / "their_plugin.py").write_text(
        "from txsmtpx.backends.plugins import BackendPlugin\n"
        "theirs = BackendPlugin('theirs', 'theirs:WORD', 'not ours', 'their_package.make', takes_argument=True)\n"
    )
    (directory / "site" / "their_package.py").write_text(
        "from txsmtpx import OpenBackend, Reply, Session\n"
        "def make(word):\n"
        "    session = Session()\n"
        "    session.mail = lambda sender, options: Reply(250, (2, 1, 0), word)\n"
        "    return OpenBackend(lambda connection: session)\n"
    )
    extra = {"PYTHONPATH": str(directory / "site")}
    for backend in ("theirs:their word", "their_package.make:their word"):
        with Twistd(directory, "-p", LOCAL, "--backend", backend, extra=extra) as server, server.connect() as client:
            client.reply()
            client.ask("EHLO client.example")
            assert client.ask("MAIL FROM:<a@client.example>") == "250 2.1.0 their word"


def test_logins_from_a_file_and_from_memory(directory):
    (directory / "passwords").write_text("filed:in a file\n")
    options = ["-p", LOCAL, "--allow-insecure-auth", "--auth", "file:passwords", *LOGIN]
    with Forked(directory, *options) as server:
        for name, password in (("filed", "in a file"), ("user", "correct horse")):
            client = smtplib.SMTP("127.0.0.1", server.port, timeout=PATIENCE)
            assert client.login(name, password)[0] == 235
            client.quit()
        client = smtplib.SMTP("127.0.0.1", server.port, timeout=PATIENCE)
        client.ehlo("client.example")
        assert client.docmd("AUTH", "PLAIN AGZpbGVkAGNvcnJlY3QgaG9yc2U=")[0] == 535  # the other's password
        client.close()


def test_the_transcript_shows_no_credentials(directory):
    with Forked(directory, "-p", LOCAL, "--transcript", "--allow-insecure-auth", *LOGIN) as server:
        for mechanism in ("auth_plain", "auth_login"):
            client = smtplib.SMTP("127.0.0.1", server.port, timeout=PATIENCE)
            client.ehlo("client.example")
            client.user, client.password = "user", "correct horse"
            client.auth(mechanism[5:].upper(), getattr(client, mechanism))
            deliver(client)
        server.logged("C: quit", times=2)
        server.logged(r"C: AUTH (PLAIN|LOGIN) \[credentials\]", times=2)
        server.logged("S: 235 2.7.0 Authentication succeeded", times=2)
        server.logged(r"from=<a@client\.example> to=<b@localhost>", times=2)
        for secret in ("correct horse", "AHVzZXIA", "dXNlcg==", "Y29ycmVjdCBob3JzZQ=="):
            assert secret not in server.log


@pytest.mark.parametrize("option", ["--max-connections", "--max-connections-per-host"])
def test_caps_on_connections(directory, option):
    with Forked(directory, "-p", LOCAL, option, "2") as server, server.connect() as one, server.connect() as two:
        assert one.reply()[:4] + two.reply()[:4] == "220 220 "
        with server.connect() as three:
            assert three.reply() == "421 4.7.0 Too many connections, try again later"
            assert three.reply() == ""
        assert one.ask("QUIT")[:3] == "221"
        assert one.reply() == ""
        with server.connect() as again:
            assert again.reply()[:3] == "220"


def test_time_outs_and_sizes(directory):
    options = ["--read-timeout", "0.3", "--max-message-bytes", "1000", "--max-recipients", "1"]
    with Forked(directory, "-p", LOCAL, *options) as server, server.connect() as client:
        client.reply()
        client.say("EHLO client.example")
        said = client.lines()
        assert {"250-SIZE 1000", "250-LIMITS RCPTMAX=1"} <= {line.replace("250 ", "250-") for line in said}
        assert client.reply().startswith("421 4.4.2 Idle")
        assert client.reply() == ""


def test_sigterm_lets_a_transaction_finish(directory):
    with Forked(directory, "-p", LOCAL, "-b", "maildir:Maildir") as server:
        with server.connect() as busy, server.connect() as idle:
            busy.reply()
            idle.reply()
            for line in ("EHLO client.example", "MAIL FROM:<a@client.example>", "RCPT TO:<b@localhost>", "DATA"):
                busy.ask(line)
            server.process.send_signal(signal.SIGTERM)
            assert idle.reply() == "421 4.3.2 Service shutting down, closing the connection"
            assert idle.reply() == ""
            with pytest.raises(ConnectionRefusedError):
                server.connect()
            busy.say("Subject: the last one", "", ".")
            assert busy.reply().startswith("250 2.0.0 Ok: queued as ")
            assert busy.reply() == "421 4.3.2 Service shutting down, closing the connection"
            assert busy.reply() == ""
        assert server.ended()
    (message,) = stored(directory / "Maildir")
    assert b"the last one" in message


def test_sigterm_waits_so_long_and_no_longer(directory):
    options = ["-p", LOCAL, "-b", "maildir:Maildir", "--shutdown-timeout", "0.5"]
    with Forked(directory, *options) as server, server.connect() as busy:
        busy.reply()
        for line in ("EHLO client.example", "MAIL FROM:<a@client.example>", "RCPT TO:<b@localhost>", "DATA"):
            busy.ask(line)
        busy.say(*["x" * 900] * 400)
        server.eventually(lambda: list((directory / "Maildir" / "tmp").glob("*")))
        assert server.stop(), server.log
    assert stored(directory / "Maildir") == []
    assert list((directory / "Maildir" / "tmp").iterdir()) == []


def test_sigint_ends_it_too(directory):
    with Twistd(directory, "-p", LOCAL) as server:
        with server.connect() as client:
            assert client.reply()[:3] == "220"  # the reactor runs, and has its handler
        assert server.stop(signal.SIGINT)


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_a_second_sigint_waits_for_nobody(directory, first):
    with Forked(directory, "-p", LOCAL) as server, server.connect() as busy, server.connect() as idle:
        busy.reply()
        idle.reply()
        for line in ("EHLO client.example", "MAIL FROM:<a@client.example>"):
            assert busy.ask(line)[:3] == "250"
        server.process.send_signal(first)
        assert idle.reply()[:3] == "421"
        server.process.send_signal(signal.SIGTERM)  # which changes nothing
        assert busy.ask("NOOP")[:3] == "250"
        server.process.send_signal(signal.SIGINT)
        assert server.ended(first)


def test_sighup_reads_the_certificate_again(directory, pem, tmp_path):
    second = issue(tmp_path, "second")
    files = directory / "crt", directory / "key"
    options = ["-p", LOCAL, "--tls-certificate", str(files[0]), "--tls-key", str(files[1])]

    def install(certificate, key):
        shutil.copy(certificate, files[0])
        shutil.copy(key, files[1])

    def connect(trusted: Pem) -> smtplib.SMTP:
        client = smtplib.SMTP("localhost", server.port, timeout=PATIENCE)
        client.starttls(context=client_context(trusted))
        return client

    install(pem.certificate, pem.key)
    with Forked(directory, *options) as server:
        first, waiting = connect(pem), smtplib.SMTP("localhost", server.port, timeout=PATIENCE)
        install(second.certificate, second.key)
        server.process.send_signal(signal.SIGHUP)
        server.logged("certificate read again")
        assert first.noop()[0] == 250  # nobody was dropped
        new = connect(second)
        waiting.starttls(context=client_context(second))
        with pytest.raises(ssl.SSLCertVerificationError):
            connect(pem)
        install(pem.certificate, second.key)  # which do not belong together
        server.process.send_signal(signal.SIGHUP)
        server.logged("certificate not read again: the key in .* is not that of the first certificate in ")
        files[0].unlink()
        server.process.send_signal(signal.SIGHUP)
        server.logged("certificate not read again: .*No such file")
        for client in (first, waiting, new, connect(second)):
            assert client.noop()[0] == 250
            client.quit()
        assert server.stop()
