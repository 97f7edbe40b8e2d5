"""The names and fingerprints of a certificate; none of one that is missing or malformed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from OpenSSL import crypto

from txsmtpx.testing import issue
from txsmtpx.wire.certificate_facts import certificate_facts


def test_a_certificate(tmp_path: Path) -> None:
    pem = issue(tmp_path, "mail.example.org")
    certificate = crypto.load_certificate(crypto.FILETYPE_PEM, Path(pem.certificate).read_bytes())
    found = certificate_facts(certificate)
    assert found is not None
    assert (found.subject, found.issuer) == ("mail.example.org", "mail.example.org")
    assert found.fingerprint == hashlib.sha256(crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate)).digest()
    key = crypto.dump_publickey(crypto.FILETYPE_ASN1, certificate.get_pubkey())
    assert found.key_fingerprint == hashlib.sha256(key).digest()


@pytest.mark.parametrize("certificate", [None, ""])
def test_no_certificate(certificate: object) -> None:
    assert certificate_facts(certificate) is None
