"""The signature of a token: which keys and algorithms count, and what is no token."""

from __future__ import annotations

import base64
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws, jwt
from joserfc.jwk import ECKey
from joserfc.jws import JWSRegistry

from tests.logins.issuer import ED, KEY, OTHER, RSA, claims, jwks, token
from txsmtpx.logins.jwk_set import read_keys
from txsmtpx.logins.jwt_signature import MAX_TRIED, KeyUnknown, signed_claims
from txsmtpx.logins.token_rules import TokenRefused

KEYS = read_keys(jwks(KEY, OTHER, RSA, ED))
UNNAMED = ECKey.generate_key("P-256")


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize(("key", "algorithm"), [
    (KEY, "ES256"), (OTHER, "ES256"), (RSA, "RS256"), (RSA, "PS384"), (RSA, "RS512"), (ED, "EdDSA"), (ED, "Ed25519"),
])  # fmt: skip
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # where the test signs
def test_each_algorithm(key, algorithm):
    assert signed_claims(token(key, algorithm), KEYS) == claims()


@pytest.mark.parametrize("typ", ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt", None])
def test_types(typ):
    made = jwt.encode({"alg": "ES256", "kid": "one", **({"typ": typ} if typ else {})}, claims(), KEY, default_type=None)
    assert signed_claims(made, KEYS)["sub"] == "alice"


@pytest.mark.parametrize("typ", ["dpop+jwt", "logout+jwt", "secevent+jwt", "", "x"])
def test_other_types(typ):
    with pytest.raises(TokenRefused, match="another type than an access token"):
        signed_claims(token(header={"typ": typ}), KEYS)


def test_unknown_headers_do_not_matter_unless_they_are_critical():
    lax = JWSRegistry(strict_check_header=False)
    assert signed_claims(jwt.encode({"alg": "ES256", "kid": "one", "own": 1}, claims(), KEY, registry=lax), KEYS)
    header = part({"alg": "ES256", "kid": "one", "crit": ["own"], "own": 1})
    _, payload, signature = token().split(".")
    with pytest.raises(TokenRefused):
        signed_claims(f"{header}.{payload}.{signature}", KEYS)


@pytest.mark.parametrize("algorithm", ["HS256", "HS512", "none", "None", "ES256K", "RSA-OAEP", "", 5, None, ["ES256"]])
def test_a_secret_is_no_key(algorithm):
    """RFC 8725 §2.1: not even if the public key is the secret."""
    signed = f"{part({'alg': algorithm, 'kid': 'one'})}.{part(claims())}"
    digest = hmac.digest(KEY.as_pem(private=False), signed.encode(), "sha256")
    for signature in (b"", digest):
        with pytest.raises(TokenRefused, match=r"^(its algorithm is not accepted|it is no token in the form of JWT)$"):
            signed_claims(f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}", KEYS)


def test_a_wrong_signature():
    header, payload, signature = token().split(".")
    other = part(claims(sub="eve"))
    for forged in (f"{header}.{other}.{signature}", f"{header}.{payload}.", f"{header}.{payload}.AAAA"):
        with pytest.raises(TokenRefused, match=r"^its signature is wrong$"):
            signed_claims(forged, KEYS)


def test_a_key_of_the_same_name_that_is_another():
    impostor = ECKey.generate_key("P-256", {"kid": "one"})
    with pytest.raises(TokenRefused, match=r"^its signature is wrong$"):
        signed_claims(token(impostor), KEYS)


def test_an_unknown_key():
    with pytest.raises(KeyUnknown):
        signed_claims(token(ECKey.generate_key("P-256", {"kid": "three"})), KEYS)
    with pytest.raises(KeyUnknown):
        signed_claims(token(RSA, "RS256", {"kid": "one"}), KEYS)


def test_a_token_that_names_no_key():
    """Each that suits is tried."""
    assert signed_claims(token(OTHER, header={"kid": None}), KEYS)
    with pytest.raises(KeyUnknown):
        signed_claims(token(UNNAMED), KEYS)
    many = read_keys(jwks(*[ECKey.generate_key("P-256") for _ in range(MAX_TRIED)], UNNAMED))
    with pytest.raises(KeyUnknown):
        signed_claims(token(UNNAMED), many)
    assert signed_claims(token(UNNAMED), many[1:])


def test_a_key_for_one_algorithm():
    (key,) = read_keys(json.dumps({"keys": [{**RSA.as_dict(private=False), "alg": "RS256"}]}).encode())
    assert signed_claims(token(RSA, "RS256"), [key])
    with pytest.raises(KeyUnknown):
        signed_claims(token(RSA, "RS384"), [key])


def test_a_key_on_another_curve():
    key = ECKey.generate_key("P-384", {"kid": "one"})
    with pytest.raises(TokenRefused, match=r"^its signature is wrong$"):
        signed_claims(token(), read_keys(jwks(key)))


@pytest.mark.parametrize("text", [
    "", "x", "a.b", "a.b.c", "...", "e30.e30.", "ä.ä.ä", "eyJhbGciOiJFUzI1NiJ9..", "a" * 20_000,
    f"{part({'alg': 5})}.e30.AA", f"{part({'alg': 'ES256', 'kid': {}})}.e30.AA", f"{part([])}.e30.AA",
    f"{part({'alg': 'ES256', 'kid': 'x' * 5000})}.e30.AA", "W" * 5000 + ".e30.AA",
    f"{base64.urlsafe_b64encode(b'[' * 6000).decode()}.e30.AA",
])  # fmt: skip
def test_what_is_no_token(text):
    with pytest.raises(TokenRefused):
        signed_claims(text, KEYS)


@pytest.mark.parametrize("payload", [b"[]", b"5", b"x", b"\xff", b"[" * 5000, b""])
def test_what_is_signed_is_an_object(payload):
    made = jws.serialize_compact({"alg": "ES256", "kid": "one"}, payload, KEY)
    with pytest.raises(TokenRefused, match=r"^it is no token in the form of JWT$"):
        signed_claims(made, KEYS)


@given(st.text() | st.from_regex(r"[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*", fullmatch=True))
def test_any_text_is_refused(text):
    """Guarantee 20."""
    with pytest.raises(TokenRefused):
        signed_claims(text, KEYS)
