"""
Mailboxes: when two addresses name the same mailbox (RFC 5321 §2.4, RFC 6531 §3.3).

Only the destination host may interpret a local part (RFC 5321 §2.4).  This package ignores the case of ASCII letters
in it, as nearly all hosts do.  Other characters may come as different code points, so they are compared in
normalization form C (RFC 6532 §3.1).  Their case matters.
"""

from __future__ import annotations

import re
import unicodedata

from txsmtpx.grammar import asciitext, path
from txsmtpx.grammar.domain import domain_key, to_a_label

# Form C turns these three characters into ASCII: the Greek question mark, an accent and the Kelvin sign.  They stay as
# they are, so that no character beyond ASCII ever becomes one of ASCII.
_NOT_ASCII = re.compile("([\u037e\u1fef\u212a])")


def local_key(characters: str) -> str:
    r"""
    Return the form in which a local part is compared and stored.

    Args:
        characters: The characters of a local part, without its quotes.

    Returns:
        The local part in normalization form C, with A to Z in lower case.

    Example:
        >>> local_key("Cafe\u0301") == local_key("CAF\u00e9"), local_key("mar\u212a") == local_key("mark")
        (True, False)
    """
    if characters.isascii():
        return asciitext.lower(characters)
    # Form C comes twice: a small letter and its accent may be one code point where the capital and its accent are two.
    return _form_c(asciitext.lower(_form_c(characters)))


def _form_c(text: str) -> str:
    pieces = _NOT_ASCII.split(text)
    pieces[::2] = [unicodedata.normalize("NFC", piece) for piece in pieces[::2]]
    return "".join(pieces)


def mailbox_key(address: str) -> str:
    """
    Return the form in which an address is compared, stored and counted.

    Args:
        address: A mailbox without angle brackets, "" or "postmaster".

    Returns:
        The form.  Two addresses of one mailbox have the same.  If the domain is malformed, only its ASCII letters are
        put in lower case.

    Example:
        >>> mailbox_key('"Jo.Doe"@BÜCHER.example'), mailbox_key("jo.doe@xn--bcher-kva.example")
        ('jo.doe@xn--bcher-kva.example', 'jo.doe@xn--bcher-kva.example')
    """
    local, domain = path.split(address)
    if not domain:
        return local_key(local)
    try:
        domain = domain_key(domain)
    except ValueError:
        domain = asciitext.lower(domain)
    return f"{path.quote(local_key(local))}@{domain}"


def needs_utf8(address: str) -> bool:
    """
    Tell whether an address needs SMTPUTF8 (RFC 6531 §3.3).

    Args:
        address: A mailbox without angle brackets, "" or "postmaster".

    Returns:
        True if the local part is not ASCII.  A domain needs no SMTPUTF8, since it has an A-label.

    Example:
        >>> needs_utf8("jürgen@example.org"), needs_utf8("juergen@bücher.example")
        (True, False)
    """
    return not address.isascii() and not path.split(address)[0].isascii()


def with_a_label(address: str) -> str:
    """
    Return an address with the A-labels of its domain (RFC 5890 §2.3.2.1).

    Args:
        address: A mailbox without angle brackets, "" or "postmaster".

    Returns:
        The address.  Its local part is unchanged.

    Raises:
        ValueError: A label of the domain is neither ASCII nor a U-label, or the domain is too long.

    Example:
        >>> with_a_label("juergen@bücher.example")
        'juergen@xn--bcher-kva.example'
    """
    if address.isascii():
        return address
    local, at, domain = address.rpartition("@")
    return f"{local}@{to_a_label(domain)}" if at else address
