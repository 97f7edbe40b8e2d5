"""
The how-to page on TLS to other domains: its server, with domains that have DANE, MTA-STS, or neither.

The exchangers listen on port 25 and the web server on port 443, so the tests need root.
"""

from __future__ import annotations

import contextlib
import http.server
import os
import random
import re
import smtplib
import sqlite3
import ssl
import subprocess
import sys
import threading
import tomllib
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from twisted.internet import reactor

from tests.authority import Authority
from tests.docs.page import Page
from tests.interop.conftest import need, room  # noqa: F401  # fixtures
from tests.interop.signed_dns import SignedDNS, Zone, signed_dns
from tests.interop.test_mx_security import OTHER, digests
from tests.waiting import eventually
from tests.wire.twistd import Twistd
from txsmtpx.wire.system_resolver import SystemResolver

pytestmark = pytest.mark.system

PAGE = Page("docs/howto/mx-security.md")
PROGRAM = PAGE.take("python").text
COMMAND = PAGE.take("shell").text
LIST = "python -m txsmtpx.queue sqlite:queue.db list"
assert f"`{LIST}`" in PAGE.text
VALIDATES = PAGE.take("text").text.strip()
SERVER = PAGE.take("toml", "tls-policy").text
assert PAGE.take("toml").text in SERVER

OWN = ("dane", "sts", "forged", "partner", "bank")
"""The domains whose exchangers are ours; the certificate is for each of them."""


@dataclass
class Net:
    """
    The domains, with a name server that validates, an exchanger, and the web server of their MTA-STS policies.

    Attributes:
        dns: The name server.
        authority: The file of the authority of all certificates.
    """

    dns: SignedDNS
    authority: Path


class Policies(http.server.BaseHTTPRequestHandler):
    """Serves the policy of the domain that is asked for."""

    def do_GET(self) -> None:
        domain = self.headers["Host"].removeprefix("mta-sts.")
        assert self.path == "/.well-known/mta-sts.txt"
        policy = f"version: STSv1\r\nmode: enforce\r\nmx: mx.{domain}\r\nmax_age: 86400\r\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(policy)))
        self.end_headers()
        self.wfile.write(policy)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextlib.contextmanager
def web_server(address: str, certificate: Path) -> Iterator[None]:
    """Serve the policies on port 443."""
    server = http.server.ThreadingHTTPServer((address, 443), Policies)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield
    server.shutdown()
    server.server_close()
    thread.join()


def zones(address: str, key: str) -> dict[str, Zone]:
    """Return the zones of all domains, below a root that is signed."""
    to_own = ["@ MX 10 mx", f"mx A {address}"]
    sts = ['_mta-sts TXT "v=STSv1; id=1"', f"mta-sts A {address}", '_smtp._tls TXT "v=TLSRPTv1; rua=mailto:a@sts.test"']
    return {
        ".": Zone([]),
        "dane.test": Zone([*to_own, f"_25._tcp.mx TLSA 3 1 1 {key}"]),
        "wrong.test": Zone([*to_own, f"_25._tcp.mx TLSA 3 1 1 {OTHER}"]),
        "sts.test": Zone([*to_own, *sts], "unsigned"),
        "forged.test": Zone(["@ MX 10 mx.sts.test.", *sts], "unsigned"),
        "partner.test": Zone(to_own, "unsigned"),
        "bank.test": Zone(to_own, "unsigned"),
    }


@pytest.fixture(scope="module")
def net(room: Callable[[str], Path]) -> Iterator[Net]:  # noqa: F811
    need("knot")
    need("unbound")
    if os.geteuid():
        pytest.skip("ports 25 and 443 can be opened by root only")
    directory = room("mx-page")
    address = f"127.25.{random.randrange(1, 255)}.{random.randrange(1, 255)}"
    authority = Authority(directory)
    names = [f"{host}.{domain}.test" for host in ("mx", "mta-sts") for domain in OWN]
    certificate = authority.issue(*names)
    key = digests("leaf", x509.load_pem_x509_certificate(certificate.read_bytes()))["leaf_key"]
    options = ("--port", f"tcp:25:interface={address}", "--tls-certificate", str(certificate), "--backend", "null")
    with (
        signed_dns(room("mx-page-dns"), zones(address, key)) as dns,
        web_server(address, certificate),
        Twistd(directory, *options, forked=True) as exchanger,
    ):
        assert exchanger.port == 25
        yield Net(dns, authority.path)


@contextlib.contextmanager
def collector(directory: Path) -> Iterator[Path]:
    """Run tlsrpt-collectd, and return its database."""
    found = {"storage": f"sqlite:///{directory}/tlsrpt.db", "socketname": f"{directory}/tlsrpt.sock"}
    found |= {"socketuser": "root", "socketgroup": "root", "pidfilename": f"{directory}/tlsrpt.pid"}
    found |= {"sockettimeout": "1", "max_uncommited_datagrams": "1", "logfilename": f"{directory}/tlsrpt.log"}
    configuration = directory / "tlsrpt.cfg"
    configuration.write_text("[tlsrpt_collectd]\n" + "".join(f"{name} = {value}\n" for name, value in found.items()))
    command = [Path(sys.executable).with_name("tlsrpt-collectd"), "--config_file", configuration]
    process = subprocess.Popen(command, cwd=directory)
    eventually((directory / "tlsrpt.sock").exists, lambda: "no socket")
    yield directory / "tlsrpt.db"
    process.terminate()
    process.wait()


def test_the_server_of_the_page(net: Net, tmp_path: Path) -> None:
    """DANE, MTA-STS and the table, right and wrong; what waits, the reports and the metrics."""
    settings = tomllib.loads(SERVER)
    text = SERVER.replace(settings["port"], "tcp:0:interface=127.0.0.1").replace("9025", "0")
    text = text.replace('queue-dns = "127.0.0.1"', f'queue-dns = "{net.dns.address}:{net.dns.port}"')
    (tmp_path / "mail.toml").write_text(text)
    assert COMMAND.split()[-2:] == ["--config", "mail.toml"]
    trusted = {"SSL_CERT_FILE": str(net.authority)}
    with (
        collector(tmp_path) as database,
        Twistd(tmp_path, "--config", "mail.toml", extra=trusted) as server,
    ):
        server.logged(VALIDATES)
        with smtplib.SMTP("127.0.0.1", server.port) as client:
            client.login("app", "correct horse")
            for domain in (*OWN, "wrong"):
                client.sendmail("ann@example.org", [f"bob@{domain}.test"], b"Subject: Lunch\r\n\r\nHow about noon?\r\n")
        for domain in ("dane", "sts", "partner", "bank"):
            server.logged(rf"to=<bob@{domain}\.test> .* delivered: ")
        server.logged(r"to=<bob@wrong\.test> .* server=mx\.wrong\.test .* deferred: .*no TLSA record matches the cert")
        server.logged(r"to=<bob@forged\.test> .* deferred: .*mx\.sts\.test is not in the MTA-STS policy of forged")
        waiting = [sys.executable, *LIST.split()[1:]]
        listed = subprocess.run(waiting, cwd=tmp_path, check=True, capture_output=True, text=True).stdout
        assert "no TLSA record matches the certificate" in listed
        assert (tmp_path / "queue.db-mta-sts" / "sts.test.json").exists()
        reports = eventually(lambda: reported(database), lambda: "no reports")
        assert reports == {("sts.test", 1, 0), ("forged.test", 1, 1)}
        site = server.logged(r"metrics: (http\S+/metrics)")[0]
        with urllib.request.urlopen(site) as answer:
            metrics = answer.read().decode()
        counted = re.findall(r'queue_tls_connections_total{.*policy="(\S+)",result="(\S+)"} (\S+)', metrics)
        assert set(counted) == {
            ("tlsa", "success", "1.0"), ("tlsa", "validation-failure", "1.0"), ("sts", "success", "1.0"),
            ("sts", "certificate-host-mismatch", "1.0"), ("no-policy-found", "success", "2.0"),
        }  # fmt: skip


def reported(database: Path) -> set[tuple[str, int, int]]:
    """Return the domains that are reported, each with its connections and failures; nothing before there are two."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        found = set(connection.execute("SELECT domain, cntrtotal, cntrfailure FROM finalresults"))
    return found if len(found) == 2 else set()


async def test_the_program_of_the_page(net: Net, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(net.authority))
    text = PROGRAM.replace('"example.net", security', '"sts.test", resolver=resolver, security')
    assert "resolver=resolver" in text
    text = text.replace("bob@example.net", "bob@sts.test")
    names: dict[str, object] = {"resolver": SystemResolver(reactor, net.dns.configuration)}  # type: ignore[arg-type]
    exec("async def program():\n" + "".join(f"    {line}\n" for line in text.splitlines()), names)
    await names["program"]()  # type: ignore[operator]
    assert (tmp_path / "policies" / "sts.test.json").exists()
