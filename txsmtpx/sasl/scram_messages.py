"""
SCRAM's messages (RFC 5802 §7), and what is proved by them (§3).

By hashlib and hmac rather than by ``scramp``, the library for it: as of 1.4.18 and 1.5.0 that takes no channel binding
called tls-exporter, on either side, and TLS 1.3 has no better one.  The tests hold both against each other.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import NamedTuple

from txsmtpx.sasl.saslprep import saslprep
from txsmtpx.sasl.scram_verifier import HASHES, LEAST_ITERATIONS, MOST_ITERATIONS, ScramVerifier

_DIGITS = len(str(MOST_ITERATIONS))

_NAME = r"(?:[^,=\0]|=2C|=3D)+"
_NONCE = r"[!-+\--~]+"
_BASE64 = r"[A-Za-z0-9+/]+={0,2}"
_MORE = r"(?:,[A-Zbdf-hj-loqtuw-z]=[^,\0]+)*"  # letters with no meaning yet, to be ignored (§5.1); m= never is

_CLIENT_FIRST = re.compile(rf"(([ny]|p=[A-Za-z0-9.-]+),(?:a=({_NAME}))?,)(n=({_NAME}),r=({_NONCE}){_MORE})")
_SERVER_FIRST = re.compile(rf"r=({_NONCE}),s=({_BASE64}),i=([1-9][0-9]*){_MORE}")
_CLIENT_FINAL = re.compile(rf"(c=({_BASE64}),r=({_NONCE}){_MORE}),p=({_BASE64})")
_SERVER_FINAL = re.compile(rf"v=({_BASE64}){_MORE}")


class ClientFirst(NamedTuple):
    """
    Attributes:
        header: The GS2 header, as it came.
        flag: "n", the client cannot bind; "y", it could, but thinks that the server cannot; "p=" and a binding.
        authorization: Whom to act as, "" for oneself.
        username: In its one form.
        nonce: The client's.
        bare: The rest, which is proved.
    """

    header: str
    flag: str
    authorization: str
    username: str
    nonce: str
    bare: str


class ClientFinal(NamedTuple):
    """
    Attributes:
        binding: The GS2 header and the octets of the channel.
        nonce: The client's and the server's.
        proof: That it has the password.
        bare: All but the proof, which is proved.
    """

    binding: bytes
    nonce: str
    proof: bytes
    bare: str


def client_first(flag: str, authorization: str, username: str, nonce: str) -> tuple[str, str]:
    """
    The GS2 header, and the rest.

    Raises:
        ValueError: No name can be like that.
    """
    return f"{flag},{'a=' * bool(authorization)}{_quoted(authorization)},", f"n={_quoted(username)},r={nonce}"


def read_client_first(text: str) -> ClientFirst:
    """
    Raises:
        ValueError: It is none.
    """
    header, flag, authorization, bare, username, nonce = _match(_CLIENT_FIRST, text)
    first = ClientFirst(header, flag, _unquoted(authorization or ""), _unquoted(username), nonce, bare)
    if not first.username:
        raise ValueError("nothing is left of the name")
    return first


def server_first(nonce: str, verifier: ScramVerifier) -> str:
    """What the client needs to prove that it has the password."""
    return f"r={nonce},s={_base64(verifier.salt)},i={verifier.iterations}"


def read_server_first(text: str) -> tuple[str, bytes, int]:
    """
    The nonce, the salt, the iterations.

    Raises:
        ValueError: It is none.
    """
    nonce, salt, iterations = _match(_SERVER_FIRST, text)
    if len(iterations) > _DIGITS or not LEAST_ITERATIONS <= int(iterations) <= MOST_ITERATIONS:
        allowed = f"{LEAST_ITERATIONS} to {MOST_ITERATIONS}"
        raise ValueError(f"the server asks for {iterations[:20]} iterations, not {allowed}")
    return nonce, _octets(salt), int(iterations)


def client_final(binding: bytes, nonce: str) -> str:
    """All but the proof."""
    return f"c={_base64(binding)},r={nonce}"


def proved(bare: str, proof: bytes) -> str:
    """With the proof."""
    return f"{bare},p={_base64(proof)}"


def read_client_final(text: str) -> ClientFinal:
    """
    Raises:
        ValueError: It is none.
    """
    bare, binding, nonce, proof = _match(_CLIENT_FINAL, text)
    return ClientFinal(_octets(binding), nonce, _octets(proof), bare)


def server_final(signature: bytes) -> str:
    """That the server knows us."""
    return f"v={_base64(signature)}"


def read_server_final(text: str) -> bytes:
    """
    Raises:
        ValueError: It is none, or an error.
    """
    return _octets(_match(_SERVER_FINAL, text)[0])


def bound(header: str, flag: str, bindings: Mapping[str, bytes]) -> bytes:
    """What ``c=`` says (§5.1)."""
    return header.encode("utf-8") + (bindings[flag[2:]] if flag.startswith("p=") else b"")


def client_proof(mechanism: str, key: bytes, verifier: ScramVerifier, message: bytes) -> bytes:
    """
    Args:
        key: The `client_key`.
        message: What both have said.
    """
    return _xor(key, hmac.digest(verifier.stored_key, message, HASHES[mechanism]))


def proves(mechanism: str, proof: bytes, verifier: ScramVerifier, message: bytes) -> bool:
    """Whether whoever made ``proof`` has the password."""
    algorithm = HASHES[mechanism]
    key = _xor(proof, hmac.digest(verifier.stored_key, message, algorithm))
    right = hmac.compare_digest(hashlib.new(algorithm, key).digest(), verifier.stored_key)
    return right and len(proof) == len(verifier.stored_key)


def server_signature(mechanism: str, verifier: ScramVerifier, message: bytes) -> bytes:
    """That the server has what it keeps of the password."""
    return hmac.digest(verifier.server_key, message, HASHES[mechanism])


def _match(pattern: re.Pattern[str], text: str) -> tuple[str, ...]:
    match = pattern.fullmatch(text)
    if match is None:
        raise ValueError("no message of SCRAM")
    return match.groups()


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=False))


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")


def _octets(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _quoted(name: str) -> str:
    return saslprep(name).replace("=", "=3D").replace(",", "=2C")


def _unquoted(name: str) -> str:
    return saslprep(name.replace("=2C", ",").replace("=3D", "="))
