"""Assertions: who else verifies them finds in them what RFC 7523 asks for."""

from __future__ import annotations

import base64
import datetime
import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from txsmtpx.wire import assertion_key
from txsmtpx.wire.assertion_key import LIFETIME, AssertionKey

RSA = rsa.generate_private_key(65537, 2048)
NOW = 1_700_000_000.0


def pem(key, encryption=None) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption()).decode()


def certificate(key) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "client")])
    now = datetime.datetime.now(datetime.UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(1))
    return made.sign(key, SHA256()).public_bytes(Encoding.PEM)


def decoded(key, assertion, algorithm):
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    verifier = (RSAKey if isinstance(key, rsa.RSAPrivateKey) else ECKey).import_key(public)
    return jwt.decode(assertion, verifier, algorithms=[algorithm])


@pytest.mark.parametrize(("key", "algorithm"), [
    (RSA, "RS256"), (ec.generate_private_key(ec.SECP256R1()), "ES256"),
    (ec.generate_private_key(ec.SECP384R1()), "ES384"), (ec.generate_private_key(ec.SECP521R1()), "ES512"),
])  # fmt: skip
def test_the_signature_and_the_claims(key, algorithm):
    signer = AssertionKey(pem(key), key_id="the key")
    signed = [signer.signed("client", "me@example.org", "https://x/", NOW) for _ in range(2)]
    first, second = (decoded(key, each, algorithm) for each in signed)
    assert first.header == {"typ": "JWT", "alg": algorithm, "kid": "the key"}
    assert first.claims.pop("jti") != second.claims.pop("jti")
    assert first.claims == {
        "iss": "client", "sub": "me@example.org", "aud": "https://x/",
        "iat": NOW - LIFETIME / 2, "nbf": NOW - LIFETIME / 2, "exp": NOW + LIFETIME / 2,
    }  # fmt: skip


def test_a_scope():
    claims = decoded(RSA, AssertionKey(pem(RSA)).signed("c", "s", "a", NOW, "https://mail/"), "RS256").claims
    assert claims["scope"] == "https://mail/"


def test_files_and_a_certificate(tmp_path):
    (tmp_path / "key.pem").write_text(pem(RSA))
    (tmp_path / "certificate.pem").write_bytes(certificate(RSA))
    signer = AssertionKey(tmp_path / "key.pem", certificate=str(tmp_path / "certificate.pem"))
    header = decoded(RSA, signer.signed("c", "s", "a", NOW), "PS256").header
    der = x509.load_pem_x509_certificate(certificate(RSA))
    found = x509.load_pem_x509_certificate((tmp_path / "certificate.pem").read_bytes())
    assert found.public_key() == der.public_key()
    thumbprint = base64.urlsafe_b64decode(header["x5t#S256"] + "=")
    assert thumbprint == found.fingerprint(SHA256())


def test_the_certificate_of_another_key(tmp_path):
    (tmp_path / "other.pem").write_bytes(certificate(rsa.generate_private_key(65537, 2048)))
    with pytest.raises(ValueError, match=r"other\.pem is that of another key"):
        AssertionKey(pem(RSA), certificate=tmp_path / "other.pem")


@pytest.mark.parametrize(("text", "why"), [
    (pem(rsa.generate_private_key(65537, 1024)), "neither RSA of 2048 bits or more"),
    (pem(ed25519.Ed25519PrivateKey.generate()), "neither RSA"),
    (pem(ec.generate_private_key(ec.SECP256K1())), "neither RSA"),
    (pem(RSA, BestAvailableEncryption(b"x")), "it is encrypted"),
    (pem(RSA)[:300], "it is no private key in PEM"),
    (certificate(RSA).decode(), "it is no private key in PEM"),
])  # fmt: skip
def test_keys_that_cannot_be_used(text, why):
    with pytest.raises(ValueError, match=why) as raised:
        AssertionKey(text)
    assert not any(line in str(raised.value) for line in text.splitlines()[1:-1])
    assert raised.value.__cause__ is None


def test_other_arguments():
    with pytest.raises(FileNotFoundError):
        AssertionKey("nowhere.pem")
    with pytest.raises(TypeError, match="AssertionKey: key must be PEM or the path of a file, not bytes"):
        AssertionKey(pem(RSA).encode())  # type: ignore[arg-type]


def test_without_joserfc(monkeypatch):
    monkeypatch.setattr(assertion_key, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install 'txsmtpx\[oauth\]'"):
        AssertionKey(pem(RSA))


def test_no_part_of_the_key_is_shown():
    assert repr(AssertionKey(pem(RSA))) == "<AssertionKey RS256>"
    assert json.dumps(pem(RSA))[40:80] not in repr(vars(AssertionKey(pem(RSA))))


def test_an_empty_key():
    with pytest.raises(ValueError, match=r"^key must be PEM or the path of a file, not an empty text$"):
        AssertionKey("")
