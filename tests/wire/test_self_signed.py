"""A certificate that the server signs itself."""

from __future__ import annotations

import contextlib
import hashlib
import ssl

import pytest
from OpenSSL import SSL

from txsmtpx.testing import issue
from txsmtpx.wire.self_signed import SelfSignedCertificate


def der(certificate: SelfSignedCertificate) -> bytes:
    return ssl.PEM_cert_to_DER_cert(certificate.to_pem().decode().partition("-----BEGIN PRIVATE KEY")[0].strip())


def handshake(certificate: SelfSignedCertificate, name: str, trusted: bytes) -> None:
    """A client that trusts one certificate, and verifies a name, in memory."""
    context = ssl.create_default_context(cadata=trusted.decode())
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(to_client, to_server, server_hostname=name)
    server = certificate.serverConnectionForTLS(None)
    server.set_accept_state()
    for _ in range(4):
        with contextlib.suppress(ssl.SSLWantReadError):
            client.do_handshake()
        if sent := to_server.read():
            server.bio_write(sent)
        with contextlib.suppress(SSL.WantReadError):
            server.do_handshake()
        with contextlib.suppress(SSL.WantReadError):
            to_client.write(server.bio_read(1 << 16))
    client.do_handshake()


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1", "mx.example.org"])
def test_a_client_that_trusts_it_verifies_each_name(name):
    certificate = SelfSignedCertificate("mx.example.org")
    handshake(certificate, name, certificate.to_pem())
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(certificate, "other.example", certificate.to_pem())
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(certificate, name, SelfSignedCertificate("mx.example.org").to_pem())


@pytest.mark.parametrize(
    ("domain", "names", "addresses"),
    [
        ("", ("localhost",), ("127.0.0.1", "::1")),
        ("localhost", ("localhost",), ("127.0.0.1", "::1")),
        ("Bücher.example", ("localhost", "xn--bcher-kva.example"), ("127.0.0.1", "::1")),
        ("[192.0.2.1]", ("localhost",), ("127.0.0.1", "::1", "192.0.2.1")),
        ("[IPv6:2001:db8::1]", ("localhost",), ("127.0.0.1", "::1", "2001:db8::1")),
        ("my_host", ("localhost", "my_host"), ("127.0.0.1", "::1")),
    ],
)  # fmt: skip
def test_its_names(domain, names, addresses):
    certificate = SelfSignedCertificate(domain)
    assert (certificate.names, certificate.addresses) == (names, addresses)


def test_its_fingerprint_is_that_of_openssl():
    certificate = SelfSignedCertificate()
    assert certificate.fingerprint.replace(":", "").lower() == hashlib.sha256(der(certificate)).hexdigest()


def test_another_process_has_the_same():
    certificate = SelfSignedCertificate("mx.example.org")
    other = SelfSignedCertificate("mx.example.org", pem=certificate.to_pem())
    assert (other.fingerprint, other.names) == (certificate.fingerprint, certificate.names)
    handshake(other, "mx.example.org", certificate.to_pem())


def test_it_stays_when_files_are_read_again(tmp_path):
    authority = issue(tmp_path, "authority")
    certificate = SelfSignedCertificate(client_ca=authority.certificate)
    before = certificate.fingerprint
    certificate.reload()
    assert certificate.fingerprint == before
    handshake(certificate, "localhost", certificate.to_pem())
    authority.certificate.write_text("")
    with pytest.raises(ValueError, match="no usable certificate in"):
        certificate.reload()
