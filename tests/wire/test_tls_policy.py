"""The cipher suites and the answer to ALPN of each TLS context of the package, in memory."""

from __future__ import annotations

import contextlib
import warnings
from pathlib import Path
from typing import Any

import pytest
from OpenSSL import SSL
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IProtocolNegotiationFactory
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import CertificateOptions, PrivateCertificate
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from zope.interface import implementer

from tests.security.rsa import issue_rsa
from txsmtpx import CertificateDirectory, OpenBackend, Session, SMTPServerFactory
from txsmtpx.testing import issue
from txsmtpx.wire.client_tls import ClientTLS
from txsmtpx.wire.server_certificate import Certificate
from txsmtpx.wire.tls_policy import answer_alpn, protocols_of


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return issue_rsa(tmp_path_factory.mktemp("rsa"))


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


@implementer(IProtocolNegotiationFactory)
class Named(Factory):
    """A factory with names for ALPN."""

    def __init__(self, *names: bytes) -> None:
        self.names = names

    def acceptableProtocols(self) -> list[bytes]:
        return list(self.names)


class Around(Factory):
    """A wrapper of a factory, which has no names itself."""

    def __init__(self, wrapped: object) -> None:
        self.wrappedFactory = wrapped


@pytest.mark.parametrize(("factory", "names"), [
    (None, ()), (Factory(), ()), (Named(b"http/1.1"), (b"http/1.1",)),
    (Around(Around(Named(b"a", b"b"))), (b"a", b"b")),
    (Around(Factory()), ()), (Around(None), ()),
], ids=["none", "a factory", "named", "wrapped", "wrapped without", "wrapping none"])  # fmt: skip
def test_the_names_of_a_factory_are_those_of_the_first_that_has_some(factory, names) -> None:
    assert protocols_of(factory) == names


@pytest.mark.parametrize(("protocols", "offered", "chosen"), [
    ((), ["smtp"], b"smtp"), ((), ["lmtp", "smtp"], b"smtp"), ((), ["h2"], b""),
    ((b"http/1.1",), ["smtp", "http/1.1"], b"http/1.1"), ((b"http/1.1",), ["smtp"], b""),
])  # fmt: skip
def test_the_answer_to_alpn(pem: Path, protocols, offered, chosen) -> None:
    """Where none fits, the handshake goes on without: some clients offer "http/1.1" for every protocol."""
    context = SSL.Context(SSL.TLS_METHOD)
    context.use_certificate_file(str(pem))
    context.use_privatekey_file(str(pem))
    answer_alpn(context, protocols)

    class Creator:
        def serverConnectionForTLS(self, protocol):
            return SSL.Connection(context, None)

    assert negotiated(Creator(), offered) == chosen
