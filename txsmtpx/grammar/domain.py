"""
Domains: RFC 5890, RFC 5891, with the mapping of UTS 46 for case and for characters in several forms.

A domain in UTF-8 and its A-label are one domain. On the wire and for backends it stays as the peer wrote it. Wherever
domains are compared, stored or counted, `domain_key` stands for them.

The mapping changes letters beyond ASCII into others of their kind, as in ``BÜCHER``. It is refused where it would turn
them into ASCII or into nothing: U+212A is no k, U+FF0E and U+3002 are no dots (RFC 6531 §3.3), U+00AD does not vanish.
Otherwise two domains would look different and be the same. Postfix, by ICU, and browsers map all of these.
"""

from __future__ import annotations

from txsmtpx.grammar import asciitext
from txsmtpx.grammar.host import plain_address
from txsmtpx.grammar.malformed import Malformed

MAX_DOMAIN = 255
"""Octets (RFC 5321 §4.5.3.1.2), in UTF-8 as well as in A-labels."""


def to_a_label(domain: str) -> str:
    """
    Return `domain` with an A-label for each U-label (RFC 5890 §2.3.2.1); labels in ASCII stay as they are.

    Args:
        domain: a domain name, at most `MAX_DOMAIN` octets where it is not in ASCII.

    Raises:
        ValueError: `domain` is refused by `check_domain`; the text names it.

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
    """
    Check that each label of `domain` is in ASCII or a U-label.

    Raises:
        Malformed: a label is neither, or an A-label is too long; the text repeats nothing.
    """
    _a_labels(domain)


def _a_labels(domain: str) -> str:
    if len(domain.encode("utf-8", "replace")) > MAX_DOMAIN:  # before anything takes time
        raise Malformed("the domain is too long")
    labels = domain.split(".")
    if "" in labels[:-1]:
        raise Malformed("a label of the domain is empty")
    name = ".".join([label if label.isascii() else _a_label(label) for label in labels])
    if len(name) > MAX_DOMAIN:
        raise Malformed("the domain is too long")
    return name


def _a_label(label: str) -> str:
    import idna  # which an ASCII domain does not need

    try:
        for letter in label:
            if not letter.isascii():
                mapped = idna.uts46_remap(letter, std3_rules=True, transitional=False)
                if not mapped or any(map(str.isascii, mapped)):
                    raise Malformed(f"a domain cannot hold U+{ord(letter):04X}")
        return idna.alabel(idna.uts46_remap(label, std3_rules=True, transitional=False)).decode("ascii")
    except UnicodeError as error:  # an IDNAError, whose text may quote the label
        raise Malformed("a label of the domain is no U-label (RFC 5890)") from error


def domain_key(domain: str) -> str:
    """
    Return the form in which `domain` is compared, stored and counted.

    That is its A-labels in lower case, without a dot at the end. The IP address of an address literal
    (RFC 5321 §4.1.3) is in its plain form.

    Args:
        domain: a domain name, or an address literal in its brackets; "" is "".

    Raises:
        ValueError: a label is neither in ASCII nor a U-label.

    Example:
        >>> domain_key("BÜCHER.Example."), domain_key("[IPv6:::ffff:192.0.2.1]")
        ('xn--bcher-kva.example', '[192.0.2.1]')
    """
    if domain.startswith("[") and domain.isascii():
        return _literal_key(asciitext.lower(domain))
    return asciitext.lower(to_a_label(domain.removesuffix(".")))


def _literal_key(literal: str) -> str:
    tag, said = literal[:6], literal[6:-1]
    plain = plain_address(said)
    if tag != "[ipv6:" or plain == said:
        return literal
    return f"[ipv6:{plain}]" if ":" in plain else f"[{plain}]"
