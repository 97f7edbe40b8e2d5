"""
Guarantee 16, and guarantee 6 for the client: whom we talk to is verified, and what is said in the clear is forgotten.
"""

from __future__ import annotations

import weakref

import pytest
from OpenSSL import SSL
from pytest_twisted import blockon
from twisted.internet import reactor
from twisted.internet.defer import CancelledError
from twisted.internet.endpoints import wrapClientTLS
from twisted.internet.error import ConnectionLost, TimeoutError
from twisted.internet.protocol import Factory
from twisted.internet.ssl import Certificate, CertificateOptions, PrivateCertificate, trustRootFromCertificates

from tests.authority import Authority
from txsmtpx import (
    MailOptions,
    MemoryBackend,
    NotOffered,
    ProtocolError,
    SMTPServerFactory,
    Timeouts,
    TLSFailed,
    connect,
)
from txsmtpx.testing import Outcome, RecordingBackend, ScriptedServer
from txsmtpx.wire.client_tls import ClientTLS, tls_failure
from txsmtpx.wire.target import target

OFFERS = ["PIPELINING", "STARTTLS", "AUTH PLAIN"]
HOST = "mx.example.net"


def secured(net, authority, **how):
    """``connect`` to a server in memory."""
    how = {"tls": "required", "hostname": HOST, "trust_roots": str(authority.path), **how}
    return connect(net, reactor=net.clock, **how)


def test_starttls(network, authority):
    net = network(offers=OFFERS, tls=authority.server(HOST))
    client = net.result(secured(net, authority))
    assert client.tls.version == "TLSv1.3"
    assert "STARTTLS" not in client.extensions  # said again, inside
    assert net.servers[0].verbs == ["EHLO", "STARTTLS", "EHLO"]
    result = net.result(client.send("a@example.org", ["b@example.net"], b"x\r\n"))
    assert len(result.accepted) == 1
    assert net.servers[0].tls


def test_a_lost_connection_leaves_nothing_to_openssl(network, authority):
    """Without the garbage collector: what OpenSSL has for a connection is more than all the rest."""
    net = network(offers=OFFERS, tls=authority.server(HOST))
    client = net.result(secured(net, authority))
    inside = weakref.ref(client.protocol.transport.getHandle())
    assert inside() is not None
    net.result(client.quit())
    assert inside() is None
    assert client.tls.version == "TLSv1.3"
    assert client.tls.bindings == {}


@pytest.mark.parametrize(
    ("names", "hostname"),
    [
        (["192.0.2.25"], "192.0.2.25"),
        (["2001:db8::25"], "2001:db8::25"),
        (["*.example.net"], HOST),
        (["xn--bcher-kva.example"], "bücher.example"),
        (["other.example", HOST], HOST),
        (["xn--bcher-kva.example"], "BU\u0308CHER.example."),
        (["xn--strae-oqa.example"], "stra\u00dfe.example"),
        ([HOST], "MX.EXAMPLE.NET"),
        ([HOST], f"{HOST}."),
        (["192.0.2.25"], "::ffff:192.0.2.25"),
        (["fe80::1"], "fe80::1%eth0"),
        (["2001:db8::25"], "2001:DB8:0::25"),
    ],
)
def test_the_right_name(network, authority, names, hostname):
    net = network(offers=OFFERS, tls=authority.server(*names))
    assert net.result(secured(net, authority, hostname=hostname)).tls is not None


@pytest.mark.parametrize(
    ("names", "hostname"), [(["strasse.example"], "stra\u00dfe.example"), (["::ffff:192.0.2.25"], "192.0.2.26")]
)
def test_the_wrong_name(network, authority, names, hostname):
    net = network(offers=OFFERS, tls=authority.server(*names))
    with pytest.raises(TLSFailed, match="the certificate is for another name"):
        net.result(secured(net, authority, hostname=hostname))


def test_a_name_that_is_none(network, authority):
    net = network(offers=OFFERS, tls=authority.server(HOST))
    with pytest.raises(ValueError, match=r"hostname must be a domain or an IP address, not 'ex\u3002ample\.net'"):
        net.result(secured(net, authority, hostname="ex\u3002ample.net"))
    assert not net.servers


WRONG = {
    "another name": (["other.example"], {}, f"the certificate is for another name than {HOST}"),
    "an address": (["192.0.2.25"], {}, f"the certificate is for another name than {HOST}"),
    "a wildcard too far": (["*.net"], {}, f"the certificate is for another name than {HOST}"),
    "no name at all": ([], {}, f"the certificate is for another name than {HOST}"),
    "expired": ([HOST], {"days": (-9, -2)}, "the certificate has expired"),
    "not yet": ([HOST], {"days": (2, 9)}, "the certificate is not valid yet"),
    "self-signed": ([HOST], {"signed_by_itself": True}, "the certificate is self-signed"),
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("mode", ["required", "opportunistic"])
def test_the_wrong_certificate(network, authority, wrong, mode):
    names, how, why = WRONG[wrong]
    net = network(offers=OFFERS, tls=authority.server(*names, **how))
    with pytest.raises(TLSFailed) as caught:
        net.result(secured(net, authority, tls=mode, auth=("me", "secret")))
    assert why in str(caught.value)
    assert isinstance(caught.value, ConnectionLost)
    assert net.servers[0].verbs == ["EHLO", "STARTTLS"]
    assert net.servers[0].lost


def test_the_wrong_authority(network, authority, tmp_path):
    stranger = Authority(tmp_path, "stranger")
    net = network(offers=OFFERS, tls=stranger.server(HOST))
    with pytest.raises(TLSFailed, match="signed by no authority that is trusted"):
        net.result(secured(net, authority))


def test_the_systems_trust_is_the_default(network, authority):
    net = network(offers=OFFERS, tls=authority.server(HOST))
    with pytest.raises(TLSFailed, match="signed by no authority that is trusted"):
        net.result(secured(net, authority, trust_roots=None))


def test_trust_roots_as_an_object(network, authority):
    roots = trustRootFromCertificates([Certificate.loadPEM(authority.path.read_bytes())])
    net = network(offers=OFFERS, tls=authority.server(HOST))
    assert net.result(secured(net, authority, trust_roots=roots)).tls is not None


def test_there_is_no_tls_without_a_name(network, authority):
    net = network(offers=OFFERS, tls=authority.server(HOST))
    with pytest.raises(ValueError, match="hostname="):
        net.result(secured(net, authority, hostname=""))
    assert "STARTTLS" not in net.servers[0].verbs


def test_a_stripped_starttls(network, authority):
    net = network(offers=["PIPELINING", "AUTH PLAIN"])
    with pytest.raises(NotOffered, match="STARTTLS"):
        net.result(secured(net, authority, auth=("me", "secret")))
    assert net.servers[0].verbs == ["EHLO", "QUIT"]
    assert net.servers[0].lost


def test_opportunistic_takes_what_there_is(network, authority):
    net = network(offers=["PIPELINING"])
    assert net.result(secured(net, authority, tls="opportunistic")).tls is None
    net = network(offers=OFFERS, tls=authority.server(HOST))
    assert net.result(secured(net, authority, tls="opportunistic")).tls is not None
    net = network(offers=OFFERS, tls=authority.server(HOST))
    assert net.result(secured(net, authority, tls="none")).tls is None


def test_starttls_refused(network, authority):
    net = network(offers=OFFERS, STARTTLS="454 4.7.0 Not now")
    with pytest.raises(Exception, match=r"STARTTLS: 454 4\.7\.0 Not now"):
        net.result(secured(net, authority))
    assert net.servers[0].lost


INJECTED = ["250 x", "250-scripted.example\n250 AUTH PLAIN", "235 2.7.0 In", "2", "\n", "421 4.3.0 Bye"]


@pytest.mark.parametrize("injected", INJECTED)
def test_plaintext_behind_the_220(network, authority, injected):
    """A reply in the clear would be taken for one from inside."""
    answer = f"220 2.0.0 Ready\r\n{injected}".replace("\n", "\r\n").encode()
    net = network(offers=OFFERS, STARTTLS=answer)
    with pytest.raises(ProtocolError, match="in the clear after STARTTLS"):
        net.result(secured(net, authority))
    assert net.servers[0].verbs == ["EHLO", "STARTTLS"]
    assert net.servers[0].lost


def test_plaintext_instead_of_tls(network, authority):
    net = network(offers=OFFERS, STARTTLS="220 2.0.0 Ready")
    outcome = Outcome(secured(net, authority))
    net.flush()
    assert not outcome.fired
    net.servers[0].send_reply("250-scripted.example\n250 AUTH PLAIN")
    net.flush()
    assert isinstance(outcome.error, TLSFailed)
    assert "something that is not TLS, such as plain text" in str(outcome.error)


def test_a_server_that_hangs_up_in_the_handshake(network, authority):
    net = network(offers=OFFERS, STARTTLS="220 2.0.0 Ready")
    outcome = Outcome(secured(net, authority))
    net.flush()
    net.servers[0].transport.loseConnection()
    net.flush()
    assert outcome.error is not None


def test_a_handshake_without_end(network, authority):
    net = network(offers=OFFERS, STARTTLS="220 2.0.0 Ready")
    outcome = Outcome(secured(net, authority, timeouts=Timeouts(command=7)))
    net.flush()
    net.clock.advance(6.9)
    assert not outcome.fired
    net.clock.advance(0.2)
    net.flush()
    assert isinstance(outcome.error, TimeoutError)
    assert "handshake" in str(outcome.error)


def test_a_handshake_cancelled(network, authority):
    net = network(offers=OFFERS, STARTTLS="220 2.0.0 Ready")
    outcome = Outcome(given := secured(net, authority))
    net.flush()
    given.cancel()
    net.flush()
    assert isinstance(outcome.error, CancelledError)
    assert net.servers[0].lost


def test_starttls_by_hand(network, authority):
    net = network(offers=OFFERS, tls=authority.server(HOST), EHLO=[None, "250-scripted.example\n250 SIZE 7"])
    client = net.greeted()
    state = net.result(client.start_tls(ClientTLS(HOST, str(authority.path))))
    assert (state.version, client.extensions) == ("TLSv1.3", {"SIZE": 7})
    with pytest.raises(NotOffered):
        net.result(client.start_tls(ClientTLS(HOST, str(authority.path))))


def test_requiretls_takes_tls(network, authority):
    """RFC 8689 §2: verified, whoever says in the clear that he offers it."""
    offers = ["STARTTLS", "REQUIRETLS"]
    net = network(offers=offers, tls=authority.server(HOST))
    asked = MailOptions(requiretls=True)
    client = net.result(connect(net, reactor=net.clock, tls="none"))
    with pytest.raises(NotOffered, match="REQUIRETLS"):
        net.result(client.send("a@example.org", ["b@example.net"], b"x\r\n", asked))
    with pytest.raises(NotOffered, match="REQUIRETLS"):
        net.result(client.mail("a@example.org", asked))
    assert net.servers[0].verbs == ["EHLO"]
    net.result(client.start_tls(CertificateOptions()))  # whoever it is
    assert "REQUIRETLS" not in client.extensions
    client = net.result(secured(net, authority))
    net.result(client.send("a@example.org", ["b@example.net"], b"x\r\n", asked))
    assert "MAIL FROM:<a@example.org> REQUIRETLS" in net.servers[-1].lines


def test_a_client_certificate(network, authority):
    """Shown to our own server."""
    certificate = PrivateCertificate.loadPEM(authority.issue(HOST).read_bytes())
    options = CertificateOptions(
        privateKey=certificate.privateKey.original,
        certificate=certificate.original,
        trustRoot=Certificate.loadPEM(authority.path.read_bytes()),
    )
    backend = RecordingBackend()
    net = network(lambda: SMTPServerFactory(backend, tls=options, reactor=net.clock).buildProtocol(None))
    client = net.result(secured(net, authority, client_certificate=authority.client("me.example.org")))
    net.result(client.mail("a@example.org"))
    (connection,) = [call[1] for call in backend.calls if call[0] == "anonymous_login"]
    shown = connection.tls.peer_certificate.to_cryptography()
    assert shown.subject.rfc4514_string() == "CN=me.example.org"


# ---- names that a policy gives, and certificates that need not be right


def started(network, authority, tls, *names, **how):
    """The connection after STARTTLS, the server and the failure."""
    net = network(offers=[*OFFERS, "REQUIRETLS"], tls=authority.server(*names, **how))
    client = net.greeted()
    outcome = Outcome(client.start_tls(tls))
    net.flush()
    return client, net, outcome.error


def by_names(authority, *names, hostname=HOST, **how):
    return ClientTLS(hostname, str(authority.path), names=names, **how)


@pytest.mark.parametrize(
    ("names", "presented"),
    [
        ([".example.org"], "mail.example.org"),
        ([".example.org"], "a.b.example.org"),
        ([".example.org"], "MAIL.Example.ORG"),
        ([".example.org"], "*.example.org"),
        (["example.org"], "example.org"),
        (["mail.example.org"], "*.example.org"),
        (["example.org", ".example.org"], "mail.example.org"),
        (["other.test", "example.org"], "example.org"),
        ([".example.org", "other.test"], "other.test"),
        ([".xn--bcher-kva.example"], "mail.xn--bcher-kva.example"),
    ],
)
def test_a_name_that_a_policy_gives(network, authority, names, presented):
    tls = by_names(authority, *names)
    client, _, error = started(network, authority, tls, "yet.another.test", presented)
    assert error is None
    assert client.tls.verified
    assert tls.refused is None


@pytest.mark.parametrize(
    ("names", "presented"),
    [
        ([".example.org"], ["example.org"]),
        ([".example.org"], ["mailexample.org"]),
        ([".example.org"], ["mail.example.org.test"]),
        ([".example.org"], [HOST]),
        (["example.org"], ["mail.example.org"]),
        (["example.org"], ["*.org"]),
        (["example.org", ".example.org"], [HOST]),
        (["example.org"], []),
        ([".example.org"], ["192.0.2.1"]),
    ],
)
def test_another_name_than_a_policy_gives(network, authority, names, presented):
    """That of the exchanger does not count then: it comes from the DNS."""
    tls = by_names(authority, *names)
    client, net, error = started(network, authority, tls, *presented)
    assert isinstance(error, TLSFailed)
    assert client.tls is None
    assert net.servers[0].verbs == ["EHLO", "STARTTLS"]
    assert tls.result == "certificate-host-mismatch"
    if presented:
        assert str(error) == f"the certificate is for none of these names: {', '.join(names)}"


def test_an_exchanger_whose_name_no_certificate_can_have(network, authority):
    """Its name does not count if a policy gives others, or if the policy is only tested."""
    name = "mx_1.example.net"
    with pytest.raises(UnicodeError):
        ClientTLS(name, str(authority.path))
    tls = by_names(authority, ".example.org", hostname=name)
    client, _, error = started(network, authority, tls, "mail.example.org")
    assert error is None
    assert client.tls.verified
    tls = ClientTLS(name, str(authority.path), enforces=False)
    client, _, error = started(network, authority, tls, "mail.example.org")
    assert error is None
    assert not client.tls.verified


def test_names_of_a_policy_need_an_authority_too(network, authority):
    tls = by_names(authority, ".example.org")
    *_, error = started(network, authority, tls, "mail.example.org", signed_by_itself=True)
    assert str(error) == "the certificate is self-signed"


RESULTS = {
    "another name": (["other.example"], {}, "certificate-host-mismatch"),
    "no name at all": ([], {}, "certificate-host-mismatch"),
    "expired": ([HOST], {"days": (-9, -2)}, "certificate-expired"),
    "not yet": ([HOST], {"days": (2, 9)}, "validation-failure"),
    "self-signed": ([HOST], {"signed_by_itself": True}, "certificate-not-trusted"),
    "expired, and another name": (["other.example"], {"days": (-9, -2)}, "certificate-expired"),
}


@pytest.mark.parametrize("wrong", RESULTS)
@pytest.mark.parametrize("enforces", [True, False])
def test_the_failure_as_reports_name_it(network, authority, wrong, enforces):
    """RFC 8460 §4.3.2; and a policy that is only tested accepts the certificate (RFC 8461 §5)."""
    names, how, result = RESULTS[wrong]
    tls = ClientTLS(HOST, str(authority.path), enforces=enforces, authenticates=False)
    client, net, error = started(network, authority, tls, *names, **how)
    assert isinstance(error, TLSFailed) is enforces
    assert tls.result == result
    assert tls.refused is not None
    if not enforces:
        assert not client.tls.verified
        assert len(net.result(client.send("a@example.org", ["b@example.net"], b"x\r\n")).accepted) == 1


@pytest.mark.parametrize("enforces", [True, False])
def test_a_certificate_that_need_not_be_right_is_no_reason_of_a_failure(authority, enforces):
    tls = ClientTLS(HOST, str(authority.path), enforces=enforces)
    tls.refused = "the certificate has expired"
    error = tls_failure(tls, SSL.Error([("SSL routines", "", "no shared cipher")]), True)
    assert ("the certificate has expired" in str(error)) is enforces
    assert ("no shared cipher" in str(error)) is not enforces


def test_an_authority_that_is_not_trusted_as_reports_name_it(network, authority, tmp_path):
    tls = ClientTLS(HOST, str(authority.path), enforces=False, authenticates=False)
    client, _, error = started(network, Authority(tmp_path, "stranger"), tls, HOST)
    assert error is None
    assert (client.tls.verified, tls.result) == (False, "certificate-not-trusted")


def test_each_connection_is_verified_anew(network, authority):
    tls = ClientTLS(HOST, str(authority.path), enforces=False)
    for names, refused in ((["other.example"], True), ([HOST], False)):
        started(network, authority, tls, *names)
        assert (tls.refused is not None) is refused


def test_a_policy_that_is_only_tested_verifies_nothing_it_refuses(network, authority):
    """Even if the name of the server is authentic."""
    tls = ClientTLS(HOST, str(authority.path), enforces=False, authenticates=True)
    client, _, error = started(network, authority, tls, "other.example")
    assert error is None
    assert not client.tls.verified


@pytest.mark.parametrize("authenticates", [True, False])
def test_a_name_that_may_be_forged_does_not_do_for_requiretls(network, authority, authenticates):
    """RFC 8689 §4.2.1."""
    tls = ClientTLS(HOST, str(authority.path), authenticates=authenticates)
    client, net, _ = started(network, authority, tls, HOST)
    assert client.tls.verified is authenticates
    outcome = Outcome(client.send("a@example.org", ["b@example.net"], b"x\r\n", MailOptions(requiretls=True)))
    net.flush()
    assert isinstance(outcome.error, NotOffered) is not authenticates
    assert any("REQUIRETLS" in line for line in net.servers[0].lines) is authenticates


@pytest.fixture
def implicit(authority):
    """A server that speaks TLS from the start, for localhost and 127.0.0.1; its port."""
    options = CertificateOptions(**_both(authority.issue("localhost", "127.0.0.1")))
    factory = Factory.forProtocol(lambda: ScriptedServer(["PIPELINING", "AUTH PLAIN"]))
    factory.noisy = False
    port = reactor.listenSSL(0, factory, options, interface="127.0.0.1")
    yield port.getHost().port
    blockon(port.stopListening())


def _both(path):
    certificate = PrivateCertificate.loadPEM(path.read_bytes())
    return {"privateKey": certificate.privateKey.original, "certificate": certificate.original}


@pytest.mark.system
async def test_implicit_tls(implicit, authority):
    for endpoint in (f"tls:127.0.0.1:{implicit}", f"ssl:localhost:{implicit}"):
        client = await connect(endpoint, trust_roots=authority.path, auth=("me", "secret"))
        assert client.tls.version == "TLSv1.3"
        assert len((await client.send("a@example.org", ["b@example.net"], b"x\r\n")).accepted) == 1
        await client.quit()


@pytest.mark.system
async def test_implicit_tls_by_mode(implicit, authority):
    client = await connect(f"tcp:127.0.0.1:{implicit}", tls="implicit", trust_roots=authority.path)
    assert client.tls is not None
    await client.quit()


@pytest.mark.system
async def test_implicit_tls_refuses(implicit, authority):
    with pytest.raises(TLSFailed, match=r"another name than mx\.example\.net"):
        await connect(f"tls:127.0.0.1:{implicit}", trust_roots=authority.path, hostname=HOST)
    with pytest.raises(TLSFailed, match="no authority that is trusted"):
        await connect(f"tls:127.0.0.1:{implicit}")


@pytest.mark.system
async def test_an_endpoint_that_is_in_tls_already(implicit, authority):
    """Nothing is to be started in there."""
    inner = target(reactor, f"tcp:127.0.0.1:{implicit}").endpoint
    endpoint = wrapClientTLS(ClientTLS("localhost", authority.path), inner)
    client = await connect(endpoint, auth=("me", "secret"))
    assert client.tls is not None
    await client.quit()


@pytest.mark.system
async def test_tls_to_a_plain_port(authority):
    factory = Factory.forProtocol(ScriptedServer)
    factory.noisy = False
    port = reactor.listenTCP(0, factory, interface="127.0.0.1")
    with pytest.raises(TLSFailed, match="something that is not TLS"):
        await connect(f"tls:127.0.0.1:{port.getHost().port}", trust_roots=authority.path)
    await port.stopListening()


@pytest.mark.system
async def test_starttls_on_a_socket(authority):
    """The whole of it on a reactor's transports, to our own server."""
    backend = MemoryBackend()
    options = CertificateOptions(**_both(authority.issue("localhost")))
    port = reactor.listenTCP(0, SMTPServerFactory(backend, tls=options), interface="127.0.0.1")
    client = await connect(f"tcp:127.0.0.1:{port.getHost().port}", tls="required", hostname="localhost",
                           trust_roots=authority.path)  # fmt: skip
    body = b"Subject: x\r\n\r\n" + b"0123456789abcdef\r\n" * 100_000
    assert len((await client.send("a@example.org", ["b@example.net"], body)).accepted) == 1
    await client.quit()
    await port.stopListening()
    assert backend.messages[0].content == body
