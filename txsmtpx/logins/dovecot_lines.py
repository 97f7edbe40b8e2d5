"""
The lines of Dovecot's authentication protocol, version 1.2, as a client of it reads and writes them.

A line has fields between tabs.  Within a field, a tab and a few other octets are escaped, with the octet 1 before them.
Dovecot documents the protocol under "Authentication protocol"; Postfix and Exim use it too.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

MAJOR = 1
MINOR = 2
MAX_LINE = 16384
"""Octets of a request with its end (AUTH_CLIENT_MAX_LINE_LENGTH of Dovecot, which disconnects after a longer one)."""

MAX_ANSWER = 8 * MAX_LINE
"""
Octets of an answer.  A refusal repeats the user name that a client has sent, perhaps in several fields, and with each
octet escaped.
"""

_ESCAPES = {"\x00": "0", "\x01": "1", "\t": "t", "\r": "r", "\n": "n"}
_OCTETS = {letter: octet for octet, letter in _ESCAPES.items()}


class DovecotError(Exception):
    """Dovecot cannot be reached, or does not answer as its protocol has it.  The text is for the log."""


def escaped(text: str) -> str:
    """
    Escape a field.

    Args:
        text: The text.

    Returns:
        The field.

    Example:
        >>> escaped(chr(9)) == chr(1) + "t"
        True
    """
    return re.sub("[\x00\x01\t\r\n]", lambda found: f"\x01{_ESCAPES[found[0]]}", text)


def unescaped(text: str) -> str:
    """
    Return the text of a field, the opposite of `escaped`.

    Args:
        text: The field.

    Returns:
        The text.

    Example:
        >>> unescaped(chr(1) + "t") == chr(9)
        True
    """
    return re.sub("\x01(.?)", lambda found: _OCTETS.get(found[1], found[1]), text, flags=re.DOTALL)


@dataclass(frozen=True)
class OfferedMechanism:
    """
    A mechanism that Dovecot offers.

    Attributes:
        name: The name.
        flags: Its properties, such as "plaintext".
    """

    name: str
    flags: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Challenge:
    """
    The answer CONT: the exchange goes on.

    Attributes:
        octets: The challenge.
    """

    octets: bytes


@dataclass(frozen=True)
class Accepted:
    """
    The answer OK.

    Attributes:
        fields: The fields by name; "" for a field without a value.  They may hold a password.
    """

    fields: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class Refused:
    """
    The answer FAIL.

    Attributes:
        fields: The fields by name; "" for a field without a value.
    """

    fields: Mapping[str, str] = field(repr=False)


Answer = Challenge | Accepted | Refused


def read_line(octets: bytes) -> list[str]:
    """
    Read a line.

    Args:
        octets: The line, without its end.

    Returns:
        The word at its beginning, and its fields.  Octets that are not UTF-8, such as in a user name that a client has
        sent, are surrogates (PEP 383).
    """
    return [unescaped(each) for each in octets.decode("utf-8", "surrogateescape").split("\t")]


def read_version(fields: list[str]) -> None:
    """
    Check the version of the protocol.

    Args:
        fields: The fields of the line VERSION.

    Raises:
        DovecotError: It is another one.  A higher minor version is the same protocol with additions.
    """
    if len(fields) != 2 or not all(re.fullmatch("[0-9]{1,9}", each) for each in fields):
        raise DovecotError("the line VERSION is malformed")
    if int(fields[0]) != MAJOR:
        raise DovecotError(f"it has version {fields[0]}.{fields[1]} of the protocol, and {MAJOR}.{MINOR} is needed")


def read_mechanism(fields: list[str]) -> OfferedMechanism:
    """
    Read a mechanism.

    Args:
        fields: The fields of the line MECH.

    Returns:
        The mechanism.

    Raises:
        DovecotError: It has no name of SASL (RFC 4422 §3.1).
    """
    if not fields or not re.fullmatch("[A-Z0-9_-]{1,20}", fields[0]):
        raise DovecotError("the line MECH is malformed")
    return OfferedMechanism(fields[0], frozenset(fields[1:]))


def read_answer(word: str, fields: list[str]) -> tuple[int, Answer]:
    """
    Read an answer to a request.

    Args:
        word: The word at the beginning of the line.
        fields: The fields.

    Returns:
        The number of the request, and the answer.

    Raises:
        DovecotError: It is no answer.
    """
    if not fields or not re.fullmatch("[0-9]{1,10}", fields[0]) or word not in ("OK", "CONT", "FAIL"):
        raise DovecotError("a line is no answer")
    number = int(fields[0])
    if word == "CONT":
        if len(fields) < 2:
            raise DovecotError("the line CONT has no challenge")
        return number, Challenge(read_base64(fields[1]))
    pairs = {name: value for name, _, value in (each.partition("=") for each in fields[1:])}
    return number, Refused(pairs) if word == "FAIL" else Accepted(pairs)


def read_base64(text: str) -> bytes:
    """
    Decode base64.

    Args:
        text: The text.

    Returns:
        The octets.

    Raises:
        DovecotError: It is not base64.
    """
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise DovecotError("a challenge is not base64") from None


def begin(number: int, mechanism: str, parameters: Mapping[str, str], initial: bytes | None) -> bytes:
    """
    Write the request AUTH.

    Args:
        number: The number of the request.
        mechanism: The name of the mechanism.
        parameters: The parameters by name; "" for one without a value.
        initial: The initial response; None for none.

    Returns:
        The line.

    Raises:
        ValueError: It would be longer than `MAX_LINE`.
    """
    named = [name + f"={escaped(value)}" * bool(value) for name, value in parameters.items()]
    response = [] if initial is None else [f"resp={base64.b64encode(initial).decode('ascii')}"]
    return _line("AUTH", str(number), mechanism, *named, *response)


def go_on(number: int, response: bytes) -> bytes:
    """
    Write the request CONT.

    Args:
        number: The number of the request that goes on.
        response: The response to the challenge.

    Returns:
        The line.

    Raises:
        ValueError: It would be longer than `MAX_LINE`.
    """
    return _line("CONT", str(number), base64.b64encode(response).decode("ascii"))


def cancel(number: int) -> bytes:
    """
    Write the request CANCEL.

    Args:
        number: The number of the request that ends.

    Returns:
        The line.
    """
    return _line("CANCEL", str(number))


def _line(*fields: str) -> bytes:
    line = "\t".join(fields).encode("utf-8") + b"\n"
    if len(line) > MAX_LINE:
        raise ValueError("the response is too long for Dovecot")
    return line


def handshake(client: int) -> bytes:
    """
    Write what a client sends first.

    Args:
        client: The number of the client, which no other one of the same Dovecot has.

    Returns:
        The lines.
    """
    return _line("VERSION", str(MAJOR), str(MINOR)) + _line("CPID", str(client))
