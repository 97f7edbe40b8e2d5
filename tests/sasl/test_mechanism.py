"""What the mechanisms of a server share: prepared names and passwords, and the hashes that a system has."""

from __future__ import annotations

import pytest
from twisted.cred.credentials import IUsernamePassword

from txsmtpx import Fault, NotOffered, SMTPError
from txsmtpx.sasl.mechanism import Mechanism, UsernamePassword, both_forms, computes, need, prepared

UNPREPARED = "al\u200eice"
"""What SASLprep prohibits: a mark for the direction of text."""


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256", "sha512"])
def test_a_hash_that_this_system_computes(algorithm):
    assert computes(algorithm)
    need("X", algorithm)


def test_a_hash_that_this_system_lacks():
    assert not computes("md2000")
    with pytest.raises(NotOffered, match=r"^AUTH X-MECHANISM needs MD2000, which this system lacks$") as lacking:
        need("X-MECHANISM", "md2000")
    assert (lacking.value.command, lacking.value.fault) == ("AUTH", Fault.CALLER)


@pytest.mark.parametrize("given", ["al\u00adice\u00a0x", "al\u00adice\u00a0x".encode()])
def test_a_name_is_prepared(given):
    assert prepared(given) == b"alice x"


@pytest.mark.parametrize("given", [UNPREPARED, UNPREPARED.encode(), b"\xff"])
def test_a_name_that_cannot_be_prepared(given):
    with pytest.raises(ValueError, match=r"."):
        prepared(given)


@pytest.mark.parametrize(("password", "forms"), [
    ("secret", (b"secret", b"secret")), (b"m\xc2\xb2", (b"m2", b"m\xc2\xb2")),
    (UNPREPARED, (UNPREPARED.encode(), UNPREPARED.encode())), (b"\xff", (b"\xff", b"\xff")),
])  # fmt: skip
def test_both_forms_of_a_stored_password(password, forms):
    assert both_forms(password) == forms


@pytest.mark.parametrize(("sent", "stored", "right"), [
    ("secret", "secret", True), ("secret", b"secret", True), ("secret", "Secret", False), ("secret", "", False),
    ("m²", "m²", True), ("m2", "m²", True), ("se\u00adcret", "secret", True), ("secret", "se\u00adcret", True),
    ("x", b"\xff", False), ("x", UNPREPARED, False),
])  # fmt: skip
def test_a_password_is_compared_prepared_and_as_it_was_typed(sent, stored, right):
    credentials = UsernamePassword.prepared(b"alice", sent.encode())
    assert credentials.checkPassword(stored) is right


@pytest.mark.parametrize(("name", "password"), [(UNPREPARED, "x"), ("alice", UNPREPARED)])
def test_what_cannot_be_prepared_is_a_failed_login(name, password):
    """Guarantee 7: as any other."""
    with pytest.raises(SMTPError) as failed:
        UsernamePassword.prepared(name.encode(), password.encode())
    assert str(failed.value) == "535 5.7.8 Authentication credentials invalid"
    assert failed.value.__cause__ is None
    assert failed.value.__suppress_context__


def test_credentials_are_those_of_cred_and_show_no_password():
    credentials = UsernamePassword(b"alice", b"secret")
    assert IUsernamePassword.providedBy(credentials)
    assert repr(credentials) == "<UsernamePassword b'alice'>"


def test_a_mechanism_is_allowed_by_any_connection_and_any_backend_unless_it_says_otherwise():
    mechanism = Mechanism("X", IUsernamePassword, lambda connection, backend: None)
    assert mechanism.available(None)
    assert mechanism.suits(None)
    assert not mechanism.server_first
