"""
Paths and mailboxes: RFC 5321 §4.1.2 and §4.1.3, with UTF-8 as RFC 6531 §3.3 adds it.

An address is a ``str`` in the API, "" for the null path; a local part is quoted only where it must
be, so that two spellings of a mailbox are one string (RFC 5321 §4.1.2: "John Smith"@x, "joe"@x is joe@x).
"""

from __future__ import annotations

import ipaddress
import re

from txsmtpx.grammar import asciitext
from txsmtpx.grammar.domain import MAX_DOMAIN, check_domain
from txsmtpx.grammar.malformed import Malformed

MAX_LOCAL_PART = 256
"""Octets: RFC 5321 §4.5.3.1.1 asks for 64, bounces of mailing lists need more."""

_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\u0080-\U0010ffff]"
_DOT_STRING = rf"{_ATEXT}+(?:\.{_ATEXT}+)*"
_QUOTED = r'"(?:[ !#-\[\]-~\u0080-\U0010ffff]|\\[ -~])*"'
# An underscore is no letter of a host name, but stands in names that people have.
_LABEL = r"[A-Za-z0-9_\u0080-\U0010ffff](?:[A-Za-z0-9_\-\u0080-\U0010ffff]*[A-Za-z0-9_\u0080-\U0010ffff])?"
_DOMAIN = rf"{_LABEL}(?:\.{_LABEL})*"
_LITERAL = r"\[[!-Z^-~]+\]"

_SPACE = " \t\r\n"  # of header fields: RFC 5322 §3.2.2

_SIMPLE = re.compile(rf" *<({_DOT_STRING})@({_DOMAIN})>(?: +(.*))?")
_ROUTE = re.compile(rf"@(?:{_DOMAIN}|{_LITERAL})(?:,@(?:{_DOMAIN}|{_LITERAL}))*:")
_MAILBOX = re.compile(rf"({_DOT_STRING}|{_QUOTED})@({_DOMAIN}|{_LITERAL})")
_ONLY_DOT_STRING = re.compile(_DOT_STRING)
_TAGGED_LITERAL = re.compile(r"[A-Za-z0-9-]*[A-Za-z0-9]:[!-Z^-~]+")


def parse_path(text: str) -> tuple[str, str]:
    """
    What follows "FROM:" or "TO:", as (address, rest): the address without its brackets, the rest is the parameters.

    A source route is accepted and dropped (RFC 5321 §4.1.1.3, appendix C).  Spaces before the bracket
    are let pass: many send them.

    Raises:
        Malformed: No path, with a word on what is wrong.
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
    if inner.startswith("@"):
        route = _ROUTE.match(inner)
        if route is None:
            raise Malformed("bad source route")
        return parse_mailbox(inner[route.end() :]), rest
    if not inner or asciitext.lower(inner) == "postmaster":
        return inner, rest
    return parse_mailbox(inner), rest


def _end_of_path(text: str) -> int:
    """The index behind the closing bracket, which quoted brackets are not."""
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
    ``text``, a mailbox without brackets, in its plainest spelling.

    Raises:
        Malformed: It is none.
    """
    match = _MAILBOX.fullmatch(text)
    if match is None:
        raise Malformed("not a mailbox")
    local, domain = match[1], match[2]
    if domain.startswith("["):
        _check_literal(domain[1:-1])
    if local.startswith('"'):
        local = quote(unquote(local))
    _check_lengths(local, domain)
    return f"{local}@{domain}"


def check_domain_part(text: str) -> None:
    """
    Check that ``text`` is what may stand behind the @ of a mailbox: a domain or an address literal.

    A dot at the end of a domain is allowed; on the wire there is none (RFC 5321 §2.3.5).

    Raises:
        Malformed: It is neither.
    """
    parse_mailbox(f"postmaster@{text.removesuffix('.')}")


def _check_lengths(local: str, domain: str) -> None:
    if len(local) > MAX_LOCAL_PART // 4 and len(local.encode("utf-8")) > MAX_LOCAL_PART:
        raise Malformed("the local part is too long")
    if len(domain) > MAX_DOMAIN // 4:
        if len(domain.encode("utf-8")) > MAX_DOMAIN:
            raise Malformed("the domain is too long")
        if any(len(label) > 63 for label in domain.split(".")) and not domain.startswith("["):
            raise Malformed("a label of the domain is too long")
    if not domain.isascii():
        check_domain(domain)  # RFC 6531 §3.3: U-labels, whose A-labels have a length too


def _check_literal(literal: str) -> None:
    """RFC 5321 §4.1.3: an IPv4 address, IPv6: and an address, or a tag and its content."""
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
    """The characters a local part stands for: quotes and backslashes gone (RFC 5321 §4.1.2)."""
    if not local_part.startswith('"'):
        return local_part
    return re.sub(r"\\(.)", r"\1", local_part[1:-1])


def quote(characters: str) -> str:
    """A local part for these characters, quoted if it must be."""
    if _ONLY_DOT_STRING.fullmatch(characters):
        return characters
    return '"' + re.sub(r'(["\\])', r"\\\1", characters) + '"'


def split(address: str) -> tuple[str, str]:
    """An address as (local part as characters, domain); the domain is "" for the null path and <Postmaster>."""
    local, at, domain = address.rpartition("@")
    return (unquote(local), domain) if at else (domain, "")


def format_path(address: str) -> str:
    """
    ``address`` as a path, the inverse of `parse_path`.

    Raises:
        Malformed: It is no address; nothing that could be taken for a command is ever written.
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
    Return the address in ``text`` if that is an address as header fields and links have it, otherwise None.

    That is ``Name <a@example.org>``, ``<a@example.org>``, ``a@example.org (Name)`` (RFC 5322 §3.4) or
    ``mailto:a@example.org``.
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
