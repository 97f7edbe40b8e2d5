"""What a server stores of a password for SCRAM (RFC 5802 §3), compared with the RFCs and with another library."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
import scramp

from txsmtpx.sasl.scram_verifier import (
    HASHES,
    ITERATIONS,
    LEAST_ITERATIONS,
    MOST_ITERATIONS,
    SALT_OCTETS,
    ScramVerifier,
    client_key,
    made_up,
    salted_password,
    verifier_for,
    verifier_of,
)

MECHANISMS = pytest.mark.parametrize("mechanism", HASHES)

EXAMPLES = {  # RFC 5802 §5, RFC 7677 §3: the salt, what is signed, the client's proof, the server's signature
    "SCRAM-SHA-1": (
        "QSXCR+Q6sek8bf92",
        "n=user,r=fyko+d2lbbFgONRv9qkxdawL,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096,"
        "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j",
        "v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
        "rmF9pqV8S7suAoZWja4dJRkFsKQ=",
    ),
    "SCRAM-SHA-256": (
        "W22ZaJ0SNY7soEsUEjb6gQ==",
        "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
        "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
        "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    ),
}


@pytest.mark.parametrize("mechanism", EXAMPLES)
def test_the_example_of_the_rfc(mechanism):
    salt, signed, proof, signature = EXAMPLES[mechanism]
    algorithm = HASHES[mechanism]
    verifier = verifier_for(mechanism, b"pencil", base64.b64decode(salt), 4096)
    client_signature = hmac.digest(verifier.stored_key, signed.encode(), algorithm)
    key = bytes(a ^ b for a, b in zip(base64.b64decode(proof), client_signature, strict=True))
    assert hashlib.new(algorithm, key).digest() == verifier.stored_key
    assert base64.b64encode(hmac.digest(verifier.server_key, signed.encode(), algorithm)).decode() == signature


@MECHANISMS
@pytest.mark.parametrize("password", ["pencil", "m²", "I\u00adX"])
def test_as_another_library_computes_it(mechanism, password):
    salt = b"0123456789abcdef"
    _, stored_key, server_key, iterations = scramp.ScramMechanism(mechanism).make_auth_info(password, 4096, salt)
    assert verifier_for(mechanism, password.encode(), salt, 4096) == (salt, stored_key, server_key, iterations)


@MECHANISMS
def test_in_steps_it_is_the_same(mechanism):
    salted = salted_password(mechanism, b"pencil", b"s" * 16, 4096)
    verifier = verifier_of(mechanism, salted, b"s" * 16, 4096)
    assert verifier == verifier_for(mechanism, b"pencil", b"s" * 16, 4096)
    assert hashlib.new(HASHES[mechanism], client_key(mechanism, salted)).digest() == verifier.stored_key


def test_a_password_that_saslprep_prohibits():
    with pytest.raises(ValueError, match=r"."):
        verifier_for("SCRAM-SHA-256", "pen\u200ecil".encode(), b"s" * 16)


def test_the_iterations_of_a_new_password_are_between_the_limits():
    assert LEAST_ITERATIONS <= ITERATIONS <= MOST_ITERATIONS
    assert verifier_for("SCRAM-SHA-256", b"pencil", b"s" * 16).iterations == ITERATIONS


def test_no_key_is_shown():
    assert repr(ScramVerifier(b"salt", b"stored", b"server", 4096)) == "<ScramVerifier of 4096 iterations>"


@MECHANISMS
def test_an_unknown_user_has_a_verifier_of_the_same_form(mechanism):
    known = verifier_for(mechanism, b"pencil", b"s" * SALT_OCTETS)
    unknown = made_up(b"secret", "mallory", mechanism)
    assert [len(each) for each in unknown[:3]] == [len(each) for each in known[:3]]
    assert unknown.iterations == known.iterations
    assert made_up(b"secret", "mallory", mechanism, 5000, 12)[0::3] == (unknown.salt[:12], 5000)


@MECHANISMS
def test_an_unknown_user_always_has_the_same_and_no_other_has_it(mechanism):
    verifiers = [made_up(secret, name, mechanism) for secret in (b"one", b"two") for name in ("eve", "mallory")]
    assert verifiers[0] == made_up(b"one", "eve", mechanism)
    assert len({verifier.salt for verifier in verifiers}) == 4
    assert len({each for verifier in verifiers for each in verifier[:3]}) == 12
