"""``twistd smtpx`` with certificates that change while it runs: a directory, TLS from the start, SIGHUP."""

from __future__ import annotations

import shutil
import signal
import smtplib
import socket
import ssl

import pytest

from tests.maildir import stored
from tests.waiting import PATIENCE
from tests.wire.twistd import LOCAL, Twistd
from txsmtpx.testing import Pem, issue

pytestmark = pytest.mark.system


def trusts(*pems: Pem) -> ssl.SSLContext:
    context = ssl.create_default_context()
    for pem in pems:
        context.load_verify_locations(pem.certificate)
    return context


def connect(server: Twistd, name: str, port: int, trusted: ssl.SSLContext) -> smtplib.SMTP:
    """In TLS, with a certificate for ``name``; by STARTTLS where the port is the first."""
    client = smtplib.SMTP()
    client._host = name
    client.sock = socket.create_connection(("127.0.0.1", port), PATIENCE)
    if port == server.port:
        client.getreply()
        client.starttls(context=trusted)
    else:
        client.sock = trusted.wrap_socket(client.sock, server_hostname=name)
        client.getreply()
    return client


def test_a_directory_by_starttls_and_from_the_start(directory, tmp_path_factory):
    made = tmp_path_factory.mktemp("made")
    one, two, new = issue(made, "one", "mx.one.example"), issue(made, "two", "*.two.example"), issue(made, "new", "new")
    live = directory / "live"
    (live / "two.example").mkdir(parents=True)
    shutil.copy(one.both, live / "one.pem")
    shutil.copy(two.certificate, live / "two.example" / "fullchain.pem")
    shutil.copy(two.key, live / "two.example" / "privkey.pem")
    options = ["--port", LOCAL, "--tls-port", LOCAL, "--tls-directory", str(live), "--domain", "mx.one.example"]
    with Twistd(directory, *options, forked=True) as server:
        ports = [int(port) for port in server.ports(2)]
        kept = []
        for port in ports:
            kept.append(connect(server, "mx.one.example", port, trusts(one)))
            kept.append(connect(server, "mx.two.example", port, trusts(two)))
            with pytest.raises(ssl.SSLCertVerificationError):
                connect(server, "new", port, trusts(one, two, new))

        shutil.copy(new.both, live / "new.pem")
        renewed = issue(made, "renewed", "mx.one.example")
        shutil.copy(renewed.both, live / "one.pem")
        (live / "two.example" / "privkey.pem").write_text("broken")
        server.process.send_signal(signal.SIGHUP)
        server.logged("certificate not read again: no private key in .*two.example/privkey.pem; name ")
        for port in ports:
            for name, pem in [("new", new), ("mx.one.example", renewed), ("mx.two.example", two)]:
                kept.append(connect(server, name, port, trusts(pem)))

        for client in kept:
            assert client.noop()[0] == 250
            client.quit()
        assert server.stop()


def test_proxys_header_before_tls(directory, pem):
    port = "haproxy:" + LOCAL
    options = ["--tls-port", port, "--tls-certificate", str(pem.both), "-b", "maildir:Maildir"]
    with Twistd(directory, *options, forked=True) as server:
        plain = socket.create_connection(("127.0.0.1", server.port), PATIENCE)
        plain.sendall(b"PROXY TCP4 198.51.100.7 203.0.113.25 40000 465\r\n")
        client = smtplib.SMTP()
        client.sock = trusts(pem).wrap_socket(plain, server_hostname="localhost")
        assert client.getreply()[0] == 220
        assert client.sendmail("a@client.example", ["b@localhost"], "Subject: hi\r\n\r\n") == {}
        client.quit()
        (message,) = stored(directory / "Maildir")
        assert b"[198.51.100.7])" in message
        assert b" with ESMTPS id " in message
        assert server.stop()


def test_an_endpoint_with_certificates_of_its_own(directory, tmp_path_factory):
    """Such as that of txsni; what it does with them is its business, TLS from the start is ours."""
    pytest.importorskip("txsni", reason="txsni is not installed")
    made = tmp_path_factory.mktemp("made")
    one, two = issue(made, "one", "mx.one.example"), issue(made, "two", "mx.two.example")
    for name, pem in [("mx.one.example", one), ("mx.two.example", two), ("DEFAULT", one)]:
        shutil.copy(pem.both, directory / f"{name}.pem")
    with Twistd(directory, "--port", LOCAL, "--port", f"txsni:{directory}:{LOCAL}") as server:
        port = int(server.ports(2)[1])
        for name, pem in [("mx.one.example", one), ("mx.two.example", two)]:
            client = connect(server, name, port, trusts(pem))
            client.ehlo()
            assert not client.has_extn("STARTTLS")
            client.quit()
        assert server.stop()
