"""
A message as an email.message.EmailMessage, for programs that want one.

The parts come from the reader of this package, so that one message has one reading.  Python's own parser is used for
the values of fields only.  It is quadratic, raises on some values, and keeps the name of each unknown charset for ever.
So a value that is long, or that it raises on, is given as text, and encoded words reach it in charsets that it knows.
"""

from __future__ import annotations

import re
from email.contentmanager import ContentManager, raw_data_manager
from email.message import EmailMessage, Message
from email.policy import EmailPolicy
from typing import Any

from txsmtpx.content import header
from txsmtpx.content import part as parts
from txsmtpx.content.charset import MAX_LABEL, codec, text_of
from txsmtpx.content.field import value_text
from txsmtpx.content.header import Header

MAX_PARSED = 2000
"""Characters of a value that Python's parser is given.  Its time grows with their square: 2,000 take milliseconds."""

MAX_MESSAGES = 20
"""Messages within each other that are taken apart."""

MAX_BLOCKS = 1000
"""Groups of fields in a delivery status: one for the message and one for each recipient."""

_LINE_END = re.compile(r"[\r\n]+")
_CHARSET = re.compile(r"=\?([^?*\s]+)(?=[*?])")
_FREE_TEXTS = frozenset({"subject", "comments", "keywords", "content-description", "thread-topic"})
_WITH_PARAMETERS = frozenset({"content-type", "content-disposition"})


class _Message(EmailMessage):
    """Looks up no charset that this package does not know, and keeps the octets that it was made of."""

    _octets: bytes | None = None
    _as_parsed: object = None

    def get_param(self, param: str, failobj: Any = None, header: str = "content-type", unquote: bool = True) -> Any:
        found = super().get_param(param, failobj, header, unquote)
        charset, value = (found[0], found[2]) if isinstance(found, tuple) else (None, found)  # RFC 2231
        if charset and codec(charset) is None:
            return failobj
        return failobj if param == "charset" and isinstance(value, str) and codec(value) is None else found

    def is_attachment(self) -> bool:
        """Read the disposition also where the value is text; Python's own method, which get_body calls, raises then."""
        return self.get_content_disposition() == "attachment"


class _Policy(EmailPolicy):
    """Reads values without raising, and without growing."""

    def header_fetch_parse(self, name: str, value: str) -> Any:
        if hasattr(value, "name"):  # a header object that the program has set
            return value
        raw = value.encode("utf-8", "surrogateescape")
        lowered = name.lower()
        if lowered in _FREE_TEXTS or lowered.startswith("x-"):
            return value_text(raw)
        if len(value) > MAX_PARSED:
            # EmailMessage itself looks for parameters in what it is given, and is quadratic too.
            return value_text(raw[:MAX_PARSED] if lowered in _WITH_PARAMETERS else raw)
        try:
            return self.header_factory(name, _CHARSET.sub(_known, _LINE_END.sub("", text_of(raw))))
        except Exception:
            # IndexError, ValueError, AttributeError and RecursionError were seen.
            return value_text(raw)


def _known(charset: re.Match[str]) -> str:
    name = codec(charset[1]) if len(charset[1]) <= MAX_LABEL else None
    return f"=?{name.replace('_', '-').removesuffix('-sig') if name else 'unknown-8bit'}"


class _Manager(ContentManager):
    """Reads text in any charset.  Python's own manager raises for one that it does not know."""

    def get_content(self, msg: Message, *args: Any, **kw: Any) -> Any:
        kind = msg.get_content_maintype()
        if kind == "message" and not msg.is_multipart():  # one that lies too deep, or has no fields
            return msg.get_payload(decode=True)
        if kind != "text" and (kind != "multipart" or msg.is_multipart()):
            return raw_data_manager.get_content(msg, *args, **kw)
        payload = msg.get_payload(decode=True)  # of a multipart in which no part was found too
        charset = msg.get_param("charset")
        if isinstance(charset, tuple):  # RFC 2231: charset, language, value
            charset = charset[2]
        return text_of(payload, charset) if isinstance(payload, bytes) else ""

    def set_content(self, msg: Message, obj: Any, *args: Any, **kw: Any) -> None:
        raw_data_manager.set_content(msg, obj, *args, **kw)


# With refold_source, fields that nobody has changed are written as they came.
_POLICY = _Policy(linesep="\r\n", content_manager=_Manager(), refold_source="none", message_factory=_Message)


def email_message(content: bytes) -> EmailMessage:
    """
    Return a message as an EmailMessage.

    Args:
        content: The octets of the message.

    Returns:
        The message.  A value that Python's parser cannot read is plain text.

    Example:
        >>> email_message(b"Subject: hello\\r\\n\\r\\nbody\\r\\n").get_content()
        'body\\r\\n'
    """
    root = parts.read(content)
    made = _with_fields(root.header)
    pending = [(root, made, 0)]
    while pending:
        part, message, depth = pending.pop()
        for inner in part.parts:
            attached = _attached(message, inner.header)
            attached.set_default_type(inner.default_type)  # within a digest (RFC 2046 §5.1.5)
            pending.append((inner, attached, depth))
        if part.content_type.startswith("message/") and depth < MAX_MESSAGES:
            if part.content_type == "message/delivery-status":
                _attach_blocks(part.octets, message)
            else:
                within = parts.read(part.octets)
                pending.append((within, _attached(message, within.header), depth + 1))
        elif not part.parts:
            message.set_payload(part.body.decode("ascii", "surrogateescape"))
    made._octets, made._as_parsed = content, _state(made)
    return made


def octets_as_parsed(message: object) -> bytes | None:
    """
    Return the octets that email_message has made a message of.

    Args:
        message: The message.

    Returns:
        The octets; None where the message, or a part of it, has been changed since, or comes from elsewhere.
    """
    if not isinstance(message, _Message) or message._octets is None or message._as_parsed != _state(message):
        return None
    return message._octets


def _state(message: Any) -> object:
    """Return all of a message that can be changed.  The strings are not copied."""
    payload = message._payload
    contents = tuple(map(_state, payload)) if isinstance(payload, list) else payload
    return tuple(message._headers), contents, message.preamble, message.epilogue


def _with_fields(fields: Header) -> _Message:
    message = _Message(_POLICY)
    for field in fields.fields:
        name = field.name.encode("latin-1").decode("ascii", "surrogateescape")
        message.set_raw(name, field.raw.decode("ascii", "surrogateescape").lstrip(" \t"))
    return message


def _attached(message: EmailMessage, fields: Header) -> _Message:
    inner = _with_fields(fields)
    message.attach(inner)
    return inner


def _attach_blocks(octets: bytes, message: EmailMessage) -> None:
    """Attach the groups of fields of a delivery status, each a message without a body (RFC 3464 §2.1)."""
    message.set_payload([])
    at = 0
    for _ in range(MAX_BLOCKS):
        block = header.read(octets, at)
        if not block.size:
            break
        at += block.size
        if block.fields:
            _attached(message, block)
