"""
An email.message.EmailMessage as the octets that a server takes: RFC 5322, RFC 6152, RFC 6532.

What was parsed and not changed is written as it was parsed, since a field that is folded anew breaks a DKIM signature
(RFC 6376 §3.4).  A message of email_message has its octets.  Python's own parser keeps a field as text, with its folds,
which is written as it is; what it does not keep is lost: white space between the colon and the value, and around the
delimiters of a multipart.

Nothing is written that the server does not take: octets above 127 in a body become quoted-printable or base64, and in
fields encoded words, unless they are allowed.
"""

from __future__ import annotations

import base64
import binascii
import copy
import io
import re
from email.charset import UNKNOWN8BIT
from email.generator import BytesGenerator
from email.header import Header
from email.headerregistry import Address, Group
from email.message import EmailMessage
from email.policy import EmailPolicy
from typing import Any

from txsmtpx.content import field, transfer_encoding
from txsmtpx.content.email_message import octets_as_parsed
from txsmtpx.content.utf8_fields import UTF8Fields
from txsmtpx.grammar.domain import to_a_label

MAX_LINE = 998
"""Characters of a line: RFC 5322 §2.1.1."""

_LINE_END = re.compile(r"\r\n|\r|\n")
_FOREIGN = re.compile(rb"[\x80-\xff]")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_ADDRESSES = ("From", "Sender", "Reply-To", "To", "Cc", "Resent-From", "Resent-Sender", "Resent-To", "Resent-Cc")
"""Headers that hold addresses (RFC 5322 §3.6.2, §3.6.3, §3.6.6)."""


def needs_utf8(message: Any) -> bool:
    """
    Tell whether an address in a header has a local part that is not ASCII, so that only RFC 6532 can write it.

    Args:
        message: An EmailMessage, or a Message of the older kind, which has no such addresses.

    Returns:
        True where it has.
    """
    if not isinstance(message, EmailMessage):
        return False
    headers = [header for name in _ADDRESSES for header in message.get_all(name, ())]
    return any(not each.username.isascii() for header in headers for each in getattr(header, "addresses", ()))


def came_in_utf8(message: Any) -> bool:
    """
    Tell whether a field of a message, or of a part, was parsed from UTF-8, and has not been changed.

    Args:
        message: The message.

    Returns:
        True where there is one: the message can be written as it came only if UTF-8 is allowed.
    """
    values = (value for part in message.walk() for _, value in part._headers)
    return any(_utf8_of(value) is not None for value in values if isinstance(value, str) and not value.isascii())


def serialized(message: Any, *, eight_bit: bool, utf8: bool) -> bytes:
    """
    Write a message as it travels: CRLF, and no Bcc (RFC 5322 §3.6.3).

    Args:
        message: The message, which is not changed.
        eight_bit: Whether octets above 127 are allowed in bodies.
        utf8: Whether UTF-8 is allowed in header fields.

    Returns:
        The octets.  Without eight_bit they are ASCII, unless a part has octets above 127 in a transfer encoding that is
        not known.
    """
    octets = None if "Bcc" in message or "Resent-Bcc" in message else octets_as_parsed(message)
    if octets is not None and (octets.isascii() or (eight_bit and (utf8 or not UTF8Fields().feed(octets)))):
        return octets
    message = _detached(message, eight_bit, utf8)
    del message["Bcc"], message["Resent-Bcc"]
    # Bodies are encoded below; octets that are left are allowed, or cannot be helped.
    how = message.policy.clone(linesep="\r\n", cte_type="8bit")
    if isinstance(how, EmailPolicy):
        how = how.clone(utf8=utf8)
        if not utf8:
            _write_domains_in_ascii(message)
    written = io.BytesIO()
    BytesGenerator(written, mangle_from_=False, policy=how).flatten(message)
    return written.getvalue()


def _detached(message: Any, eight_bit: bool, utf8: bool) -> Any:
    """Copy a message to write in: headers, and what of the contents must be encoded."""
    copied = copy.copy(message)
    copied._headers = [
        (name, _writable(name, value, message.policy, eight_bit, utf8) if isinstance(value, str) else value)
        for name, value in message._headers
    ]
    if isinstance(message._payload, list):
        copied._payload = [_detached(part, eight_bit, utf8) for part in message._payload]
    if not eight_bit:
        _encode(copied)
    return copied


# ---- fields


class _AsItCame:
    """
    The value of a field that nobody has changed.

    The generator of an EmailMessage asks it by fold, that of a Message of the older kind by encode.
    """

    def __init__(self, name: str, lines: list[str]) -> None:
        self.name = name
        self._lines = lines

    def fold(self, *, policy: EmailPolicy) -> str:
        return f"{self.name}: {policy.linesep.join(self._lines)}{policy.linesep}"

    def encode(self, *, linesep: str, **how: Any) -> str:
        return linesep.join(self._lines)

    def __str__(self) -> str:
        return "".join(self._lines)


def _writable(name: str, value: str, policy: Any, eight_bit: bool, utf8: bool) -> Any:
    """Return the value of a field in a form that is written as it came, where that is allowed."""
    modern = isinstance(policy, EmailPolicy)
    if modern and hasattr(value, "name"):
        return value  # a header object that the program has set
    lines = _LINE_END.split(value)
    if not value.isascii():
        text = _utf8_of(value)
        if text is None and not _is_raw(value):
            return value  # the program's own text, in a message of the older kind
        if text is not None and not utf8:
            return _encoded(name, "".join(_LINE_END.split(text)), policy)
        if text is None and not eight_bit:
            text = "".join(lines)
            return policy.header_factory(name, text) if modern else Header(value, UNKNOWN8BIT, header_name=name)
    whole = all(line[:1] in (" ", "\t") for line in lines[1:])
    # In a message of the older kind a field that was parsed looks like one that the program has set.
    return _AsItCame(name, lines) if whole and (modern or max(map(len, lines)) <= MAX_LINE) else value


def _is_raw(value: str) -> bool:
    """Tell whether a value holds octets that a parser has not decoded, and nothing else above 127."""
    try:
        value.encode("ascii", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def _utf8_of(value: str) -> str | None:
    """Return the text of a value that was parsed from UTF-8, None for any other."""
    try:
        return value.encode("ascii", "surrogateescape").decode()
    except UnicodeError:
        return None


def _encoded(name: str, text: str, policy: Any) -> Any:
    """Return a value that was parsed from UTF-8 as one that is written in ASCII."""
    if isinstance(policy, EmailPolicy):
        try:
            made = policy.header_factory(name, text)
            made.fold(policy=policy)
        except Exception:  # IndexError, ValueError, AttributeError and RecursionError were seen
            made = None
        if hasattr(made, "groups") or hasattr(made, "params"):
            return made  # only such fields are encoded otherwise than word by word
    lines = field.encode("X", _CONTROLS.sub(" ", text)).decode("ascii").split("\r\n")
    return _AsItCame(name, [lines[0].removeprefix("X: "), *lines[1:-1]])


def _write_domains_in_ascii(message: Any) -> None:
    """Write domains as their A-labels: Python would make encoded words of them."""
    for index, (name, header) in enumerate(message._headers):
        groups = getattr(header, "groups", ())
        if not all(each.domain.isascii() for group in groups for each in group.addresses):
            renamed = [Group(group.display_name, tuple(map(_in_ascii, group.addresses))) for group in groups]
            message._headers[index] = message.policy.header_store_parse(name, renamed)


def _in_ascii(address: Address) -> Address:
    return Address(address.display_name, address.username, to_a_label(address.domain))


# ---- bodies


def _encode(part: Any) -> None:
    """Encode octets above 127 in a part that was copied (RFC 6152 §3), so that what is decoded is the same."""
    part.preamble, part.epilogue = _without_foreign(part.preamble), _without_foreign(part.epilogue)
    encoding = transfer_encoding.name(str(part.get("Content-Transfer-Encoding", "")).encode("utf-8", "replace"))
    payload = part._payload
    if not isinstance(payload, str):
        if encoding in ("8bit", "binary"):
            _set_encoding(part, "7bit")  # RFC 2045 §6.4: the parts are encoded, not the multipart
        return
    if payload.isascii() or not _is_raw(payload):
        return
    octets = payload.encode("ascii", "surrogateescape")
    if encoding in ("", "7bit", "8bit", "binary"):
        is_text = part.get_content_maintype() == "text"
        _set_encoding(part, "quoted-printable" if is_text else "base64")
        octets = binascii.b2a_qp(octets) if is_text else base64.encodebytes(octets)
    elif encoding == "quoted-printable":
        octets = _FOREIGN.sub(lambda found: b"=%02X" % found[0][0], octets)
    elif encoding == "base64":
        octets = _FOREIGN.sub(b"", octets)  # RFC 2045 §6.8: readers ignore them
    part._payload = octets.decode("ascii", "surrogateescape")


def _set_encoding(part: Any, encoding: str) -> None:
    """Set the Content-Transfer-Encoding of a part, in its place."""
    name = "Content-Transfer-Encoding"
    stored = part.policy.header_store_parse(name, encoding)
    named = [index for index, (each, _) in enumerate(part._headers) if each.lower() == name.lower()]
    if named:
        part._headers[named[0]] = stored
    else:
        part._headers.append(stored)


def _without_foreign(text: str | None) -> str | None:
    """Return what stands before or behind the parts of a multipart, which no reader shows, in ASCII."""
    return text if text is None or text.isascii() else text.encode("ascii", "replace").decode("ascii")
