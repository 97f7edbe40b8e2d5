"""
Attributes of XCLIENT and XFORWARD: NAME=value, the value in xtext.

Postfix defines both commands, in its XCLIENT_README and XFORWARD_README.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping

from txsmtpx.grammar import asciitext, xtext
from txsmtpx.grammar.malformed import Malformed

UNAVAILABLE = ("[UNAVAILABLE]", "[TEMPUNAVAIL]")
"""Values of an attribute that the client does not know: never, or not yet."""

MAX_VALUE = 255
"""Characters of a decoded value.  XFORWARD_README has this limit too."""


def parse(text: str, known: Collection[str]) -> dict[str, str]:
    """
    Parse the attributes of a command.

    Args:
        text: What follows the verb.
        known: The names that the command allows, in upper case.

    Returns:
        The decoded value for each name; "" for an attribute that is unavailable.

    Raises:
        Malformed: There is no attribute, or one is unknown, given twice, or has a value that it cannot have.

    Example:
        >>> parse("ADDR=192.0.2.1 NAME=[UNAVAILABLE]", ("ADDR", "NAME"))
        {'ADDR': '192.0.2.1', 'NAME': ''}
    """
    found: dict[str, str] = {}
    if not text.isascii():
        raise Malformed("an attribute is ASCII")
    for word in asciitext.words(text):
        name, equals, value = word.partition("=")
        name = asciitext.upper(name)
        if not equals or name not in known or name in found:
            raise Malformed(f"attributes are {' '.join(known)}, each at most once")
        try:
            value = xtext.decode(value)
            found[name] = "" if asciitext.upper(value) in UNAVAILABLE else _checked(name, value)
        except ValueError:
            raise Malformed(f"{name} cannot be that") from None
    if not found:
        raise Malformed("no attribute")
    return found


def format(attributes: Mapping[str, str], known: Collection[str]) -> list[str]:
    """
    Return the words of a command; the inverse of `parse`.

    Args:
        attributes: The value for each name; "" for an attribute that is unavailable.
        known: The names that the server offers, in upper case.  Other attributes are left out.

    Returns:
        One word for each known attribute, such as ``NAME=mail.example.org``.

    Raises:
        ValueError: An attribute cannot have its value.

    Example:
        >>> format({"ADDR": "2001:db8::1", "HELO": ""}, ("ADDR", "HELO"))
        ['ADDR=IPV6:2001:db8::1', 'HELO=[UNAVAILABLE]']
    """
    words = []
    for name, value in attributes.items():
        if name in known:
            if name in ("ADDR", "DESTADDR") and ":" in value:
                value = f"IPV6:{value}"
            if value:
                _checked(name, value)
            words.append(f"{name}={xtext.encode(value) if value else UNAVAILABLE[0]}")
    return words


def _checked(name: str, value: str) -> str:
    """
    Check a value.

    Returns:
        The value; an IP address without its "IPV6:".

    Raises:
        ValueError: The attribute cannot have that value.
    """
    if not value.isprintable() or len(value) > MAX_VALUE:
        raise ValueError(f"{name} is at most {MAX_VALUE} printable characters, not {value[:MAX_VALUE]!r}")
    if name in ("ADDR", "DESTADDR"):
        if "%" in value:  # the zone of a link-local address has no meaning on another host (RFC 4007 §11)
            raise ValueError(f"{name} is an IP address without a zone, not {value!r}")
        if asciitext.upper(value[:5]) == "IPV6:":
            return str(ipaddress.IPv6Address(value[5:]))
        return str(ipaddress.IPv4Address(value))
    if name in ("PORT", "DESTPORT") and not (asciitext.is_number(value) and int(value) < 65536):
        raise ValueError(f"{name} is a port from 0 to 65535, not {value!r}")
    return value
