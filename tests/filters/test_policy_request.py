"""The attributes of a request: those of Postfix, whatever is known of a client."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from OpenSSL import crypto
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress

from txsmtpx import MailOptions
from txsmtpx.filters.policy_message import encode
from txsmtpx.filters.policy_request import Envelope, State, attributes
from txsmtpx.filters.reverse_name import ReverseName
from txsmtpx.interfaces import Connection
from txsmtpx.testing import issue

OF_POSTFIX = [
    "request", "protocol_state", "protocol_name", "client_address", "client_name", "client_port", "reverse_client_name",
    "server_address", "server_port", "helo_name", "sender", "recipient", "recipient_count", "queue_id", "instance",
    "size", "etrn_domain", "stress", "sasl_method", "sasl_username", "sasl_sender", "ccert_subject", "ccert_issuer",
    "ccert_fingerprint", "ccert_pubkey_fingerprint", "encryption_protocol", "encryption_cipher", "encryption_keysize",
    "policy_context",
]  # fmt: skip
"""What Postfix 3.7 sends, but for compatibility_level and mail_version, which are its own."""


def connection(host: str = "192.0.2.1") -> Connection:
    made = Connection("S1", "mail.example.org", lmtp=False)
    kind = IPv6Address if ":" in host else IPv4Address
    made.peer = kind("TCP", host, 4321)
    made.host = kind("TCP", "2001:db8::25" if ":" in host else "192.0.2.25", 25)
    made.helo, made.extended = "client.example", True
    return made


@dataclass
class Encrypted:
    """What a connection has negotiated."""

    peer_certificate: object
    verified: bool
    version: str = "TLSv1.3"
    cipher: str = "TLS_AES_256_GCM_SHA384"
    cipher_bits: int = 256
    peer_names: tuple[str, ...] = ()
    bindings: dict[str, bytes] = field(default_factory=dict)


def test_all_attributes_of_postfix() -> None:
    found = attributes(connection(), "RCPT", Envelope("S1.1"), None, "")
    assert sorted(found) == sorted(OF_POSTFIX)
    assert encode(found).endswith(b"\n\n")


def test_a_recipient() -> None:
    name = ReverseName("client.example", ("other.example", "client.example"))
    envelope = Envelope("S1.1", "a@example.org", MailOptions(size=123), "b@example.net", size=123)
    found = attributes(connection(), "RCPT", envelope, name, "mx")
    assert {key: value for key, value in found.items() if value} == {
        "request": "smtpd_access_policy",
        "protocol_state": "RCPT",
        "protocol_name": "ESMTP",
        "client_address": "192.0.2.1",
        "client_name": "client.example",
        "client_port": "4321",
        "reverse_client_name": "other.example",
        "server_address": "192.0.2.25",
        "server_port": "25",
        "helo_name": "client.example",
        "sender": "a@example.org",
        "recipient": "b@example.net",
        "recipient_count": "0",
        "instance": "S1.1",
        "size": "123",
        "encryption_keysize": "0",
        "policy_context": "mx",
    }


@pytest.mark.parametrize(("name", "known", "reverse"), [
    (None, "unknown", "unknown"),
    (ReverseName("", ("forged.example",)), "unknown", "forged.example"),
    (ReverseName("", failed=True), "unknown", "unknown"),
])  # fmt: skip
def test_a_client_without_a_confirmed_name(name: ReverseName | None, known: str, reverse: str) -> None:
    found = attributes(connection("2001:db8::1"), "RCPT", Envelope("S1.1"), name, "")
    assert (found["client_name"], found["reverse_client_name"]) == (known, reverse)
    assert (found["client_address"], found["server_address"]) == ("2001:db8::1", "2001:db8::25")


def test_a_client_on_a_unix_socket() -> None:
    made = connection()
    made.peer = made.host = UNIXAddress(b"/run/x.sock")
    found = attributes(made, "RCPT", Envelope("S1.1"), None, "")
    assert (found["client_name"], found["client_address"], found["client_port"]) == ("localhost", "127.0.0.1", "")
    assert (found["server_address"], found["server_port"]) == ("", "")


@pytest.mark.parametrize(("extended", "stage", "protocol"), [
    (False, "CONNECT", "SMTP"),
    (True, "EHLO", "SMTP"),
    (False, "RCPT", "SMTP"),
    (True, "RCPT", "ESMTP"),
    (True, "END-OF-MESSAGE", "ESMTP"),
])  # fmt: skip
def test_the_stage(extended: bool, stage: State, protocol: str) -> None:
    made = connection()
    made.extended = extended
    found = attributes(made, stage, Envelope("S1.0"), None, "")
    assert (found["protocol_state"], found["protocol_name"]) == (stage, protocol)


def test_a_message() -> None:
    envelope = Envelope("S1.1", "a@example.org", MailOptions(), "", 3, 456, "Q1")
    found = attributes(connection(), "END-OF-MESSAGE", envelope, None, "")
    assert (found["recipient_count"], found["size"], found["queue_id"], found["recipient"]) == ("3", "456", "Q1", "")


def test_a_login() -> None:
    made = connection()
    made.username, made.mechanism = "ann", "PLAIN"
    found = attributes(made, "RCPT", Envelope("S1.1", options=MailOptions(auth="bob@example.org")), None, "")
    assert [found[f"sasl_{each}"] for each in ("method", "username", "sender")] == ["PLAIN", "ann", "bob@example.org"]


@pytest.mark.parametrize("verified", [True, False])
def test_a_certificate(tmp_path: Path, verified: bool) -> None:
    pem = issue(tmp_path, "ann+bob.example")
    certificate = crypto.load_certificate(crypto.FILETYPE_PEM, Path(pem.certificate).read_bytes())
    made = connection()
    made.tls = Encrypted(certificate, verified)
    found = attributes(made, "RCPT", Envelope("S1.1"), None, "")
    assert (found["encryption_protocol"], found["encryption_cipher"]) == ("TLSv1.3", "TLS_AES_256_GCM_SHA384")
    assert found["encryption_keysize"] == "256"
    digest = certificate.to_cryptography().fingerprint(SHA256()).hex().upper()
    assert found["ccert_fingerprint"].replace(":", "") == digest
    assert re.fullmatch("([0-9A-F]{2}:){31}[0-9A-F]{2}", found["ccert_pubkey_fingerprint"])
    names = (found["ccert_subject"], found["ccert_issuer"])
    assert names == (("ann+2Bbob.example",) * 2 if verified else ("", ""))


def test_tls_without_a_certificate() -> None:
    made = connection()
    made.tls = Encrypted(None, verified=False)
    found = attributes(made, "RCPT", Envelope("S1.1"), None, "")
    assert (found["encryption_protocol"], found["ccert_fingerprint"], found["ccert_subject"]) == ("TLSv1.3", "", "")
