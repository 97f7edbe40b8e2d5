"""
The formats ``json`` and ``form``: a message with its envelope, parsed for a web application.

The fields of a form have names of this library, or those of the inbound hooks of Mailgun and SendGrid, for applications
that were written for them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime

from txsmtpx.backends.envelope_fields import EnvelopeFields
from txsmtpx.backends.envelope_recipient import EnvelopeRecipient
from txsmtpx.backends.mail_parts import MailParts
from txsmtpx.content.part import Part
from txsmtpx.grammar import moment
from txsmtpx.grammar.option_value import DeliverBy


@dataclass(frozen=True)
class FormFile:
    """
    A file of a form.

    Attributes:
        field: The name of its field.
        filename: The name of the file.
        content_type: Its type.
        octets: Its content.
    """

    field: str
    filename: str
    content_type: str
    octets: bytes


@dataclass(frozen=True)
class Form:
    """
    A form: fields of text, and files.

    Attributes:
        texts: The texts, each with the name of its field.
        files: The files.
    """

    texts: list[tuple[str, str]]
    files: list[FormFile]


def json_body(envelope: EnvelopeFields, parts: MailParts) -> bytes:
    """
    Return a message in JSON.

    Args:
        envelope: The envelope.
        parts: The message.

    Returns:
        The octets of the JSON.
    """
    found = {
        "envelope": json_envelope(envelope),
        "headers": [[name, _clean(value)] for name, value in parts.header.items()],
        "subject": _clean(parts.field("subject")),
        "from": _addresses(parts, "from"),
        "to": _addresses(parts, "to"),
        "cc": _addresses(parts, "cc"),
        "reply_to": _addresses(parts, "reply-to"),
        "date": _clean(parts.field("date")),
        "message_id": _clean(parts.field("message-id")),
        "text": None if parts.text is None else _clean(parts.text),
        "html": None if parts.html is None else _clean(parts.html),
        "attachments": [_attachment(each) for each in parts.attachments],
    }
    return json.dumps(found).encode("ascii")


def json_envelope(envelope: EnvelopeFields) -> dict[str, object]:
    """
    Return an envelope as an object of JSON.

    Args:
        envelope: The envelope.

    Returns:
        The fields by name.  A field without a value is null.
    """
    return {each.name: _value(getattr(envelope, each.name)) for each in fields(envelope)}


def _value(value: object) -> object:
    match value:
        case datetime():
            return moment.encode(value)
        case DeliverBy():
            return {"seconds": value.seconds, "mode": value.mode, "trace": value.trace}
        case EnvelopeRecipient():
            return value.as_json()
        case tuple():
            return [_value(each) for each in value]
    return value


def _addresses(parts: MailParts, name: str) -> list[dict[str, str]]:
    return [{"name": _clean(each.name), "address": _clean(each.address)} for each in parts.addresses(name)]


def _attachment(part: Part) -> dict[str, object]:
    octets = part.octets
    return {
        "filename": _clean(part.download_name),
        "content_type": part.content_type,
        "content_id": _clean(part.content_id) or None,
        "size": len(octets),
        "content": base64.b64encode(octets).decode("ascii"),
    }


def form_of(envelope: EnvelopeFields, parts: MailParts) -> Form:
    """
    Return a message as a form with the names of this library.

    Args:
        envelope: The envelope.
        parts: The message.

    Returns:
        The form.
    """
    texts = [
        *envelope.as_strings().items(),
        ("headers", json.dumps([[name, _clean(value)] for name, value in parts.header.items()])),
        *[(name.replace("-", "_"), _clean(parts.field(name))) for name in _FIELDS],
    ]
    texts += [(name, _clean(text)) for name, text in (("text", parts.text), ("html", parts.html)) if text is not None]
    return Form(texts, [_file(f"attachment-{at}", each) for at, each in enumerate(parts.attachments, 1)])


_FIELDS = ("subject", "from", "to", "cc", "reply-to", "date", "message-id")


def mailgun_form(envelope: EnvelopeFields, parts: MailParts, key: str = "") -> Form:
    """
    Return a message as a form with the names of a route of Mailgun.

    Args:
        envelope: The envelope.
        parts: The message.
        key: The key with which Mailgun signs; ``""`` for none.

    Returns:
        The form.  It lacks the fields ``stripped-...``, since this library does not search for signatures and quotes.
    """
    texts = [
        ("recipient", ",".join(each.address for each in envelope.recipients)),
        ("sender", envelope.sender),
        ("from", _clean(parts.field("from"))),
        ("subject", _clean(parts.field("subject"))),
        ("body-plain", _clean(parts.text or "")),
        *([] if parts.html is None else [("body-html", _clean(parts.html))]),
        ("message-headers", json.dumps([[name, _clean(value)] for name, value in parts.header.items()])),
        ("attachment-count", str(len(parts.attachments))),
    ]
    files = [_file(f"attachment-{at}", each) for at, each in enumerate(parts.attachments, 1)]
    ids = _content_ids(parts, files, "<{}>")
    if ids:
        texts.append(("content-id-map", json.dumps(ids)))
    stamp, token = str(int(envelope.received.timestamp())), secrets.token_hex(25)
    texts += [("timestamp", stamp), ("token", token)]
    if key:
        signature = hmac.new(key.encode(), f"{stamp}{token}".encode(), hashlib.sha256).hexdigest()
        texts.append(("signature", signature))
    return Form(texts, files)


def sendgrid_form(envelope: EnvelopeFields, parts: MailParts) -> Form:
    """
    Return a message as a form with the names of the Inbound Parse webhook of SendGrid.

    Args:
        envelope: The envelope.
        parts: The message.

    Returns:
        The form.  It lacks the results of DKIM, SPF and spam checks.
    """
    to = [each.address for each in envelope.recipients]
    raw = [f"{name}: {_clean(value)}" for name, value in parts.header.items()]
    files = [_file(f"attachment{at}", each) for at, each in enumerate(parts.attachments, 1)]
    described = {
        each.field: {"filename": each.filename, "name": each.filename, "type": each.content_type} for each in files
    }
    ids = _content_ids(parts, files, "{}")
    for cid, name in ids.items():
        described[name]["content-id"] = cid
    texts = [
        ("headers", "\n".join(raw) + "\n"),
        ("envelope", json.dumps({"to": to, "from": envelope.sender})),
        ("from", _clean(parts.field("from"))),
        ("to", _clean(parts.field("to"))),
        *([("cc", _clean(parts.field("cc")))] if parts.field("cc") else []),
        ("subject", _clean(parts.field("subject"))),
        *([] if parts.text is None else [("text", _clean(parts.text))]),
        *([] if parts.html is None else [("html", _clean(parts.html))]),
        ("sender_ip", envelope.peer_host),
        ("charsets", json.dumps(dict.fromkeys(("to", "from", "subject", "text", "html"), "UTF-8"))),
        ("attachments", str(len(files))),
    ]
    if files:
        texts.append(("attachment-info", json.dumps(described)))
    if ids:
        texts.append(("content-ids", json.dumps(ids)))
    return Form(texts, files)


def _file(field: str, part: Part) -> FormFile:
    return FormFile(field, _clean(part.download_name), part.content_type, part.octets)


def _content_ids(parts: MailParts, files: list[FormFile], form: str) -> Mapping[str, str]:
    """Return the names of the fields by their Content-ID."""
    pairs = zip(parts.attachments, files, strict=True)
    return {form.format(_clean(part.content_id)): file.field for part, file in pairs if part.content_id}


def _clean(text: str) -> str:
    """Return a text that UTF-8 can write: without lone surrogates."""
    return text.encode("utf-8", "replace").decode("utf-8")


FORMS: Mapping[str, Callable[[EnvelopeFields, MailParts], Form]] = {
    "own": form_of,
    "mailgun": mailgun_form,
    "sendgrid": sendgrid_form,
}
"""The names of the fields of a form, and the function that makes it."""


def multipart(form: Form, boundary: str = "") -> tuple[str, bytes]:
    r"""
    Write a form as ``multipart/form-data`` (RFC 7578).

    Args:
        form: The form.
        boundary: The boundary; ``""`` for a random one.

    Returns:
        The value of Content-Type, and the body.

    Example:
        >>> kind, body = multipart(Form([("a", "b")], []), "x")
        >>> body
        b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x--\r\n'
    """
    boundary = boundary or secrets.token_hex(16)
    pieces: list[bytes] = []
    for name, text in form.texts:
        pieces += [_beginning(boundary, name), b"\r\n", text.encode(), b"\r\n"]
    for each in form.files:
        kind = f"Content-Type: {each.content_type}\r\n\r\n".encode("ascii", "replace")
        pieces += [_beginning(boundary, each.field, each.filename), kind, each.octets, b"\r\n"]
    pieces.append(f"--{boundary}--\r\n".encode())
    return f"multipart/form-data; boundary={boundary}", b"".join(pieces)


def _beginning(boundary: str, name: str, filename: str | None = None) -> bytes:
    file = "" if filename is None else f'; filename="{_escaped(filename)}"'
    return f'--{boundary}\r\nContent-Disposition: form-data; name="{_escaped(name)}"{file}\r\n'.encode()


def _escaped(text: str) -> str:
    # As browsers do (WHATWG HTML, "multipart/form-data encoding algorithm").  Frameworks in Python also read "\\".
    return text.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22").replace("\\", "%5C")
