"""Keys, their records, and what is no key or no place for one."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_public_key,
)

from txsmtpx.wire.dkim_key import DKIMKey, DKIMKeys

RSA = DKIMKey.generated("2030a", "Example.org")


def pem(key, encryption=None) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())


def keep(directory: Path, *keys: DKIMKey) -> None:
    for key in keys:
        file = directory / f"{key.record_name}.pem"
        file.write_bytes(key.pem)
        file.chmod(0o600)


def test_the_record_of_a_key() -> None:
    """RFC 6376 §3.6.1, RFC 8463 §4."""
    assert RSA.record_name == "2030a._domainkey.example.org"
    kind, _, octets = RSA.record.partition("; p=")
    assert kind == "v=DKIM1; k=rsa"
    assert load_der_public_key(base64.b64decode(octets)) == RSA.private.public_key()
    key = DKIMKey.generated("b", "bücher.example", "ed25519")
    assert key.record_name == "b._domainkey.xn--bcher-kva.example"
    assert len(base64.b64decode(key.record.removeprefix("v=DKIM1; k=ed25519; p="))) == 32


def test_it_shows_no_part_of_the_key() -> None:
    assert repr(RSA) == "<DKIMKey 2030a._domainkey.example.org rsa-sha256>"


@pytest.mark.parametrize(
    ("selector", "domain", "octets", "why"),
    [
        ("a b", "example.org", RSA.pem, "the selector must be labels of a domain name, not 'a b'"),
        ("a", "example..org", RSA.pem, "example..org"),
        ("a", "example.org", b"x", "it is no private key in PEM"),
        ("a", "example.org", pem(rsa.generate_private_key(65537, 1024), BestAvailableEncryption(b"x")), "encrypted"),
        ("a", "example.org", pem(ec.generate_private_key(ec.SECP256R1())), "it is neither RSA nor Ed25519"),
    ],
)
def test_what_is_no_key(selector: str, domain: str, octets: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        DKIMKey(selector, domain, octets)


def test_a_kind_that_there_is_not() -> None:
    with pytest.raises(ValueError, match=r"^the kind of a key is rsa or ed25519, not 'dsa'$"):
        DKIMKey.generated("a", "example.org", "dsa")


def test_the_nearest_domain_signs(tmp_path: Path) -> None:
    other = DKIMKey.generated("2030b", "example.org", "ed25519")
    above = DKIMKey.generated("x", "lists.example.org", "ed25519")
    keep(tmp_path, RSA, other, above)
    keys = DKIMKeys(tmp_path)
    named = {
        "example.org": ["2030a", "2030b"], "EXAMPLE.ORG": ["2030a", "2030b"], "a.example.org": ["2030a", "2030b"],
        "b.lists.example.org": ["x"], "example.com": [], "badexample.org": [], "": [],
    }  # fmt: skip
    assert {domain: [key.selector for key in keys.of(domain)] for domain in named} == named
    assert keys.of("a..b") == ()


def test_keys_are_read_again(tmp_path: Path) -> None:
    keep(tmp_path, RSA)
    keys = DKIMKeys(str(tmp_path))
    keep(tmp_path, DKIMKey.generated("new", "example.org", "ed25519"))
    keys.reload()
    assert [key.selector for key in keys.of("example.org")] == ["2030a", "new"]
    for file in tmp_path.iterdir():
        file.unlink()
    with pytest.raises(ValueError, match=r"has no key, such as 2030a\._domainkey\.example\.org\.pem$"):
        keys.reload()
    assert len(keys.of("example.org")) == 2


@pytest.mark.parametrize(
    ("name", "content", "mode", "why"),
    [
        ("key.pem", RSA.pem, 0o600, r"key\.pem: the name of a key is SELECTOR\._domainkey\.DOMAIN\.pem"),
        ("a._domainkey.example.org.pem", b"x", 0o600, r"\.pem: the key cannot be used: it is no private key in PEM"),
        ("a._domainkey.example.org.pem", RSA.pem, 0o644, r"\.pem: other users can read the key; run chmod 600"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path: Path, name: str, content: bytes, mode: int, why: str) -> None:
    (tmp_path / name).write_bytes(content)
    (tmp_path / name).chmod(mode)
    with pytest.raises(ValueError, match=why):
        DKIMKeys(tmp_path)


def test_a_directory_that_is_missing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name in ("nowhere", "file"):
        with pytest.raises(ValueError, match=rf"^there is no directory .*/{name}; write the one that has the keys$"):
            DKIMKeys(tmp_path / name)
