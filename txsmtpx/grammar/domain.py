"""
Domains: RFC 5890, RFC 5891, with the mapping of UTS 46 for case and for characters in several forms.

A domain in UTF-8 and its A-label are one domain.  On the wire and for backends a domain stays as the peer wrote it.
Domains are compared, stored and counted by their `domain_key`.

The mapping changes a letter beyond ASCII into another one, as in ``BÜCHER``.  A character is rejected if the mapping
turns it into ASCII or into nothing: U+212A is not k, U+FF0E and U+3002 are not dots (RFC 6531 §3.3), and U+00AD is not
dropped.  Otherwise two domains could look different and be the same.  Postfix, by ICU, and browsers map these too.
"""

from __future__ import annotations

import re

from txsmtpx.grammar import asciitext
from txsmtpx.grammar.host import plain_address
from txsmtpx.grammar.malformed import Malformed

MAX_DOMAIN = 255
"""Octets of a domain, in UTF-8 as well as in A-labels (RFC 5321 §4.5.3.1.2)."""

_PLAIN_HOST = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*")


def to_a_label(domain: str) -> str:
    """
    Return a domain with an A-label for each U-label (RFC 5890 §2.3.2.1).

    Args:
        domain: A domain name.  If it is not ASCII, it has at most 255 octets.

    Returns:
        The domain in ASCII.  Labels that are ASCII already are unchanged and not checked.

    Raises:
        ValueError: A label is neither ASCII nor a U-label, or the domain is too long.  The text names the domain.

    Example:
        >>> to_a_label("BÜCHER.example")
        'xn--bcher-kva.example'
    """
    if domain.isascii():
        return domain
    try:
        return _a_labels(domain)
    except ValueError as error:
        raise ValueError(f"not a domain: {domain[:MAX_DOMAIN]}: {error}") from error


def check_domain(domain: str) -> None:
    r"""
    Check that each label of a domain is ASCII or a U-label.

    Args:
        domain: A domain name.

    Raises:
        Malformed: A label is neither, or the domain is too long.  The text does not repeat the domain.

    Example:
        >>> check_domain("bücher.example")
        >>> check_domain("bücher\uff0eexample")
        Traceback (most recent call last):
        txsmtpx.grammar.malformed.Malformed: a domain cannot hold U+FF0E
    """
    _a_labels(domain)


def _a_labels(domain: str) -> str:
    if len(domain.encode("utf-8", "replace")) > MAX_DOMAIN:  # before any work that takes time
        raise Malformed("the domain is too long")
    labels = domain.split(".")
    if "" in labels[:-1]:
        raise Malformed("a label of the domain is empty")
    name = ".".join([label if label.isascii() else _a_label(label) for label in labels])
    if len(name) > MAX_DOMAIN:
        raise Malformed("the domain is too long")
    return name


def _a_label(label: str) -> str:
    import idna  # here, since a domain in ASCII needs no idna, and importing it takes time

    try:
        for letter in label:
            if not letter.isascii():
                mapped = idna.uts46_remap(letter)
                if not mapped or any(map(str.isascii, mapped)):
                    raise Malformed(f"a domain cannot hold U+{ord(letter):04X}")
        return idna.alabel(idna.uts46_remap(label)).decode("ascii")
    except UnicodeError as error:  # an IDNAError, whose text may quote the label
        raise Malformed("a label of the domain is no U-label (RFC 5890)") from error


def domain_key(domain: str) -> str:
    """
    Return the form in which a domain is compared, stored and counted.

    Args:
        domain: A domain name, an address literal in brackets (RFC 5321 §4.1.3), or "".

    Returns:
        The A-labels in lower case, without a dot at the end.  For an address literal, the plain form of its IP address
        in brackets.  "" for "".

    Raises:
        ValueError: A label is neither ASCII nor a U-label, or the domain is too long.

    Example:
        >>> domain_key("BÜCHER.Example."), domain_key("[IPv6:::ffff:192.0.2.1]")
        ('xn--bcher-kva.example', '[192.0.2.1]')
    """
    if domain.startswith("[") and domain.isascii():
        return _literal_key(asciitext.lower(domain))
    return asciitext.lower(to_a_label(domain.removesuffix(".")))


def _literal_key(literal: str) -> str:
    tag, written = literal[:6], literal[6:-1]
    plain = plain_address(written)
    if tag != "[ipv6:" or plain == written:
        return literal
    return f"[ipv6:{plain}]" if ":" in plain else f"[{plain}]"


def check_certificate_name(name: str) -> None:
    """
    Check that a certificate can be for a name (RFC 9525 §6.3).

    Args:
        name: A host name in ASCII.

    Raises:
        UnicodeError: No certificate can have it, such as one with an underscore.

    Example:
        >>> check_certificate_name("mail_1.example.org")
        Traceback (most recent call last):
        idna.core.InvalidCodepoint: Codepoint U+005F at position 5 of 'mail_1' not allowed
    """
    if "xn--" in name or not _PLAIN_HOST.fullmatch(name):
        import idna

        idna.encode(name)
