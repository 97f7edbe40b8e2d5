"""Certificates for tests: whom they name, how long they are valid, and who trusts them."""

from __future__ import annotations

import datetime
import ipaddress
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from twisted.internet.ssl import PrivateCertificate
from twisted.internet.task import Clock

from txsmtpx.testing import Link, ScriptedServer
from txsmtpx.testing.certificate import NoCertificate, issue


def shown(pem):
    return x509.load_pem_x509_certificate(pem.certificate.read_bytes())


def named(certificate, kind=x509.DNSName):
    extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return extension.value.get_values_for_type(kind)


def test_the_files(tmp_path):
    """The key is that of the certificate, and needs no password; the third file has both."""
    pem = issue(tmp_path, "mx")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["mx.crt", "mx.key", "mx.pem"]
    key = load_pem_private_key(pem.key.read_bytes(), None)
    assert key.public_key() == shown(pem).public_key()
    assert pem.both.read_bytes() == pem.certificate.read_bytes() + pem.key.read_bytes()


def test_localhost_by_default(tmp_path):
    certificate = shown(issue(tmp_path))
    assert certificate.subject == certificate.issuer
    assert certificate.subject.rfc4514_string() == "CN=localhost"
    assert named(certificate) == ["localhost"]
    assert named(certificate, x509.IPAddress) == [ipaddress.ip_address("127.0.0.1")]


def test_other_names(tmp_path):
    """The subject is no name that counts, once names are given."""
    certificate = shown(issue(tmp_path, "mx", "a.example", "*.b.example"))
    assert certificate.subject.rfc4514_string() == "CN=mx"
    assert named(certificate) == ["a.example", "*.b.example"]
    assert named(certificate, x509.IPAddress) == []


def test_no_name(tmp_path):
    with pytest.raises(x509.ExtensionNotFound):
        named(shown(issue(tmp_path, "mx", "")))


@pytest.mark.parametrize("days", [1, 30])
def test_how_long_it_is_valid(tmp_path, days):
    """From a day ago, for clocks that differ."""
    certificate = shown(issue(tmp_path, days=days))
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    assert abs(certificate.not_valid_before_utc - (now - day)) < day / 24
    assert abs(certificate.not_valid_after_utc - (now + days * day)) < day / 24


def test_an_expired_one(tmp_path):
    certificate = shown(issue(tmp_path, days=-0.5))
    assert certificate.not_valid_before_utc < certificate.not_valid_after_utc
    assert certificate.not_valid_after_utc < datetime.datetime.now(datetime.UTC)


def handshake(pem, trusting):
    options = PrivateCertificate.loadPEM(pem.both.read_bytes()).options()
    link = Link(ScriptedServer(tls=options), Clock())
    link.ask("STARTTLS")
    link.start_tls(trusting.client_options())
    said = link.ask("NOOP")
    link.hang_up()
    return said


def test_a_client_of_twisted_trusts_it_and_no_other(tmp_path):
    one, other, misnamed = issue(tmp_path, "one"), issue(tmp_path, "other"), issue(tmp_path, "mx", "mx.example")
    assert handshake(one, one) == ["250 2.0.0 Ok"]
    assert handshake(one, other) == []
    assert handshake(misnamed, misnamed) == []


def test_a_client_of_ssl_trusts_it_and_no_other(tmp_path):
    pem = issue(tmp_path)
    context = pem.client_context()
    assert context.check_hostname
    assert context.verify_mode == ssl.CERT_REQUIRED
    (trusted,) = context.get_ca_certs(binary_form=True)
    assert trusted == ssl.PEM_cert_to_DER_cert(pem.certificate.read_text())


def test_no_certificate():
    with pytest.raises(NotImplementedError):
        NoCertificate().serverConnectionForTLS(None)
