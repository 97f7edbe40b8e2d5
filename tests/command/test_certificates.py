"""The certificates of ``--tls-self-signed``: one for each domain, the same in a parent and in its workers."""

from __future__ import annotations

from txsmtpx.command.certificates import SelfSignedCertificates


def test_one_for_each_domain():
    made = SelfSignedCertificates()
    one, same, other = (made.certificate(domain, None) for domain in ("a.example", "a.example", "b.example"))
    assert one.fingerprint == same.fingerprint != other.fingerprint
    assert (one.names, other.names) == (("localhost", "a.example"), ("localhost", "b.example"))


def test_a_worker_has_those_of_its_parent():
    parent = SelfSignedCertificates()
    one = parent.certificate("a.example", None)
    worker = SelfSignedCertificates(parent.to_octets())
    assert worker.certificate("a.example", None).fingerprint == one.fingerprint


def test_without_any_there_is_nothing_to_hand_over():
    assert SelfSignedCertificates().to_octets() == b""
