"""
An ``email.message.EmailMessage`` as the octets that the client sends: RFC 5322, RFC 6152, RFC 6532.

A part that was parsed and not changed is written as it came, since a field that is folded anew breaks a DKIM signature
(RFC 6376 §3.4).  A message of `txsmtpx.content.email_message` has its octets.  Python's parser keeps each field as text
with its folds, and this text is written.  It does not keep white space between the colon and the value, or around the
delimiters of a multipart.

If the server does not offer the extension that allows octets above 127, they are encoded: in a body as quoted-printable
or base64, in a field as encoded words.
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
from email.message import EmailMessage, Message
from email.policy import EmailPolicy, Policy

from txsmtpx.content import field, transfer_encoding
from txsmtpx.content.email_message import octets_as_parsed, raw_fields, raw_payload
from txsmtpx.content.utf8_fields import UTF8Fields
from txsmtpx.grammar.domain import to_a_label

MAX_LINE = 998
"""Characters of a line (RFC 5322 §2.1.1)."""

_LINE_END = re.compile(r"\r\n|\r|\n")
_FOREIGN = re.compile(rb"[\x80-\xff]")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_ADDRESSES = ("From", "Sender", "Reply-To", "To", "Cc", "Resent-From", "Resent-Sender", "Resent-To", "Resent-Cc")
"""Fields that hold addresses (RFC 5322 §3.6.2, §3.6.3, §3.6.6)."""


def needs_utf8(message: object) -> bool:
    """
    Tell whether a message can be written only with UTF-8 in its header fields (RFC 6532).

    Args:
        message: An EmailMessage.  A Message of the older kind, or octets, never need UTF-8.

    Returns:
        True if an address in a field has a local part beyond ASCII.

    Example:
        >>> message = EmailMessage()
        >>> message["To"] = "jürgen@example.org"
        >>> needs_utf8(message)
        True
    """
    if not isinstance(message, EmailMessage):
        return False
    headers = [header for name in _ADDRESSES for header in message.get_all(name, ())]
    return any(not each.username.isascii() for header in headers for each in getattr(header, "addresses", ()))


def came_in_utf8(message: Message) -> bool:
    """
    Tell whether a message can be written as it came only with UTF-8 in its header fields.

    Args:
        message: The message.

    Returns:
        True if a field of the message or of a part was parsed from UTF-8 and not changed.

    Example:
        >>> from email import message_from_bytes
        >>> came_in_utf8(message_from_bytes("Subject: Grüße".encode()))
        True
    """
    values = (value for part in message.walk() for _, value in raw_fields(part))
    return any(_utf8_of(value) is not None for value in values if isinstance(value, str) and not value.isascii())


def serialized(message: Message, *, eight_bit: bool, utf8: bool) -> bytes:
    r"""
    Return a message as the client sends it, with CRLF, and without Bcc (RFC 5322 §3.6.3).

    Args:
        message: The message, which is not changed.
        eight_bit: True if octets above 127 are allowed in bodies.
        utf8: True if UTF-8 is allowed in header fields.

    Returns:
        The octets.  If eight_bit is False they are ASCII, unless a part has octets above 127 in an unknown transfer
        encoding.

    Example:
        >>> message = EmailMessage()
        >>> message["Subject"] = "hello"
        >>> message["Bcc"] = "ann@example.org"
        >>> serialized(message, eight_bit=False, utf8=False)
        b'Subject: hello\r\n\r\n'
    """
    octets = None if "Bcc" in message or "Resent-Bcc" in message else octets_as_parsed(message)
    if octets is not None and (octets.isascii() or (eight_bit and (utf8 or not UTF8Fields().feed(octets)))):
        return octets
    message = _detached(message, eight_bit, utf8)
    del message["Bcc"], message["Resent-Bcc"]
    # Octets above 127 that are still in the bodies are allowed, or cannot be encoded.
    how = message.policy.clone(linesep="\r\n", cte_type="8bit")
    if isinstance(how, EmailPolicy):
        how = how.clone(utf8=utf8)
        if not utf8:
            _write_domains_in_ascii(message, how)
    written = io.BytesIO()
    BytesGenerator(written, mangle_from_=False, policy=how).flatten(message)
    return written.getvalue()


def _detached(message: Message, eight_bit: bool, utf8: bool) -> Message:
    """Return a copy of a message whose fields and bodies may be changed, with the bodies encoded if they must be."""
    copied = copy.copy(message)
    copied._headers = [  # type: ignore[attr-defined]  # the methods parse the values
        (name, _writable(name, value, message.policy, eight_bit, utf8) if isinstance(value, str) else value)
        for name, value in raw_fields(message)
    ]
    payload = raw_payload(message)
    if isinstance(payload, list):
        copied.set_payload([_detached(part, eight_bit, utf8) for part in payload])
    if not eight_bit:
        _encode(copied)
    return copied


# ---- fields


class _AsItCame:
    """
    The value of a field that was not changed.

    The generator calls fold to write an EmailMessage, and encode to write a Message of the older kind.
    """

    def __init__(self, name: str, lines: list[str]) -> None:
        self.name = name
        self._lines = lines

    def fold(self, *, policy: EmailPolicy) -> str:
        return f"{self.name}: {policy.linesep.join(self._lines)}{policy.linesep}"

    def encode(self, *, linesep: str, **how: object) -> str:
        return linesep.join(self._lines)

    def __str__(self) -> str:
        return "".join(self._lines)


def _writable(name: str, value: str, policy: Policy, eight_bit: bool, utf8: bool) -> object:
    """Return the value of a field in a form that is written as it came, if that is allowed."""
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
            if isinstance(policy, EmailPolicy):
                return policy.header_factory(name, text)
            return Header(value, UNKNOWN8BIT, header_name=name)
    whole = all(line[:1] in (" ", "\t") for line in lines[1:])
    # In a message of the older kind, a field that was parsed cannot be told from one that the program has set.
    return _AsItCame(name, lines) if whole and (modern or max(map(len, lines)) <= MAX_LINE) else value


def _is_raw(value: str) -> bool:
    """Return True if a value holds octets that a parser has not decoded, and no other characters above 127."""
    try:
        value.encode("ascii", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def _utf8_of(value: str) -> str | None:
    """Return the text of a value that was parsed from UTF-8; None for any other value."""
    try:
        return value.encode("ascii", "surrogateescape").decode()
    except UnicodeError:
        return None


def _encoded(name: str, text: str, policy: Policy) -> object:
    """Return a value that was parsed from UTF-8 in a form that is written in ASCII."""
    if isinstance(policy, EmailPolicy):
        try:
            made = policy.header_factory(name, text)
            made.fold(policy=policy)
        except Exception:  # known are IndexError, ValueError, AttributeError and RecursionError
            made = None
        if hasattr(made, "groups") or hasattr(made, "params"):
            return made  # fields with addresses or parameters; all others are encoded word by word
    lines = field.encode("X", _CONTROLS.sub(" ", text)).decode("ascii").split("\r\n")
    return _AsItCame(name, [lines[0].removeprefix("X: "), *lines[1:-1]])


def _write_domains_in_ascii(message: Message, policy: EmailPolicy) -> None:
    """Replace domains by their A-labels, since Python would write encoded words."""
    fields = raw_fields(message)
    for index, (name, header) in enumerate(fields):
        groups = getattr(header, "groups", ())
        if not all(each.domain.isascii() for group in groups for each in group.addresses):
            renamed = [Group(group.display_name, tuple(map(_in_ascii, group.addresses))) for group in groups]
            fields[index] = policy.header_store_parse(name, renamed)


def _in_ascii(address: Address) -> Address:
    return Address(address.display_name, address.username, to_a_label(address.domain))


# ---- bodies


def _encode(part: Message) -> None:
    """Encode octets above 127 in a part that was copied (RFC 6152 §3).  The decoded body stays the same."""
    part.preamble, part.epilogue = _without_foreign(part.preamble), _without_foreign(part.epilogue)
    encoding = transfer_encoding.name(str(part.get("Content-Transfer-Encoding", "")).encode("utf-8", "replace"))
    payload = raw_payload(part)
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
        octets = _FOREIGN.sub(b"", octets)  # RFC 2045 §6.8: decoders ignore them
    part.set_payload(octets.decode("ascii", "surrogateescape"))


def _set_encoding(part: Message, encoding: str) -> None:
    """Set the Content-Transfer-Encoding of a part, without moving the field."""
    name = "Content-Transfer-Encoding"
    stored = part.policy.header_store_parse(name, encoding)
    fields = raw_fields(part)
    named = [index for index, (each, _) in enumerate(fields) if each.lower() == name.lower()]
    if named:
        fields[named[0]] = stored
    else:
        fields.append(stored)


def _without_foreign(text: str | None) -> str | None:
    """Return the text before or behind the parts of a multipart, which no reader shows, in ASCII."""
    return text if text is None or text.isascii() else text.encode("ascii", "replace").decode("ascii")
