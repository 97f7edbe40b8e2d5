"""Every TLS port of ours: no static RSA (RFC 9325 §4.1), and an answer for clients that offer ALPN (RFC 7301)."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from OpenSSL import SSL
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import CertificateOptions, PrivateCertificate
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure

from tests.interop.conftest import need
from tests.ports import free_port
from tests.security.rsa import issue_rsa
from tests.waiting import PATIENCE
from tests.wire.twistd import Twistd
from twisted import version
from txsmtpx import CertificateDirectory, OpenBackend, Session, SMTPServerFactory
from txsmtpx.testing import issue
from txsmtpx.wire.client_tls import ClientTLS
from txsmtpx.wire.server_certificate import Certificate

KINDS = ["STARTTLS", "--tls-port", "ssl:", "tls:", "txsni:", "--web ssl:", "--metrics ssl:", "--web tls:"]
OF_TWISTED_25 = [kind for kind in KINDS if "tls:" in kind]

MAIL = [kind for kind in KINDS if " " not in kind]
WEB = [kind for kind in KINDS if " " in kind]


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return issue_rsa(tmp_path_factory.mktemp("rsa"))


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory, pem: Path) -> Iterator[dict[str, int]]:
    """The port of each kind; two processes, for an inbox goes with one backend."""
    ports = {kind: free_port() for kind in KINDS}

    def with_files(kind: str) -> str:
        return f"ssl:{ports[kind]}:interface=127.0.0.1:privateKey={pem}:certKey={pem}"

    def with_directory(kind: str) -> str:
        return rf"tls:{pem.parent}:{ports[kind]}:50:\:\:ffff\:127.0.0.1"

    one = ["--port", f"tcp:{ports['STARTTLS']}:interface=127.0.0.1", "--tls-certificate", str(pem)]
    one += ["--tls-port", f"tcp:{ports['--tls-port']}:interface=127.0.0.1", "--port", with_files("ssl:")]
    one += ["--port", f"txsni:{pem.parent}:tcp:{ports['txsni:']}:interface=127.0.0.1"]
    one += ["--backend", "memory", "--web", with_files("--web ssl:"), "--metrics", with_files("--metrics ssl:")]
    other = ["--port", "tcp:0:interface=127.0.0.1", "--backend", "memory"]
    if version.major >= 25:
        one += ["--port", with_directory("tls:")]
        other += ["--web", with_directory("--web tls:")]
    (pem.parent / "DEFAULT.pem").write_bytes(pem.read_bytes())
    with (
        Twistd(tmp_path_factory.mktemp("one"), *one) as first,
        Twistd(tmp_path_factory.mktemp("other"), *other) as second,
    ):
        first.ports(7 if version.major >= 25 else 6)
        second.ports(len(other) // 2 - 1)
        yield ports


def client_of(pem: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(pem))


@contextlib.contextmanager
def secured(kind: str, port: int, context: ssl.SSLContext) -> Iterator[ssl.SSLSocket]:
    """A connection to a port of that kind, inside TLS."""
    if kind in OF_TWISTED_25 and version.major < 25:
        pytest.skip("tls: is not for servers before Twisted 25")
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as plain:
        if kind == "STARTTLS":
            for line, answer in ((b"", b"220 "), (b"EHLO a\r\n", b"250 "), (b"STARTTLS\r\n", b"220 ")):
                plain.sendall(line)
                while answer not in plain.recv(4096):
                    pass
        with context.wrap_socket(plain, server_hostname="localhost") as inside:
            yield inside


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("suite", ["AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES128-SHA256", "AES128-SHA"])
def test_no_static_rsa(ports: dict[str, int], pem: Path, kind: str, suite: str) -> None:
    context = client_of(pem)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(f"{suite}:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError, match=r"(?i)handshake.failure"), secured(kind, ports[kind], context):
        pass


@pytest.mark.parametrize("kind", KINDS)
def test_forward_secrecy(ports: dict[str, int], pem: Path, kind: str) -> None:
    context = client_of(pem)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256")
    with secured(kind, ports[kind], context) as inside:
        assert inside.cipher()[0] == "ECDHE-RSA-AES128-GCM-SHA256"


@pytest.mark.parametrize("tls", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(
    ("kinds", "offered", "chosen"),
    [
        (MAIL, [], None),
        (MAIL, ["smtp"], "smtp"),
        (MAIL, ["lmtp"], "lmtp"),
        (MAIL, ["h2", "http/1.1"], None),
        (MAIL, ["h2", "smtp"], "smtp"),
        (MAIL, ["something else"], None),
        (WEB, [], None),
        (WEB, ["h2", "http/1.1"], "http/1.1"),
        (WEB, ["http/1.1"], "http/1.1"),
        (WEB, ["http/1.0"], None),
        (WEB, ["smtp"], None),
    ],
)
def test_alpn(
    ports: dict[str, int], pem: Path, kinds: list[str], offered: list[str], chosen: str | None, tls: ssl.TLSVersion
) -> None:
    context = client_of(pem)
    context.minimum_version = context.maximum_version = tls
    if offered:
        context.set_alpn_protocols(offered)
    for kind in kinds:
        if version.major < 25 and kind in ("tls:", "txsni:", "--web tls:"):
            continue  # of which the former are none, and the latter goes on without ALPN
        for _ in range(2):
            with secured(kind, ports[kind], context) as inside:
                assert inside.selected_alpn_protocol() == chosen, kind


@pytest.mark.parametrize("kind", WEB)
def test_curl(ports: dict[str, int], pem: Path, kind: str) -> None:
    """It offers HTTP/2 and HTTP/1.1, as browsers do."""
    need("curl")
    if kind in OF_TWISTED_25 and version.major < 25:
        pytest.skip("tls: is not for servers before Twisted 25")
    path = "metrics" if "metrics" in kind else "api/messages"
    command = ["curl", "--silent", "--show-error", "--fail", "--cacert", str(pem), "--resolve"]
    command += [f"localhost:{ports[kind]}:127.0.0.1", f"https://localhost:{ports[kind]}/{path}"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True).stdout
    assert ("txsmtpx_open_connections" if "metrics" in kind else '"messages"') in said


@pytest.mark.parametrize("kind", [kind for kind in MAIL if kind != "STARTTLS"])
def test_a_client_that_speaks_http_to_a_mail_port_is_sent_away(ports: dict[str, int], pem: Path, kind: str) -> None:
    """The other half of being lenient with ALPN: a browser that was led here gets nothing done."""
    context = client_of(pem)
    context.set_alpn_protocols(["http/1.1"])
    with secured(kind, ports[kind], context) as inside:
        inside.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\nEHLO a\r\n")
        said = b""
        with contextlib.suppress(ssl.SSLError, ConnectionError):
            while octets := inside.recv(4096):
                said += octets
        assert b"250" not in said


def suites(creator: Any, is_client: bool) -> list[str]:
    """Those of a connection that is about to begin."""
    made = TLSMemoryBIOFactory(creator, is_client, Factory.forProtocol(Protocol), Clock()).buildProtocol(None)
    made.makeConnection(StringTransport())
    names: list[str] = made.getHandle().get_cipher_list()
    made.connectionLost(Failure(ConnectionDone()))
    return names


def test_no_context_of_ours_has_static_rsa(pem: Path, tmp_path: Path) -> None:
    offered = {
        "client": suites(ClientTLS("localhost", str(pem)), True),
        "client of tests": suites(issue(tmp_path).client_options(), True),
        "server": suites(Certificate(str(pem)), False),
        "server by name": suites(CertificateDirectory(str(pem.parent)), False),
    }
    assert all(offered.values())
    for which, names in offered.items():
        assert [name for name in names if not name.startswith(("TLS_", "ECDHE-", "DHE-"))] == [], which


def negotiated(creator: Any, offered: list[str], name: str = "") -> bytes:
    """What a client that offers this gets from a server, in memory."""
    client, server = SSL.Connection(SSL.Context(SSL.TLS_METHOD), None), creator.serverConnectionForTLS(None)
    client.set_alpn_protos([each.encode() for each in offered])
    client.set_tlsext_host_name(name.encode())
    client.set_connect_state()
    server.set_accept_state()
    for _ in range(3):
        for end, other in ((client, server), (server, client)):
            with contextlib.suppress(SSL.WantReadError):
                end.do_handshake()
            with contextlib.suppress(SSL.WantReadError):
                other.bio_write(end.bio_read(65536))
    found: bytes = client.get_alpn_proto_negotiated()
    assert client.get_cipher_name() is not None
    return found


@pytest.mark.parametrize(("offered", "chosen"), [(["h2", "smtp"], b"smtp"), (["h2", "http/1.1"], b"")])
def test_a_certificate_for_each_name_answers_alpn(tmp_path: Path, offered: list[str], chosen: bytes) -> None:
    """A context is changed for another by the name that the client asks for."""
    for name in ("one", "two"):
        issue(tmp_path, name, f"{name}.example")
        (tmp_path / f"{name}.crt").unlink()
    found = CertificateDirectory(str(tmp_path))
    for name in ("one.example", "two.example", "elsewhere.example"):
        assert negotiated(found, offered, name) == chosen


def test_options_of_twisted_itself_answer_alpn_too(pem: Path) -> None:
    shown = PrivateCertificate.loadPEM(pem.read_bytes())
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        options = CertificateOptions(privateKey=shown.privateKey.original, certificate=shown.original)
    factory = SMTPServerFactory(OpenBackend(lambda connection: Session()), tls=options)
    for offered, chosen in ((["smtp"], b"smtp"), (["h2"], b"")):
        assert negotiated(factory.tls, offered) == chosen
