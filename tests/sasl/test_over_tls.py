"""EXTERNAL and -PLUS, over real TLS in memory."""

from __future__ import annotations

import pytest
from twisted.internet.ssl import Certificate as TrustedCertificate
from twisted.internet.ssl import optionsForClientTLS
from twisted.internet.task import Clock

from tests.sasl.certificates import issue_client
from tests.sasl.exchanges import DONE, UNIFORM, log_in, now, portal
from txsmtpx import Certificate
from txsmtpx.backends.certificate import CertificateChecker
from txsmtpx.backends.scram import ScramChecker
from txsmtpx.passwd import hashes, store
from txsmtpx.sasl.external import External
from txsmtpx.sasl.scram import Scram
from txsmtpx.testing import Link, issue
from txsmtpx.wire.tls import channel_binding


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    return tmp_path_factory.mktemp("sasl")


@pytest.fixture(scope="module")
def pem(room):
    return issue(room)


@pytest.fixture(scope="module")
def alice(room):
    return issue_client(room / "alice", "alice", "alice@example.org")


@pytest.fixture(scope="module")
def stranger(room):
    return issue_client(room / "stranger", "alice", "alice@example.org")


@pytest.fixture
def connect(pem, alice, room):
    links = []
    users = str(room / "users")
    store(users, "alice", hashes("scram", b"wonderland", 4096))

    def connect(client_certificate=None):
        tls = Certificate(str(pem.certificate), str(pem.key), str(alice.authority))
        backend = portal(CertificateChecker(), ScramChecker(users, now))
        client = Link.to(backend, clock=Clock(), tls=tls, auth_failure_delay=0)
        client.clock = client.server.factory.settings.clock
        client.replies = client.said
        client.ask("EHLO client.example", "STARTTLS")
        trusted = TrustedCertificate.loadPEM(pem.certificate.read_bytes())
        client.start_tls(optionsForClientTLS("localhost", trusted, client_certificate))
        links.append(client)
        return client

    yield connect
    for each in links:
        each.hang_up()


def offered(client):
    return client.ask("EHLO client.example")[-1].split()[2:]


def settled(client, half):
    """The answers; those that come late are pumped over."""
    said = client.ask

    def ask(*lines):
        answers = said(*lines)
        client.clock.advance(0)
        return answers + client.ask_nothing()

    client.ask_nothing = lambda: (client.send(b""), client.said())[1]
    client.ask = ask
    return log_in(client, half)


@pytest.mark.parametrize("authorization", ["", "alice@example.org", "alice"])
def test_external(connect, alice, authorization):
    client = connect(alice.private())
    assert "EXTERNAL" in offered(client)
    assert settled(client, External(authorization)) == [DONE]
    assert client.server.dialog.connection.username == (authorization or "alice@example.org")


def test_external_as_another(connect, alice):
    client = connect(alice.private())
    offered(client)
    assert settled(client, External("bob")) == [UNIFORM]
    assert client.server.dialog.connection.username is None


def test_without_a_certificate_external_is_not_offered_and_the_rest_is(connect):
    client = connect()
    assert offered(client)[0] == "SCRAM-SHA-512-PLUS"
    assert "EXTERNAL" not in offered(client)
    assert client.ask("AUTH EXTERNAL =") == ["504 5.5.4 Authentication mechanism not offered"]


def test_a_certificate_that_somebody_else_has_signed(connect, stranger):
    client = connect(stranger.private())
    assert client.ask("EHLO client.example") == []
    assert client.over


@pytest.mark.parametrize("name", ["SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-512-PLUS"])
def test_bound_to_the_channel(connect, name):
    client = connect()
    assert name in offered(client)
    binding = channel_binding(client.transport.getHandle())
    assert binding == client.server.dialog.connection.tls.binding
    assert settled(client, Scram(name, "alice", "wonderland", binding))[-1] == DONE


def test_bound_to_another_channel(connect):
    client = connect()
    offered(client)
    half = Scram("SCRAM-SHA-256-PLUS", "alice", "wonderland", ("tls-server-end-point", b"x" * 32))
    assert settled(client, half)[-1] == UNIFORM
