"""DNS lists of addresses (RFC 5782): the name that is asked, and the meaning of the answer."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

from txsmtpx.grammar import asciitext
from txsmtpx.grammar.domain import to_a_label

_LISTED = ipaddress.IPv4Network("127.0.0.0/8")
"""What a list answers for an address that it has (RFC 5782 §2.1)."""

_ERRORS = ipaddress.IPv4Network("127.255.255.0/24")
"""Answers of a list that refuses to answer, such as Spamhaus' 127.255.255.254 to a public resolver."""

_NOT_LISTED = ipaddress.IPv4Address("127.0.0.1")
"""RFC 5782 §5: no list has this address.  Some answer with it if they are shut down or asked wrongly."""

_RANGE = r"[0-9]{1,3}(?:\.\.[0-9]{1,3})?"
_PART = rf"(?:[0-9]{{1,3}}|\[{_RANGE}(?:;{_RANGE})*\])"
_ZONE = re.compile(
    rf"(?P<zone>[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)(?:=(?P<codes>{_PART}(?:\.{_PART}){{3}}))?"
    r"(?:\*(?P<weight>-?[0-9]+(?:\.[0-9]+)?))?"
)


def query_name(address: str, zone: str) -> str:
    """
    Return the name that a list is asked for (RFC 5782 §2.1, §2.4).

    Args:
        address: An IP address.
        zone: The zone of the list, in A-labels.

    Returns:
        The name.

    Example:
        >>> query_name("192.0.2.99", "bl.example")
        '99.2.0.192.bl.example'
    """
    reverse = ipaddress.ip_address(address).reverse_pointer
    return f"{reverse.removesuffix('.in-addr.arpa').removesuffix('.ip6.arpa')}.{zone}"


@dataclass(frozen=True)
class DNSList:
    """
    A list, and how much its answer counts.

    Attributes:
        zone: Its zone, in A-labels.
        weight: The score of a listing; negative for a list of good addresses.
        codes: The sets of numbers that the four parts of an answer have; None for all codes of listings.
    """

    zone: str
    weight: float = 1
    codes: tuple[frozenset[int], frozenset[int], frozenset[int], frozenset[int]] | None = None

    @classmethod
    def parse(cls, text: str) -> DNSList:
        """
        Parse a list in the syntax of Postfix: ``zone``, ``zone=codes``, ``zone*weight`` or ``zone=codes*weight``.

        Args:
            text: The text.  A part of the codes is a number or, in brackets, numbers and ranges: ``127.0.0.[2;4..7]``.

        Returns:
            The list.

        Raises:
            ValueError: The text is not of this syntax.

        Example:
            >>> bl = DNSList.parse("bl.example=127.0.0.[2..3]*2")
            >>> bl.weight, bl.listed(["127.0.0.3"]), bl.listed(["127.0.0.4"])
            (2.0, ('127.0.0.3',), ())
        """
        try:
            found = _ZONE.fullmatch(to_a_label(text))
        except ValueError:
            found = None
        if found is None:
            example = "a zone such as bl.example, bl.example*2 or bl.example=127.0.0.[2..11]*2"
            raise ValueError(f"a DNS list is {example}, not {text!r}")
        codes = None
        if found["codes"]:
            one, two, three, four = (_numbers(each) for each in re.findall(_PART, found["codes"]))
            codes = (one, two, three, four)
        return cls(asciitext.lower(found["zone"]), 1 if found["weight"] is None else float(found["weight"]), codes)

    def listed(self, answers: Iterable[str]) -> tuple[str, ...]:
        """
        Return the answers that count.

        Args:
            answers: The answers of the list.

        Returns:
            Those of them that `codes` has.
        """
        codes = self.codes
        if codes is None:
            return tuple(answers)
        packed = ((each, ipaddress.IPv4Address(each).packed) for each in answers)
        return tuple(each for each, parts in packed if all(map(frozenset.__contains__, codes, parts)))


def is_listing(answer: str) -> bool:
    """
    Return whether a list can answer so for an address that it has (RFC 5782 §2.1).

    Args:
        answer: The address of an A record.

    Returns:
        False if the list refuses to answer, or if another server answers instead of it.

    Example:
        >>> is_listing("127.0.0.2"), is_listing("127.255.255.254"), is_listing("192.0.2.1")
        (True, False, False)
    """
    address = ipaddress.IPv4Address(answer)
    return address in _LISTED and address not in _ERRORS and address != _NOT_LISTED


def _numbers(part: str) -> frozenset[int]:
    """
    Parse one part of the codes.

    Returns:
        The numbers that it stands for.

    Raises:
        ValueError: A number is above 255, or a range has no number.
    """
    found: set[int] = set()
    for each in part.strip("[]").split(";"):
        low, _, high = each.partition("..")
        numbers = range(int(low), int(high or low) + 1)
        if not numbers or numbers[-1] > 255:
            raise ValueError(f"the codes of a DNS list have numbers from 0 to 255, not {each!r}")
        found.update(numbers)
    return frozenset(found)
