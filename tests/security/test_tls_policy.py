"""Every TLS port of ours: no static RSA (RFC 9325 §4.1), and an answer for clients that offer ALPN (RFC 7301)."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.conftest import need
from tests.ports import free_port
from tests.security.rsa import issue_rsa
from tests.waiting import PATIENCE
from tests.wire.twistd import Twistd
from twisted import version

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
        Twistd(tmp_path_factory.mktemp("one"), *one, forked=True) as first,
        Twistd(tmp_path_factory.mktemp("other"), *other, forked=True) as second,
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
