"""
NAME=value attributes in xtext, as XCLIENT and XFORWARD of Postfix have them (XCLIENT_README, XFORWARD_README).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping

from txsmtpx.grammar import asciitext, xtext
from txsmtpx.grammar.malformed import Malformed

UNAVAILABLE = ("[UNAVAILABLE]", "[TEMPUNAVAIL]")
"""What stands for nothing that is known: for ever, or for now."""

MAX_VALUE = 255
"""Characters of a value, decoded."""


def parse(text: str, known: Collection[str]) -> dict[str, str]:
    """
    The attributes in ``text``; "" for one that is unavailable.

    Args:
        known: Their names, upper case.

    Raises:
        Malformed: An attribute that is not known, stands twice, or has a value that it cannot have; or none at all.
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
    The words for those of ``attributes`` that are known; the inverse of `parse`.

    Raises:
        ValueError: A value that its attribute cannot have.
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
    if not value.isprintable() or len(value) > MAX_VALUE:
        raise ValueError(f"{name} cannot be that")
    if name in ("ADDR", "DESTADDR"):
        if "%" in value:  # the scope of a link-local address is nobody else's
            raise ValueError(f"{name} cannot be that")
        if asciitext.upper(value[:5]) == "IPV6:":
            return str(ipaddress.IPv6Address(value[5:]))
        return str(ipaddress.IPv4Address(value))
    if name in ("PORT", "DESTPORT") and not (asciitext.is_number(value) and int(value) < 65536):
        raise ValueError(f"{name} cannot be that")
    return value
