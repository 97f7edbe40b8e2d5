"""What a connection has negotiated by TLS: names in certificates, and channel bindings."""

from __future__ import annotations

import datetime
import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256, SHA512
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL, crypto

from tests.wire.tls_link import tls_link
from txsmtpx.wire.handshake import tls_connection
from txsmtpx.wire.tls_state import TLSState, channel_bindings


class Connection:
    """A connection of OpenSSL, of which a test says everything."""

    def __init__(self, certificate=None, verify=SSL.VERIFY_PEER, version="TLSv1.3", own=None):
        self._certificate, self._verify, self._version, self._own = certificate, verify, version, own

    def get_protocol_version_name(self):
        return self._version

    def get_cipher_bits(self):
        return 256

    def get_cipher_name(self):
        return "TLS_AES_256_GCM_SHA384"

    def get_peer_certificate(self, as_cryptography=False):
        if as_cryptography or self._certificate is None:
            return self._certificate
        return crypto.X509.from_cryptography(self._certificate)

    def get_certificate(self, as_cryptography=False):
        return self._own

    def get_verify_mode(self):
        return self._verify

    def export_keying_material(self, label, octets):
        assert label == b"EXPORTER-Channel-Binding"
        return b"k" * octets


KEY = ec.generate_private_key(ec.SECP256R1())


def signed(common=(), alternative=(), algorithm=None):
    """A certificate with these names."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, each) for each in common])
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(KEY.public_key())
    builder = builder.serial_number(1).not_valid_before(now - day).not_valid_after(now + day)
    if alternative:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternative), False)
    return builder.sign(KEY, algorithm or SHA256())


MAIL, HOST = x509.RFC822Name("me@example.org"), x509.DNSName("client.example.org")


@pytest.mark.parametrize(("common", "alternative", "names"), [
    ([], [], ()),
    (["Me"], [], ("Me",)),
    (["Me", "I"], [HOST, MAIL], ("me@example.org", "client.example.org", "Me", "I")),
    (["client.example.org"], [HOST], ("client.example.org",)),
    ([], [x509.UniformResourceIdentifier("https://example.org")], ()),
])  # fmt: skip
def test_the_names_in_a_certificate(common, alternative, names):
    """E-mail addresses, DNS names, the common name; each once."""
    assert TLSState(Connection(signed(common, alternative))).peer_names == names


@pytest.mark.parametrize(("shown", "verify", "verified"), [
    (True, SSL.VERIFY_PEER, True), (True, SSL.VERIFY_NONE, False), (False, SSL.VERIFY_PEER, False),
])  # fmt: skip
def test_verified_is_a_certificate_that_was_asked_for(shown, verify, verified):
    state = TLSState(Connection(signed(["Me"]) if shown else None, verify))
    assert state.verified is verified
    assert (state.peer_certificate is not None) is shown
    assert state.peer_names == (("Me",) if shown else ())


def test_what_was_negotiated_is_shown():
    state = TLSState(Connection())
    assert (state.version, state.cipher) == ("TLSv1.3", "TLS_AES_256_GCM_SHA384")
    assert repr(state) == "<TLSState TLSv1.3 TLS_AES_256_GCM_SHA384>"


# ---- channel bindings


@pytest.mark.parametrize(("algorithm", "digest"), [(SHA256(), "sha256"), (SHA512(), "sha512")])
@pytest.mark.parametrize("server", [False, True])
def test_the_end_point_is_the_hash_of_the_servers_certificate(algorithm, digest, server):
    """RFC 5929 §4.1: by the algorithm of its signature."""
    own, other = signed(["server"], algorithm=algorithm), signed(["client"])
    connection = Connection(other, own=own) if server else Connection(own, own=other)
    octets = own.public_bytes(Encoding.DER)
    assert channel_bindings(connection, server)["tls-server-end-point"] == hashlib.new(digest, octets).digest()


@pytest.mark.parametrize(("version", "names"), [
    ("TLSv1.3", ["tls-exporter", "tls-server-end-point"]), ("TLSv1.2", ["tls-server-end-point"]),
])  # fmt: skip
def test_the_exporter_needs_tls_1_3(version, names):
    """RFC 9266 §4.2; the best stands first."""
    bindings = channel_bindings(Connection(signed(["server"]), version=version))
    assert list(bindings) == names
    assert all(bindings.values())


def test_without_a_certificate_there_is_no_end_point():
    assert list(channel_bindings(Connection())) == ["tls-exporter"]


def test_both_ends_have_the_same(certificate, pem):
    link = tls_link(certificate, pem)
    server = TLSState(tls_connection(link.server), server=True)
    client = TLSState(tls_connection(link.client.transport))
    assert server.bindings == client.bindings
    assert len(client.bindings) == 2
    assert client.peer_names == ("localhost",)
    assert client.peer_certificate is not None
    assert server.peer_certificate is None
    link.hang_up()


def test_a_lost_connection_has_none():
    state = TLSState(Connection(signed(["server"])))
    state.lost()
    assert state.bindings == {}


def test_what_was_asked_for_before_the_loss_stays():
    state = TLSState(Connection(signed(["server"])))
    before = state.bindings
    state.lost()
    assert state.bindings is before


def test_the_bits_of_the_cipher():
    state = TLSState(Connection())
    assert state.cipher_bits == 256
    state.lost()
    assert state.cipher_bits == 0
