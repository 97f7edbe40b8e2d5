"""
Mailboxes: when two addresses are one (RFC 5321 §2.4, RFC 6531 §3.3).

A local part belongs to its host alone. Here, as nearly everywhere, its case does not matter in ASCII. Beyond ASCII
it is compared in normalization form C (RFC 6532 §3.1), where the same text may come as different code points, and case
matters.
"""

from __future__ import annotations

import re
import unicodedata

from txsmtpx.grammar import asciitext, path
from txsmtpx.grammar.domain import domain_key, to_a_label

# The three characters that form C makes ASCII of: a question mark, an accent and the Kelvin sign.  They stay as they
# are: a letter that is not in ASCII never becomes one that is.
_NOT_ASCII = re.compile("([\u037e\u1fef\u212a])")


def local_key(characters: str) -> str:
    """
    Return the form in which the local part is compared and stored: form C, with A to Z in lower case.

    Args:
        characters: those of a local part, without quotes.

    Example:
        >>> local_key("Cafe\\u0301") == local_key("CAF\\u00e9"), local_key("mar\\u212a") == local_key("mark")
        (True, False)
    """
    if characters.isascii():
        return asciitext.lower(characters)
    # A small letter and its accent may have a form of their own where the capital has none.
    return _form_c(asciitext.lower(_form_c(characters)))


def _form_c(text: str) -> str:
    pieces = _NOT_ASCII.split(text)
    pieces[::2] = [unicodedata.normalize("NFC", piece) for piece in pieces[::2]]
    return "".join(pieces)


def mailbox_key(address: str) -> str:
    """
    Return the form in which `address` is compared, stored and counted: two addresses of one mailbox have the same.

    Args:
        address: a mailbox without angle brackets, "" or "postmaster"; a domain that is none is compared in ASCII.

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
    Tell whether the local part of an address is not ASCII, so that only SMTPUTF8 can carry it (RFC 6531 §3.3).

    Args:
        address: a mailbox without angle brackets, "" or "postmaster".

    Example:
        >>> needs_utf8("jürgen@example.org"), needs_utf8("juergen@bücher.example")
        (True, False)
    """
    return not address.isascii() and not path.split(address)[0].isascii()


def with_a_label(address: str) -> str:
    """
    Return an address with the A-label of its domain (RFC 5890 §2.3.2.1), and its local part as it is.

    Args:
        address: a mailbox without angle brackets, "" or "postmaster".

    Raises:
        ValueError: the domain is none.

    Example:
        >>> with_a_label("juergen@bücher.example")
        'juergen@xn--bcher-kva.example'
    """
    if address.isascii():
        return address
    local, at, domain = address.rpartition("@")
    return f"{local}@{to_a_label(domain)}" if at else address
