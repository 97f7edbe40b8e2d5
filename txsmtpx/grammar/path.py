"""
Paths and mailboxes: RFC 5321 §4.1.2 and §4.1.3, with the UTF-8 of RFC 6531 §3.3.

In the API an address is a ``str``, and the null path is "".  A local part is quoted only if it must be, so that two
spellings of a mailbox are one string: ``"joe"@x`` becomes ``joe@x``, and ``"John Smith"@x`` stays (RFC 5321 §4.1.2).
"""

from __future__ import annotations

import ipaddress
import re

from txsmtpx.grammar import asciitext
from txsmtpx.grammar.domain import MAX_DOMAIN, check_domain
from txsmtpx.grammar.malformed import Malformed

MAX_LOCAL_PART = 256
"""Octets of a local part.  RFC 5321 §4.5.3.1.1 asks for 64; the senders of mailing lists, with VERP, are longer."""

# The rules of RFC 5321 §4.1.2.  RFC 6531 §3.3 adds all characters beyond ASCII.  txsmtpx.grammar.domain checks which of
# them a domain may have.  A class names the ASCII that it excludes: ``re`` would expand a range up to U+10FFFF, which
# takes 100 times as long to compile.
_ATEXT = r'[^\x00- "(),.:;<>@\[-\]\x7f]'
_DOT_STRING = rf"{_ATEXT}+(?:\.{_ATEXT}+)*"
_QUOTED = r'"(?:[^\x00-\x1f"\\\x7f]|\\[ -~])*"'
# RFC 5321 §4.1.2 allows no underscore in a domain, but some hosts have one in their names.
_LETTER = r"[^\x00-/:-@\[-^`{-\x7f]"
_LABEL = rf"{_LETTER}(?:[^\x00-,./:-@\[-^`{{-\x7f]*{_LETTER})?"
_DOMAIN = rf"{_LABEL}(?:\.{_LABEL})*"
_LITERAL = r"\[[!-Z^-~]+\]"

_SPACE = " \t\r\n"  # white space of header fields (RFC 5322 §3.2.2)

# The form of nearly all paths.  One match finds the local part, the domain and the parameters.
_SIMPLE = re.compile(rf" *<({_DOT_STRING})@({_DOMAIN})>(?: +(.*))?")
_ROUTE = re.compile(rf"@(?:{_DOMAIN}|{_LITERAL})(?:,@(?:{_DOMAIN}|{_LITERAL}))*:")
_MAILBOX = re.compile(rf"({_DOT_STRING}|{_QUOTED})@({_DOMAIN}|{_LITERAL})")
_ONLY_DOT_STRING = re.compile(_DOT_STRING)
_TAGGED_LITERAL = re.compile(r"[A-Za-z0-9-]*[A-Za-z0-9]:[!-Z^-~]+")


def parse_path(text: str) -> tuple[str, str]:
    """
    Parse the path of a MAIL or RCPT command.

    A source route is accepted and dropped (RFC 5321 §4.1.1.3, appendix C).  Spaces before the bracket are accepted,
    since many clients send them.

    Args:
        text: What follows "FROM:" or "TO:".

    Returns:
        The address without its brackets, and the parameters behind the path.

    Raises:
        Malformed: The text does not begin with a path.  The text of the error describes the fault.

    Example:
        >>> parse_path("<ann@example.org> SIZE=1000")
        ('ann@example.org', 'SIZE=1000')
        >>> parse_path("<>")
        ('', '')
    """
    match = _SIMPLE.fullmatch(text)
    if match is not None:
        _check_lengths(match[1], match[2])
        return f"{match[1]}@{match[2]}", match[3] or ""
    text = text.lstrip(" ")
    if not text.startswith("<"):
        raise Malformed("the address stands in angle brackets")
    end = _end_of_path(text)
    if text[end : end + 1] not in ("", " "):
        raise Malformed("a space stands between path and parameters")
    inner, rest = text[1 : end - 1], text[end:].strip(" ")
    # RFC 5321 §4.1.1.3: a server must recognize a source route, and should strip it.
    if inner.startswith("@"):
        route = _ROUTE.match(inner)
        if route is None:
            raise Malformed("bad source route")
        return parse_mailbox(inner[route.end() :]), rest
    # RFC 5321 §4.1.1.3: <Postmaster> needs no domain.
    if not inner or asciitext.lower(inner) == "postmaster":
        return inner, rest
    return parse_mailbox(inner), rest


def _end_of_path(text: str) -> int:
    """
    Find the closing bracket, which is not within quotes.

    Returns:
        The index behind it.

    Raises:
        Malformed: There is none.
    """
    quoted = False
    index = 1
    while index < len(text):
        letter = text[index]
        if letter == "\\" and quoted:
            index += 1
        elif letter == '"':
            quoted = not quoted
        elif letter == ">" and not quoted:
            return index + 1
        index += 1
    raise Malformed("the closing bracket is missing")


def parse_mailbox(text: str) -> str:
    """
    Parse a mailbox.

    Args:
        text: A mailbox without angle brackets.

    Returns:
        The mailbox.  Its local part is quoted only if it must be.

    Raises:
        Malformed: The text is not a mailbox, or is too long.

    Example:
        >>> parse_mailbox('"ann"@example.org')
        'ann@example.org'
    """
    match = _MAILBOX.fullmatch(text)
    if match is None:
        raise Malformed("not a mailbox")
    local, domain = match[1], match[2]
    if domain.startswith("["):
        _check_literal(domain[1:-1])
    # The quotes are removed and, if they are needed, set again, so that one mailbox has one spelling.
    if local.startswith('"'):
        local = quote(unquote(local))
    _check_lengths(local, domain)
    return f"{local}@{domain}"


def check_domain_part(text: str) -> None:
    """
    Check the part of a mailbox behind the @: a domain or an address literal.

    Args:
        text: The part.  A domain may end in a dot, which the wire does not allow (RFC 5321 §2.3.5).

    Raises:
        Malformed: The text is neither a domain nor an address literal.

    Example:
        >>> check_domain_part("example.org."), check_domain_part("[192.0.2.1]")
        (None, None)
    """
    parse_mailbox(f"postmaster@{text.removesuffix('.')}")


def _check_lengths(local: str, domain: str) -> None:
    # A character has at most 4 octets, so nearly all addresses need no encoding here.
    if len(local) > MAX_LOCAL_PART // 4 and len(local.encode("utf-8")) > MAX_LOCAL_PART:
        raise Malformed("the local part is too long")
    if len(domain) > MAX_DOMAIN // 4:
        if len(domain.encode("utf-8")) > MAX_DOMAIN:
            raise Malformed("the domain is too long")
        # RFC 1035 §2.3.4: labels have at most 63 octets.
        if any(len(label) > 63 for label in domain.split(".")) and not domain.startswith("["):
            raise Malformed("a label of the domain is too long")
    if not domain.isascii():
        check_domain(domain)  # RFC 6531 §3.3: U-labels; their A-labels have limits too


def _check_literal(literal: str) -> None:
    """
    Check an address literal: an IPv4 address, "IPv6:" and an address, or a tag and its content (RFC 5321 §4.1.3).

    Raises:
        Malformed: The literal is none of these, or its address has a zone.
    """
    if asciitext.lower(literal[:5]) == "ipv6:":
        try:
            address = ipaddress.IPv6Address(literal[5:])
        except ValueError:
            raise Malformed("not an IPv6 address") from None
        if address.scope_id is not None:
            raise Malformed("a scope means nothing elsewhere")
    elif ":" in literal:
        if _TAGGED_LITERAL.fullmatch(literal) is None:
            raise Malformed("bad address literal")
    else:
        try:
            ipaddress.IPv4Address(literal)
        except ValueError:
            raise Malformed("not an IPv4 address") from None


def unquote(local_part: str) -> str:
    r"""
    Remove the quotes and backslashes of a local part (RFC 5321 §4.1.2).

    Args:
        local_part: A local part, quoted or not.

    Returns:
        The characters that the local part stands for.

    Example:
        >>> unquote(r'"ann \"example"')
        'ann "example'
    """
    if not local_part.startswith('"'):
        return local_part
    return re.sub(r"\\(.)", r"\1", local_part[1:-1])


def quote(characters: str) -> str:
    """
    Return a local part; the inverse of `unquote`.

    Args:
        characters: The characters that the local part stands for.

    Returns:
        The local part.  It is quoted only if it must be.

    Example:
        >>> quote("ann"), quote("ann example")
        ('ann', '"ann example"')
    """
    if _ONLY_DOT_STRING.fullmatch(characters):
        return characters
    return '"' + re.sub(r'(["\\])', r"\\\1", characters) + '"'


def split(address: str) -> tuple[str, str]:
    """
    Split an address at its @.

    Args:
        address: A mailbox without angle brackets, "" or "postmaster".

    Returns:
        The local part without quotes, and the domain.  "" and "postmaster" have the domain "".

    Example:
        >>> split('"ann example"@example.org')
        ('ann example', 'example.org')
    """
    local, at, domain = address.rpartition("@")
    return (unquote(local), domain) if at else (domain, "")


def format_path(address: str) -> str:
    """
    Return an address as a path; the inverse of `parse_path`.

    Args:
        address: A mailbox without angle brackets, "" or "postmaster".

    Returns:
        The address in angle brackets.

    Raises:
        Malformed: The text is not an address.  So no address can add a command.

    Example:
        >>> format_path("ann@example.org")
        '<ann@example.org>'
        >>> format_path("Ann <a@b>")
        Traceback (most recent call last):
        txsmtpx.grammar.malformed.Malformed: an envelope has addresses without names and brackets: write 'a@b'
    """
    if not address or ("@" not in address and asciitext.lower(address) == "postmaster"):
        return f"<{address}>"
    try:
        return f"<{parse_mailbox(address)}>"
    except Malformed:
        inner = _within(address)
        if inner is None:
            raise
        raise Malformed(f"an envelope has addresses without names and brackets: write {inner!r}") from None


def _within(text: str) -> str | None:
    """
    Find the mailbox in an address of a header field (RFC 5322 §3.4) or of a link.

    Such are ``Name <a@example.org>``, ``<a@example.org>``, ``a@example.org (Name)`` and ``mailto:a@example.org``.

    Returns:
        The mailbox; None if the text is no such address.
    """
    stripped = inner = text.strip(_SPACE)
    if inner.endswith(">"):
        inner = inner[inner.rfind("<") + 1 : -1].strip(_SPACE)
    elif inner.endswith(")"):
        inner = inner[: inner.find("(")].strip(_SPACE)
    if asciitext.lower(inner[:7]) == "mailto:":
        inner = inner[7:]
    try:
        return parse_mailbox(inner) if inner != stripped else None
    except Malformed:
        return None
