"""
The messages of SCRAM (RFC 5802 §7), and its proofs (§3).

The package uses hashlib and hmac rather than the library ``scramp``: as of 1.4.18 and 1.5.0 that accepts no channel
binding named tls-exporter, on either side, and TLS 1.3 has no better one.  The tests run both against each other.
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
_MORE = r"(?:,[A-Zbdf-hj-loqtuw-z]=[^,\0]+)*"  # attributes without a meaning yet are ignored (§5.1), but for m=

_CLIENT_FIRST = re.compile(rf"(([ny]|p=[A-Za-z0-9.-]+),(?:a=({_NAME}))?,)(n=({_NAME}),r=({_NONCE}){_MORE})")
_SERVER_FIRST = re.compile(rf"r=({_NONCE}),s=({_BASE64}),i=([1-9][0-9]*){_MORE}")
_CLIENT_FINAL = re.compile(rf"(c=({_BASE64}),r=({_NONCE}){_MORE}),p=({_BASE64})")
_SERVER_FINAL = re.compile(rf"v=({_BASE64}){_MORE}")


class ClientFirst(NamedTuple):
    """
    The client-first-message.

    Attributes:
        header: The GS2 header, as it came.
        flag: "n": the client has no channel binding.  "y": it has one, but the server has advertised none.  "p=" and
            the name of a binding: it uses that one.
        authorization: The user to act as; "" for the same.
        username: The user name, prepared by SASLprep.
        nonce: The nonce of the client.
        bare: The rest of the message, which the proof covers.
    """

    header: str
    flag: str
    authorization: str
    username: str
    nonce: str
    bare: str


class ClientFinal(NamedTuple):
    """
    The client-final-message.

    Attributes:
        binding: The GS2 header and the octets of the channel binding.
        nonce: The nonce of the client, then that of the server.
        proof: The proof that the client knows the password.
        bare: The message without the proof, which the proof covers.
    """

    binding: bytes
    nonce: str
    proof: bytes
    bare: str


def client_first(flag: str, authorization: str, username: str, nonce: str) -> tuple[str, str]:
    """
    Return the client-first-message.

    Args:
        flag: See `ClientFirst.flag`.
        authorization: The user to act as; "" for the same.
        username: The user name.
        nonce: The nonce of the client.

    Returns:
        The GS2 header, and the rest.

    Raises:
        ValueError: SASLprep prohibits a name.
    """
    return f"{flag},{'a=' * bool(authorization)}{_quoted(authorization)},", f"n={_quoted(username)},r={nonce}"


def read_client_first(text: str) -> ClientFirst:
    """
    Parse a client-first-message.

    Args:
        text: The message.

    Returns:
        Its parts.

    Raises:
        ValueError: The message is malformed.
    """
    header, flag, authorization, bare, username, nonce = _match(_CLIENT_FIRST, text)
    first = ClientFirst(header, flag, _unquoted(authorization or ""), _unquoted(username), nonce, bare)
    if not first.username:
        raise ValueError("SASLprep leaves nothing of the name")
    return first


def server_first(nonce: str, verifier: ScramVerifier) -> str:
    """
    Return the server-first-message.

    Args:
        nonce: The nonce of the client, then that of the server.
        verifier: The verifier of the user.

    Returns:
        The message.
    """
    return f"r={nonce},s={_base64(verifier.salt)},i={verifier.iterations}"


def read_server_first(text: str) -> tuple[str, bytes, int]:
    """
    Parse a server-first-message.

    Args:
        text: The message.

    Returns:
        The nonce, the salt, and the iterations.

    Raises:
        ValueError: The message is malformed, or asks for too few or too many iterations.
    """
    nonce, salt, iterations = _match(_SERVER_FIRST, text)
    if len(iterations) > _DIGITS or not LEAST_ITERATIONS <= int(iterations) <= MOST_ITERATIONS:
        allowed = f"{LEAST_ITERATIONS} to {MOST_ITERATIONS}"
        raise ValueError(f"the server asks for {iterations[:20]} iterations, not {allowed}")
    return nonce, _octets(salt), int(iterations)


def client_final(binding: bytes, nonce: str) -> str:
    """
    Return the client-final-message without the proof.

    Args:
        binding: The result of `bound`.
        nonce: The nonce of the client, then that of the server.

    Returns:
        The message.
    """
    return f"c={_base64(binding)},r={nonce}"


def proved(bare: str, proof: bytes) -> str:
    """
    Return the client-final-message.

    Args:
        bare: The result of `client_final`.
        proof: The result of `client_proof`.

    Returns:
        The message.
    """
    return f"{bare},p={_base64(proof)}"


def read_client_final(text: str) -> ClientFinal:
    """
    Parse a client-final-message.

    Args:
        text: The message.

    Returns:
        Its parts.

    Raises:
        ValueError: The message is malformed.
    """
    bare, binding, nonce, proof = _match(_CLIENT_FINAL, text)
    return ClientFinal(_octets(binding), nonce, _octets(proof), bare)


def server_final(signature: bytes) -> str:
    """
    Return the server-final-message.

    Args:
        signature: The result of `server_signature`.

    Returns:
        The message.
    """
    return f"v={_base64(signature)}"


def read_server_final(text: str) -> bytes:
    """
    Parse a server-final-message.

    Args:
        text: The message.

    Returns:
        The signature of the server.

    Raises:
        ValueError: The message is malformed, or an error.
    """
    return _octets(_match(_SERVER_FINAL, text)[0])


def bound(header: str, flag: str, bindings: Mapping[str, bytes]) -> bytes:
    """
    Return the octets of the attribute ``c`` (§5.1).

    Args:
        header: The GS2 header.
        flag: See `ClientFirst.flag`.
        bindings: The channel bindings by name.

    Returns:
        The header, and the octets of the channel binding.
    """
    return header.encode("utf-8") + (bindings[flag[2:]] if flag.startswith("p=") else b"")


def client_proof(mechanism: str, key: bytes, verifier: ScramVerifier, message: bytes) -> bytes:
    """
    Compute ClientProof (§3).

    Args:
        mechanism: One of `HASHES`.
        key: The `client_key`.
        verifier: The verifier of the user.
        message: AuthMessage: the messages so far, without their proofs.

    Returns:
        The proof.
    """
    return _xor(key, hmac.digest(verifier.stored_key, message, HASHES[mechanism]))


def proves(mechanism: str, proof: bytes, verifier: ScramVerifier, message: bytes) -> bool:
    """
    Return whether a proof was made with the password.

    Args:
        mechanism: One of `HASHES`.
        proof: The proof of the client.
        verifier: The verifier of the user.
        message: AuthMessage: the messages so far, without their proofs.

    Returns:
        True if the client knows the password.
    """
    algorithm = HASHES[mechanism]
    key = _xor(proof, hmac.digest(verifier.stored_key, message, algorithm))
    right = hmac.compare_digest(hashlib.new(algorithm, key).digest(), verifier.stored_key)
    return right and len(proof) == len(verifier.stored_key)


def server_signature(mechanism: str, verifier: ScramVerifier, message: bytes) -> bytes:
    """
    Compute ServerSignature (§3), which proves that the server has a verifier of the password.

    Args:
        mechanism: One of `HASHES`.
        verifier: The verifier of the user.
        message: AuthMessage: the messages so far, without their proofs.

    Returns:
        The signature.
    """
    return hmac.digest(verifier.server_key, message, HASHES[mechanism])


def _match(pattern: re.Pattern[str], text: str) -> tuple[str, ...]:
    match = pattern.fullmatch(text)
    if match is None:
        raise ValueError("a message of SCRAM is malformed")
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
