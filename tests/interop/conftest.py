"""The servers, ours and the others, each started once for all tests, when the first of them asks for it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.interop import peers, receivers, servers
from tests.interop.clients import PASSWORD, USER
from tests.interop.process import Running
from tests.interop.rabbitmq_server import RabbitMQServer
from tests.interop.smtpx import smtpx
from tests.ports import free_port
from txsmtpx.testing import Pem, issue

REFUSING = "tests.interop.refusing.backend"


def need(peer: str) -> None:
    """Go on only if ``peer`` can be run here; where the variable is set, as in CI, it has to be."""
    if peer in peers.PEERS:
        reason = peers.unusable(peer)
    else:
        reason = "" if importlib.util.find_spec(peer) else f"{peer} is not installed"
    if reason and os.environ.get("TXSMTPX_REQUIRE_PEERS"):
        pytest.fail(reason, pytrace=False)
    if reason:
        pytest.skip(reason)


@pytest.fixture(scope="session")
def room() -> Iterator[Callable[[str], Path]]:
    """Makes a directory that any user may enter, unlike those of pytest, with a path short enough for a socket."""
    top = Path(tempfile.mkdtemp(prefix="txsmtpx-"))
    top.chmod(0o755)

    def make(name: str) -> Path:
        directory = top / name
        directory.mkdir()
        return directory

    yield make
    shutil.rmtree(top)


@pytest.fixture(scope="session")
def certificate(room: Callable[[str], Path]) -> Pem:
    """What all servers show."""
    return issue(room("certificate"))


@dataclass
class OurServer:
    """
    ``twistd smtpx``.

    Attributes:
        port: Plain, with STARTTLS.
        tls_port: TLS from the start.
        proxied_port: Where it waits for a PROXY header.
    """

    program: Running
    maildirs: Path
    port: int
    tls_port: int
    proxied_port: int


@pytest.fixture(scope="session")
def our_server(room: Callable[[str], Path], certificate: Pem) -> Iterator[OurServer]:
    """It takes everything, logged in or not, into a Maildir for each recipient."""
    directory = room("smtpx")
    port, tls_port, proxied_port = free_port(), free_port(), free_port()
    pem = certificate
    options = [
        f"--port=tcp:{port}:interface=127.0.0.1",
        f"--port=ssl:{tls_port}:privateKey={pem.key}:certKey={pem.certificate}:interface=127.0.0.1",
        f"--port=haproxy:tcp:{proxied_port}:interface=127.0.0.1",
        f"--tls-certificate={pem.certificate}",
        f"--tls-key={pem.key}",
        f"--auth=memory:{USER}:{PASSWORD}",
        f"--backend=maildir:{directory}/{{domain}}/{{local}}",
    ]
    with smtpx(directory, port, *options) as program:
        yield OurServer(program, directory, port, tls_port, proxied_port)


@dataclass
class OurLMTPServer:
    """``twistd smtpx --lmtp``, on both kinds of socket."""

    program: Running
    maildirs: Path
    port: int
    socket: Path


@pytest.fixture(scope="session")
def our_lmtp_server(room: Callable[[str], Path]) -> Iterator[OurLMTPServer]:
    """It takes everything."""
    directory = room("smtpx-lmtp")
    yield from _lmtp_server(directory, f"maildir:{directory}/{{domain}}/{{local}}")


@pytest.fixture(scope="session")
def our_refusing_lmtp_server(room: Callable[[str], Path]) -> Iterator[OurLMTPServer]:
    """It refuses some."""
    yield from _lmtp_server(room("smtpx-lmtp-refusing"), REFUSING)


def _lmtp_server(directory: Path, backend: str) -> Iterator[OurLMTPServer]:
    port, socket = free_port(), directory / "socket"
    # Whoever delivers does so as another user.
    ports = [f"--port=tcp:{port}:interface=127.0.0.1", f"--port=unix:{socket}:mode=666"]
    with smtpx(directory, socket, "--lmtp", *ports, f"--backend={backend}") as program:
        yield OurLMTPServer(program, directory, port, socket)


@pytest.fixture(scope="session")
def our_refusing_server(room: Callable[[str], Path]) -> Iterator[int]:
    """It refuses some; this is its port."""
    port = free_port()
    with smtpx(room("smtpx-refusing"), port, f"--port=tcp:{port}:interface=127.0.0.1", f"--backend={REFUSING}"):
        yield port


@pytest.fixture(scope="session")
def postfix(
    room: Callable[[str], Path],
    certificate: Pem,
    our_server: OurServer,
    our_lmtp_server: OurLMTPServer,
    our_refusing_server: int,
    our_refusing_lmtp_server: OurLMTPServer,
    our_dsn_server: OurDSNServer,
) -> Iterator[servers.Postfix]:
    """A relay to all of ours: the domain of the recipient says how."""
    need("postfix")
    routes = {
        "smtp.test": f"smtp:[127.0.0.1]:{our_server.port}",
        "lmtp-tcp.test": f"lmtp:inet:127.0.0.1:{our_lmtp_server.port}",
        "lmtp-unix.test": f"lmtp:unix:{our_lmtp_server.socket}",
        "dsn.test": f"smtp:[127.0.0.1]:{our_dsn_server.port}",
        "smtp.refusing.test": f"smtp:[127.0.0.1]:{our_refusing_server}",
        "lmtp-tcp.refusing.test": f"lmtp:inet:127.0.0.1:{our_refusing_lmtp_server.port}",
        "lmtp-unix.refusing.test": f"lmtp:unix:{our_refusing_lmtp_server.socket}",
    }
    with servers.postfix(room("postfix"), certificate, routes) as server:
        yield server


@pytest.fixture(scope="session")
def exim(
    room: Callable[[str], Path],
    certificate: Pem,
    our_server: OurServer,
    our_refusing_server: int,
    our_dsn_server: OurDSNServer,
) -> Iterator[servers.Server]:
    """A relay to ours."""
    need("exim")
    routes = {
        "exim.test": ("smtp", our_server.port),
        "exim.refusing.test": ("smtp", our_refusing_server),
        "exim.dsn.test": ("smtp", our_dsn_server.port),
    }
    with servers.exim(room("exim"), certificate, routes) as server:
        yield server


@dataclass
class OurDSNServer:
    """``twistd smtpx --extension DSN``, whose transcript shows what it is asked."""

    program: Running
    port: int


@pytest.fixture(scope="session")
def our_dsn_server(room: Callable[[str], Path]) -> Iterator[OurDSNServer]:
    """It takes everything."""
    port = free_port()
    options = [f"--port=tcp:{port}:interface=127.0.0.1", "--extension=DSN", "--backend=null"]
    with smtpx(room("smtpx-dsn"), port, *options) as program:
        yield OurDSNServer(program, port)


@pytest.fixture(scope="session")
def rabbitmq(room: Callable[[str], Path], certificate: Pem) -> Iterator[RabbitMQServer]:
    """A broker, which has started when the first test asks for it."""
    need("rabbitmq")
    server = RabbitMQServer(room("rabbitmq"), certificate)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def haproxy(room: Callable[[str], Path], certificate: Pem, our_server: OurServer) -> Iterator[dict[str, int]]:
    """In front of ours: its ports by what they add."""
    need("haproxy")
    with servers.haproxy(room("haproxy"), certificate, our_server.proxied_port) as ports:
        yield ports


# What our client sends to.


@pytest.fixture(scope="session")
def postfix_receiver(room: Callable[[str], Path], certificate: Pem) -> Iterator[receivers.Receiver]:
    """Postfix."""
    need("postfix-sasl")
    with receivers.postfix(room("postfix-receiver"), certificate) as receiver:
        yield receiver


@pytest.fixture(scope="session")
def exim_receiver(room: Callable[[str], Path], certificate: Pem) -> Iterator[receivers.Receiver]:
    """Exim."""
    need("exim")
    with receivers.exim(room("exim-receiver"), certificate) as receiver:
        yield receiver


@pytest.fixture(scope="session")
def opensmtpd_receiver(room: Callable[[str], Path]) -> Iterator[receivers.Receiver]:
    """OpenSMTPD."""
    need("opensmtpd")
    with receivers.opensmtpd(room("opensmtpd-receiver")) as receiver:
        yield receiver


@pytest.fixture(scope="session")
def aiosmtpd_receiver(room: Callable[[str], Path], certificate: Pem) -> Iterator[receivers.Receiver]:
    """aiosmtpd."""
    need("aiosmtpd")
    with receivers.aiosmtpd(room("aiosmtpd-receiver"), certificate) as receiver:
        yield receiver


@pytest.fixture(scope="session")
def dovecot_receiver(room: Callable[[str], Path], certificate: Pem) -> Iterator[receivers.LMTPReceiver]:
    """Dovecot, over LMTP."""
    need("dovecot")
    with receivers.dovecot(room("dovecot-receiver"), certificate) as receiver:
        yield receiver
