"""
A message as an ``email.message.EmailMessage``.

The parts are those that `txsmtpx.content.part` reads, so that all readers see the same message.  Python's parser is
used for the values of fields only.  It is quadratic, raises errors for some values, and keeps the name of each unknown
charset for ever.  So a long value, or one that the parser raises an error for, becomes plain text.  The names of
charsets in encoded words are replaced by names that Python has.
"""

from __future__ import annotations

import re
from email.contentmanager import ContentManager, raw_data_manager
from email.message import EmailMessage, Message
from email.policy import EmailPolicy

from txsmtpx.content import header
from txsmtpx.content import part as parts
from txsmtpx.content.charset import MAX_LABEL, codec, text_of
from txsmtpx.content.field import value_text
from txsmtpx.content.header import Header

MAX_PARSED = 2000
"""Characters of a value that Python's parser reads.  Its time grows with their square: 2,000 take milliseconds."""

MAX_MESSAGES = 20
"""Messages within each other that are parsed.  A deeper one has no parts."""

MAX_BLOCKS = 1000
"""Groups of fields that are read of a delivery status: one for the message, and one for each recipient."""

_LINE_END = re.compile(r"[\r\n]+")
_CHARSET = re.compile(r"=\?([^?*\s]+)(?=[*?])")
_FREE_TEXTS = frozenset({"subject", "comments", "keywords", "content-description", "thread-topic"})
_WITH_PARAMETERS = frozenset({"content-type", "content-disposition"})


class _Message(EmailMessage):
    """An EmailMessage that looks up only known charsets, and keeps the octets from which it was made."""

    _octets: bytes | None = None
    _as_parsed: object = None

    def get_param(  # type: ignore[override]  # typeshed has an overload for None
        self, param: str, failobj: object = None, header: str = "content-type", unquote: bool = True
    ) -> object:
        # Python looks up the charset of a parameter, and the parameter "charset".
        found = super().get_param(param, failobj, header, unquote)
        charset, value = (found[0], found[2]) if isinstance(found, tuple) else (None, found)  # RFC 2231
        if charset and codec(charset) is None:
            return failobj
        return failobj if param == "charset" and isinstance(value, str) and codec(value) is None else found

    def is_attachment(self) -> bool:
        """Return True for an attachment.  Python's method raises an error if the value is plain text."""
        return self.get_content_disposition() == "attachment"


class _Policy(EmailPolicy):
    """A policy that reads values without an error, and without keeping anything."""

    def header_fetch_parse(self, name: str, value: str) -> str:
        if hasattr(value, "name"):  # a header object that the program has set
            return value
        raw = value.encode("utf-8", "surrogateescape")
        lowered = name.lower()
        if lowered in _FREE_TEXTS or lowered.startswith("x-"):
            return value_text(raw)
        if len(value) > MAX_PARSED:
            # EmailMessage searches the text for parameters, and is quadratic too.
            return value_text(raw[:MAX_PARSED] if lowered in _WITH_PARAMETERS else raw)
        try:
            parsed: str = self.header_factory(name, _CHARSET.sub(_known, _LINE_END.sub("", text_of(raw))))
            return parsed
        except Exception:
            # Known are IndexError, ValueError, AttributeError and RecursionError.
            return value_text(raw)


def _known(charset: re.Match[str]) -> str:
    name = codec(charset[1]) if len(charset[1]) <= MAX_LABEL else None
    return f"=?{name.replace('_', '-').removesuffix('-sig') if name else 'unknown-8bit'}"


class _Manager(ContentManager):
    """A manager that reads text in any charset.  Python's manager raises an error for an unknown one."""

    def get_content(self, msg: Message, *args: object, **kw: object) -> object:
        kind = msg.get_content_maintype()
        if kind == "message" and not msg.is_multipart():  # one that is nested too deep, or has no fields
            return msg.get_payload(decode=True)
        if kind != "text" and (kind != "multipart" or msg.is_multipart()):
            return raw_data_manager.get_content(msg, *args, **kw)
        payload = msg.get_payload(decode=True)  # also of a multipart in which no part was found
        charset = msg.get_param("charset")
        if isinstance(charset, tuple):  # RFC 2231: charset, language, value
            charset = charset[2]
        return text_of(payload, charset) if isinstance(payload, bytes) else ""

    def set_content(self, msg: Message, obj: object, *args: object, **kw: object) -> None:
        raw_data_manager.set_content(msg, obj, *args, **kw)


# With refold_source, fields that were not changed are written as they came.
_POLICY = _Policy(linesep="\r\n", content_manager=_Manager(), refold_source="none", message_factory=_Message)


def email_message(content: bytes) -> EmailMessage:
    r"""
    Parse a message into an EmailMessage.

    Args:
        content: The octets of the message.

    Returns:
        The message.  A value that Python's parser cannot read is plain text.

    Example:
        >>> email_message(b"Subject: hello\r\n\r\nbody\r\n").get_content()
        'body\r\n'
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
    r"""
    Return the octets from which `email_message` made a message.

    Args:
        message: The message.

    Returns:
        The octets; None if the message or a part of it was changed since, or if another function made it.

    Example:
        >>> message = email_message(b"Subject: hello\r\n\r\nbody\r\n")
        >>> octets_as_parsed(message)
        b'Subject: hello\r\n\r\nbody\r\n'
        >>> message["To"] = "ann@example.org"
        >>> octets_as_parsed(message)
    """
    if not isinstance(message, _Message) or message._octets is None or message._as_parsed != _state(message):
        return None
    return message._octets


def _state(message: Message) -> object:
    """Return everything of a message that can be changed.  The strings are not copied."""
    payload = raw_payload(message)
    contents = tuple(map(_state, payload)) if isinstance(payload, list) else payload
    return tuple(raw_fields(message)), contents, message.preamble, message.epilogue


def raw_fields(message: Message) -> list[tuple[str, object]]:
    """
    Return the fields of a message as Python keeps them.

    Args:
        message: The message.

    Returns:
        The list that the message itself uses: names, and values that are not parsed, with their folds.
    """
    fields: list[tuple[str, object]] = message._headers  # type: ignore[attr-defined]  # the methods parse the values
    return fields


def raw_payload(message: Message) -> object:
    """
    Return the payload of a message as Python keeps it.

    Args:
        message: The message.

    Returns:
        The parts in a list, or the body as text, its octets above 127 as surrogates.
    """
    payload: object = message._payload  # type: ignore[attr-defined]  # get_payload decodes it
    return payload


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
