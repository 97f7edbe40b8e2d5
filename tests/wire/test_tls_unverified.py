"""`tls_verify=False`: any certificate is accepted, where the caller says so, and the log says so once."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pytest_twisted import blockon
from twisted.internet import reactor
from twisted.internet.protocol import Factory
from twisted.internet.ssl import Certificate as Trusted
from twisted.internet.ssl import CertificateOptions, PrivateCertificate
from twisted.logger import LogLevel, formatEvent, globalLogPublisher

from tests.authority import Authority
from txsmtpx import MailOptions, NotOffered, RelayBackend, SMTPPool, SMTPServerFactory, TLSFailed, connect, send_mail
from txsmtpx.testing import Network, RecordingBackend, ScriptedServer
from txsmtpx.wire.client_tls import warn_unverified

OFFERS = ["PIPELINING", "STARTTLS", "AUTH PLAIN", "REQUIRETLS"]
HOST = "mx.example.net"
CERTIFICATES = {
    "another name": (["other.example"], {}),
    "no name at all": ([], {}),
    "expired": ([HOST], {"days": (-9, -2)}),
    "not yet": ([HOST], {"days": (2, 9)}),
    "self-signed": ([HOST], {"signed_by_itself": True}),
    "no authority that is trusted": ([HOST], {}),
}


@pytest.fixture
def warnings():
    """The warnings of the log, in a process that has not warned yet."""
    warn_unverified.cache_clear()
    found = []

    def observe(event):
        if event["log_level"] is LogLevel.warn:
            found.append(formatEvent(event))

    globalLogPublisher.addObserver(observe)
    yield found
    globalLogPublisher.removeObserver(observe)
    warn_unverified.cache_clear()


@pytest.fixture
def stranger(tmp_path):
    return Authority(tmp_path, "stranger")


def unverified(net, **how):
    return connect(net, reactor=net.clock, **{"tls": "required", "tls_verify": False, **how})


@pytest.mark.parametrize("certificate", CERTIFICATES)
@pytest.mark.parametrize("mode", ["required", "opportunistic"])
@pytest.mark.parametrize("hostname", [HOST, "192.0.2.25", "mx_1.example.net", ""])
def test_any_certificate_will_do(network, stranger, certificate, mode, hostname):
    names, how = CERTIFICATES[certificate]
    net = network(offers=OFFERS, tls=stranger.server(*names, **how))
    client = net.result(unverified(net, tls=mode, hostname=hostname, auth=("me", "secret")))
    assert net.servers[0].verbs == ["EHLO", "STARTTLS", "EHLO", "AUTH"]
    assert client.tls.version == "TLSv1.3"
    assert not client.tls.verified


@pytest.mark.parametrize("certificate", CERTIFICATES)
def test_no_certificate_will_do_by_default(network, stranger, certificate, warnings):
    names, how = CERTIFICATES[certificate]
    net = network(offers=OFFERS, tls=stranger.server(*names, **how))
    with pytest.raises(TLSFailed):
        net.result(unverified(net, tls_verify=True, hostname=HOST))
    assert warnings == []


def test_it_is_logged_once_in_a_process(network, stranger, warnings):
    for _ in range(3):
        net = network(offers=OFFERS, tls=stranger.server(HOST))
        net.result(unverified(net))
    (warning,) = warnings
    assert "tls_verify=False: the certificates of mail servers are not verified" in warning


def test_it_is_logged_when_it_happens(network, warnings):
    """Without TLS there is nothing that is not verified."""
    net = network()
    net.result(unverified(net, tls="none"))
    net.result(unverified(net, tls="opportunistic"))
    assert warnings == []


def test_tls_is_still_required(network):
    net = network(offers=["PIPELINING"])
    with pytest.raises(NotOffered, match="STARTTLS"):
        net.result(unverified(net))


def test_what_needs_a_verified_server_is_not_offered(network, stranger):
    """RFC 8689 §2."""
    net = network(offers=OFFERS, tls=stranger.server(HOST))
    client = net.result(unverified(net))
    with pytest.raises(NotOffered, match="REQUIRETLS"):
        net.result(client.send("a@example.org", ["b@example.net"], b"x\r\n", MailOptions(requiretls=True)))


@pytest.mark.parametrize(
    ("hostname", "sent"),
    [
        (HOST, HOST.encode()),
        ("B\u00dcCHER.example.", b"xn--bcher-kva.example"),
        ("192.0.2.25", None),
        ("::1", None),
        ("", None),
    ],
)
def test_the_server_is_told_its_name(network, stranger, hostname, sent):
    """RFC 6066 §3: a server of many names shows the certificate of this one."""
    asked = []
    options = stranger.server(HOST)
    options.context.set_tlsext_servername_callback(lambda connection: asked.append(connection.get_servername()))
    net = network(offers=OFFERS, tls=options)
    net.result(unverified(net, hostname=hostname))
    assert [name for name in asked if name is not None] == ([] if sent is None else [sent])


def test_a_client_certificate_is_shown(network, authority, stranger):
    certificate = PrivateCertificate.loadPEM(stranger.issue(HOST).read_bytes())
    options = CertificateOptions(
        privateKey=certificate.privateKey.original,
        certificate=certificate.original,
        trustRoot=Trusted.loadPEM(authority.path.read_bytes()),
    )
    backend = RecordingBackend()
    net = network(lambda: SMTPServerFactory(backend, tls=options, reactor=net.clock).buildProtocol(None))
    client = net.result(unverified(net, client_certificate=authority.client("me.example.org")))
    net.result(client.mail("a@example.org"))
    (connection,) = [call[1] for call in backend.calls if call[0] == "anonymous_login"]
    assert connection.tls.peer_certificate.to_cryptography().subject.rfc4514_string() == "CN=me.example.org"


@pytest.fixture
def implicit(stranger):
    """A server that speaks TLS from the start, for another name; its port."""
    options = CertificateOptions(**_both(stranger.issue("other.example")))
    factory = Factory.forProtocol(lambda: ScriptedServer(["AUTH PLAIN"]))
    factory.noisy = False
    port = reactor.listenSSL(0, factory, options, interface="127.0.0.1")
    yield port.getHost().port
    blockon(port.stopListening())


def _both(path):
    certificate = PrivateCertificate.loadPEM(path.read_bytes())
    return {"privateKey": certificate.privateKey.original, "certificate": certificate.original}


@pytest.mark.system
async def test_implicit_tls(implicit):
    for endpoint in (f"tls:127.0.0.1:{implicit}", f"tls:localhost:{implicit}"):
        with pytest.raises(TLSFailed):
            await connect(endpoint)
        result = await send_mail(endpoint, "a@example.org", ["b@example.net"], b"x\r\n", tls_verify=False)
        assert len(result.accepted) == 1
    client = await connect(("127.0.0.1", implicit), tls="implicit", tls_verify=False, auth=("me", "secret"))
    assert client.authenticated
    await client.quit()


def test_a_pool(network, stranger, warnings):
    net = network(offers=OFFERS, tls=stranger.server(HOST))
    pool = SMTPPool(net, tls="required", tls_verify=False, reactor=net.clock)
    assert len(net.result(pool.send("a@example.org", ["b@example.net"], b"x\r\n")).accepted) == 1
    net.result(pool.stopService())
    assert len(warnings) == 1


def test_a_relay(network, stranger):
    """The next server's certificate is nobody's, and the mail goes on."""
    there = Network(lambda: ScriptedServer(OFFERS, tls=stranger.server("other.example")))
    backend = RelayBackend([there], domains=["example.net"], tls="required", tls_verify=False, reactor=there.clock)
    here = network(lambda: SMTPServerFactory(backend, reactor=there.clock).buildProtocol(None))
    here.clock, here.pumps = there.clock, there.pumps
    client = here.result(connect(here, tls="none", reactor=here.clock))
    assert len(here.result(client.send("a@example.org", ["b@example.net"], b"x\r\n")).accepted) == 1
    assert there.servers[0].tls
    here.result(client.quit())
    here.result(backend.pools[0].stopService())
    there.hang_up()


@pytest.mark.system
def test_a_process_warns_in_its_log():
    """In its default form, once, with what it means."""
    code = """
import sys
from twisted.internet.task import react
from twisted.logger import globalLogBeginner, textFileLogObserver
from txsmtpx.wire.client_tls import warn_unverified
globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stdout)])
warn_unverified()
warn_unverified()
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True).stdout
    (line,) = said.splitlines()
    assert "[txsmtpx.wire.client_tls#warn] tls_verify=False" in line
