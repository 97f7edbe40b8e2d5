"""How a client verifies a server by TLSA records (RFC 6698, RFC 7671, RFC 7672), with real handshakes in memory."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from OpenSSL import SSL, crypto
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import CertificateOptions
from twisted.internet.task import Clock
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol

from txsmtpx import MailOptions, NotOffered, TLSFailed
from txsmtpx.grammar.tlsa import DANE_EE, DANE_TA, TLSARecord
from txsmtpx.testing import Network
from txsmtpx.wire.dane_tls import DANETLS, NO_MATCH

HOST = "mx.example.net"
Networks = Callable[..., Network]


@dataclass
class Signed:
    """A certificate, its key and the certificate that signed it."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    issuer: Signed | None = None

    @property
    def x509(self) -> crypto.X509:
        """For pyOpenSSL."""
        return crypto.X509.from_cryptography(self.certificate)

    @property
    def chain(self) -> list[Signed]:
        """This certificate and those above it."""
        return [self, *(self.issuer.chain if self.issuer is not None else [])]

    def octets(self, selector: int) -> bytes:
        """What records are about: the certificate, or its key."""
        if selector == 0:
            return self.certificate.public_bytes(Encoding.DER)
        return self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def record(self, usage: int, selector: int = 1, matching: int = 1) -> TLSARecord:
        """The record for it."""
        octets = self.octets(selector)
        data = {0: octets, 1: hashlib.sha256(octets).digest(), 2: hashlib.sha512(octets).digest()}[matching]
        return TLSARecord(usage, selector, matching, data)


def signed(
    name: str,
    issuer: Signed | None = None,
    names: Sequence[str] = (),
    ca: bool = False,
    days: tuple[int, int] = (-1, 1),
) -> Signed:
    """A certificate; without an issuer it is signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(days=days[0]))
        .not_valid_after(now + datetime.timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if names:
        alternative = x509.SubjectAlternativeName([x509.DNSName(each) for each in names])
        builder = builder.add_extension(alternative, critical=False)
    return Signed(builder.sign(key if issuer is None else issuer.key, SHA256()), key, issuer)


ROOT = signed("root", ca=True)
MIDDLE = signed("middle", ROOT, ca=True)
LEAF = signed(HOST, MIDDLE, [HOST])
STRANGER = signed("stranger", ca=True)
EXPIRED = signed(HOST, MIDDLE, [HOST], days=(-9, -2))
NOT_YET = signed(HOST, MIDDLE, [HOST], days=(2, 9))


def server(chain: Sequence[Signed]) -> CertificateOptions:
    """The options of a server that presents these."""
    first, *more = chain
    return CertificateOptions(
        privateKey=crypto.PKey.from_cryptography_key(first.key),
        certificate=first.x509,
        extraCertChain=[each.x509 for each in more],
    )


def verified(chain: Sequence[Signed], *records: TLSARecord, names: Sequence[str] = (HOST,)) -> DANETLS:
    """What a client with these records has found after the handshake with a server that presents these certificates."""
    tls = DANETLS(HOST, records, names)
    context = server(chain).getContext()
    accepting = SSL.Connection(context, None)
    accepting.set_accept_state()
    wrapper = TLSMemoryBIOFactory(tls, True, Factory.forProtocol(Protocol), Clock()).buildProtocol(None)
    connecting = tls.clientConnectionForTLS(cast(TLSMemoryBIOProtocol, wrapper))
    connecting.set_connect_state()
    ends = (connecting, accepting)
    for _ in range(4):
        for one, other in (ends, ends[::-1]):
            with contextlib.suppress(SSL.WantReadError):
                one.do_handshake()
            with contextlib.suppress(SSL.WantReadError):
                other.bio_write(one.bio_read(65536))
    assert accepting.get_servername() == HOST.encode()
    tls.verify(connecting)
    return tls


# ---- DANE-EE (RFC 7672 §3.1.1)


@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching", [0, 1, 2])
def test_the_certificate_of_the_server(selector: int, matching: int) -> None:
    assert verified([LEAF], LEAF.record(DANE_EE, selector, matching)).refused is None
    found = verified([LEAF], STRANGER.record(DANE_EE, selector, matching))
    assert (found.refused, found.result) == (NO_MATCH, "validation-failure")


@pytest.mark.parametrize("leaf", [EXPIRED, NOT_YET, signed("another", None, ["another.test"]), signed("nameless")])
def test_neither_dates_nor_names_nor_authorities_count(leaf: Signed) -> None:
    assert verified([leaf], leaf.record(DANE_EE), names=["yet.another.test"]).refused is None


def test_a_record_for_the_server_does_not_match_what_is_above_it() -> None:
    """Otherwise any server of the same authority would do."""
    for above in (MIDDLE, ROOT):
        assert verified(LEAF.chain, above.record(DANE_EE)).refused == NO_MATCH


def test_one_of_several_records_will_do() -> None:
    assert verified([LEAF], STRANGER.record(DANE_EE), LEAF.record(DANE_EE)).refused is None
    assert verified([LEAF], STRANGER.record(DANE_TA), LEAF.record(DANE_EE)).refused is None


def test_only_the_strongest_digest_counts() -> None:
    """RFC 7671 §9."""
    found = verified([LEAF], LEAF.record(DANE_EE, 1, 1), STRANGER.record(DANE_EE, 1, 2))
    assert found.refused == NO_MATCH


def test_records_of_other_usages_do_not_count() -> None:
    for usage in (0, 1, 4, 255):
        assert verified(LEAF.chain, LEAF.record(usage), STRANGER.record(DANE_EE)).refused == NO_MATCH


# ---- DANE-TA (RFC 7672 §3.1.2)


@pytest.mark.parametrize("anchor", [ROOT, MIDDLE], ids=["root", "middle"])
@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching", [0, 1, 2])
def test_an_authority_that_the_server_sends(anchor: Signed, selector: int, matching: int) -> None:
    assert verified(LEAF.chain, anchor.record(DANE_TA, selector, matching)).refused is None


def test_an_anchor_that_is_not_signed_by_itself_needs_nothing_above_it() -> None:
    """RFC 7671 §5.2.2."""
    assert verified([LEAF, MIDDLE], MIDDLE.record(DANE_TA)).refused is None


def test_an_authority_in_full_need_not_be_sent() -> None:
    assert verified([LEAF], MIDDLE.record(DANE_TA, 0, 0)).refused is None
    assert verified([LEAF, MIDDLE], ROOT.record(DANE_TA, 0, 0)).refused is None


@pytest.mark.parametrize("matching", [1, 2])
def test_an_authority_by_digest_must_be_sent(matching: int) -> None:
    assert verified([LEAF, MIDDLE], ROOT.record(DANE_TA, 0, matching)).refused == NO_MATCH


def test_a_chain_with_a_gap() -> None:
    found = verified([LEAF, ROOT], ROOT.record(DANE_TA))
    assert found.result == "certificate-not-trusted"
    assert str(found.refused).startswith("the certificate is not signed by an authority of a TLSA record: ")


def test_each_certificate_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A domain can have 1,400 records and 350 certificates; to compare each with each would take 10 seconds."""
    read: list[object] = []
    original = crypto.X509.to_cryptography

    def counting(certificate: crypto.X509) -> x509.Certificate:
        read.append(certificate)
        return original(certificate)

    monkeypatch.setattr(crypto.X509, "to_cryptography", counting)
    records = [TLSARecord(DANE_TA, selector, 1, bytes([number]) * 32) for number in range(200) for selector in (0, 1)]
    assert verified(LEAF.chain, *records).refused == NO_MATCH
    assert len(read) == len(LEAF.chain)


def test_an_authority_that_has_not_signed_the_certificate() -> None:
    """The server can send any certificate, such as that of an authority that is known."""
    found = verified([STRANGER, MIDDLE, ROOT], ROOT.record(DANE_TA), names=["stranger"])
    assert found.result == "certificate-not-trusted"
    impostor = signed(HOST, signed("middle", ca=True), [HOST])
    found = verified([impostor, MIDDLE, ROOT], MIDDLE.record(DANE_TA))
    assert found.result == "certificate-not-trusted"


def test_an_authority_in_full_that_has_not_signed_the_certificate() -> None:
    found = verified([STRANGER], ROOT.record(DANE_TA, 0, 0))
    assert found.result == "certificate-not-trusted"


@pytest.mark.parametrize("selector", [0, 1])
def test_a_certificate_that_may_not_sign_is_no_authority(selector: int) -> None:
    """The key of a server could otherwise make certificates for any name."""
    below = signed(HOST, LEAF, [HOST])
    found = verified([below, *LEAF.chain], LEAF.record(DANE_TA, selector))
    assert found.refused is not None
    found = verified([below, *LEAF.chain], ROOT.record(DANE_TA, selector))
    assert found.refused is not None


def test_the_dates_count() -> None:
    found = verified(EXPIRED.chain, ROOT.record(DANE_TA))
    assert (found.refused, found.result) == ("the certificate has expired", "certificate-expired")
    found = verified(NOT_YET.chain, ROOT.record(DANE_TA))
    assert (found.refused, found.result) == ("the certificate is not valid yet", "validation-failure")


def test_the_dates_of_the_authorities_count() -> None:
    middle = signed("old middle", ROOT, ca=True, days=(-9, -2))
    leaf = signed(HOST, middle, [HOST])
    assert verified(leaf.chain, ROOT.record(DANE_TA)).refused is not None


def test_the_order_of_the_other_certificates_does_not_matter() -> None:
    deep = signed(HOST, signed("low", MIDDLE, ca=True), [HOST])
    first, *rest = deep.chain
    assert verified([first, *reversed(rest)], ROOT.record(DANE_TA)).refused is None
    assert verified([first, STRANGER, *reversed(rest)], ROOT.record(DANE_TA)).refused is None


@pytest.mark.parametrize("data", [b"no certificate", b"0", b"\x30\x82\xff\xff", b"\x30\x00"])
def test_a_record_in_full_that_is_no_certificate(data: bytes) -> None:
    broken = TLSARecord(DANE_TA, 0, 0, data)
    assert verified(LEAF.chain, broken).refused == NO_MATCH
    assert verified(LEAF.chain, broken, ROOT.record(DANE_TA)).refused is None


# ---- names (RFC 7672 §3.2.3)


def named(*names: str) -> list[Signed]:
    return signed("x", ROOT, names).chain


@pytest.mark.parametrize(("names", "wanted"), [
    ([HOST], HOST),
    (["MX.Example.NET"], HOST),
    ([HOST], "MX.Example.NET"),
    (["other.test", HOST], HOST),
    (["*.example.net"], HOST),
])  # fmt: skip
def test_the_right_name(names: list[str], wanted: str) -> None:
    assert verified(named(*names), ROOT.record(DANE_TA), names=[wanted]).refused is None


@pytest.mark.parametrize("name", ["other.test", "example.net", "*.net", "*.mx.example.net", "m*.example.net"])
def test_the_wrong_name(name: str) -> None:
    found = verified(named(name), ROOT.record(DANE_TA))
    assert found.refused == f"the certificate is for another name than {HOST}"
    assert found.result == "certificate-host-mismatch"


def test_a_certificate_without_names() -> None:
    assert verified(signed("x", ROOT).chain, ROOT.record(DANE_TA)).result == "certificate-host-mismatch"


def test_one_of_several_names_will_do() -> None:
    """RFC 7672 §3.2.2: that of the exchanger, that of the domain, and what they are aliases of."""
    names = ["base.test", HOST, "example.net"]
    for name in names:
        assert verified(named(name), ROOT.record(DANE_TA), names=names).refused is None


def test_a_name_that_no_certificate_can_have_does_not_hide_the_others() -> None:
    names = ["mx_1.example.net", "192.0.2.1", HOST]
    assert verified(named(HOST), ROOT.record(DANE_TA), names=names).refused is None


# ---- malformed certificates


class Presents:
    """A connection whose peer has presented these."""

    def __init__(self, chain: Sequence[object] | None) -> None:
        self._chain = chain

    def get_peer_cert_chain(self) -> Sequence[object] | None:
        return self._chain


@pytest.mark.parametrize("chain", [None, []])
def test_a_server_that_presents_nothing(chain: Sequence[object] | None) -> None:
    tls = DANETLS(HOST, [LEAF.record(DANE_EE)], [HOST])
    tls.verify(cast(SSL.Connection, Presents(chain)))
    assert tls.refused == "the server has presented no certificate"


@pytest.mark.parametrize("usage", [DANE_TA, DANE_EE])
def test_a_certificate_that_cannot_be_read(usage: int) -> None:
    class Broken:
        def to_cryptography(self) -> x509.Certificate:
            raise ValueError("malformed")

    tls = DANETLS(HOST, [LEAF.record(usage)], [HOST])
    tls.verify(cast(SSL.Connection, Presents([Broken()])))
    assert tls.refused == "the certificate cannot be verified: malformed"
    assert tls.result == "validation-failure"


def test_each_connection_is_verified_anew() -> None:
    tls = DANETLS(HOST, [ROOT.record(DANE_TA)], [HOST])
    for chain, result in ((named("other.test"), "certificate-host-mismatch"), (LEAF.chain, "validation-failure")):
        tls.clientConnectionForTLS(cast(TLSMemoryBIOProtocol, None))
        assert (tls.refused, tls.result) == (None, "validation-failure")
        tls.verify(cast(SSL.Connection, Presents([each.x509 for each in chain])))
        assert tls.result == result
    assert tls.refused is None


# ---- a client

OFFERS = ["PIPELINING", "STARTTLS", "AUTH PLAIN", "REQUIRETLS"]


def test_a_server_that_matches_gets_the_mail(network: Networks) -> None:
    net = network(offers=OFFERS, tls=server([LEAF]))
    client = net.greeted()
    state = net.result(client.start_tls(DANETLS(HOST, [LEAF.record(DANE_EE)], [HOST])))
    assert state.verified
    assert len(net.result(client.send("a@example.org", ["b@example.net"], b"x\r\n")).accepted) == 1
    assert net.servers[0].tls


@pytest.mark.parametrize("usage", [DANE_TA, DANE_EE])
def test_a_server_that_does_not_match_gets_no_octet(network: Networks, usage: int) -> None:
    net = network(offers=OFFERS, tls=server([LEAF]))
    client = net.greeted()
    with pytest.raises(TLSFailed, match=NO_MATCH):
        net.result(client.start_tls(DANETLS(HOST, [STRANGER.record(usage)], [HOST])))
    assert net.servers[0].verbs == ["EHLO", "STARTTLS"]
    assert net.servers[0].lost
    assert client.tls is None
    with pytest.raises(TLSFailed, match=NO_MATCH):
        net.result(client.send("a@example.org", ["b@example.net"], b"x\r\n"))
    assert net.servers[0].verbs == ["EHLO", "STARTTLS"]


def test_requiretls_needs_a_name_that_cannot_be_forged(network: Networks) -> None:
    """RFC 8689 §4.2.1: the name of the exchanger itself must be authentic."""
    asked = MailOptions(requiretls=True)
    for authenticates in (True, False):
        net = network(offers=OFFERS, tls=server([LEAF]))
        client = net.greeted()
        tls = DANETLS(HOST, [LEAF.record(DANE_EE)], [HOST], authenticates=authenticates)
        assert net.result(client.start_tls(tls)).verified is authenticates
        sending = client.send("a@example.org", ["b@example.net"], b"x\r\n", asked)
        if authenticates:
            net.result(sending)
        else:
            with pytest.raises(NotOffered, match="REQUIRETLS"):
                net.result(sending)
        assert ("MAIL FROM:<a@example.org> REQUIRETLS" in net.servers[0].lines) is authenticates
