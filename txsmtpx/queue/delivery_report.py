"""
Delivery reports (RFC 3464; RFC 6533 for addresses beyond ASCII): `delivery_report` writes them for a queue.

A report has three parts: a text for people, the same for programs, and the message or its header.  The message is
returned only if it was not delivered, and RET does not ask for its header (RFC 3461 §6.2).

The original may have been written by anyone.  What could break the report is not returned: of a message with NUL, bare
CR or LF, or lines that are too long, only the header is returned, and of that only what can be read as fields.  The
same holds for a message with octets above 127: within another one it cannot be encoded (RFC 2046 §5.2.1), and the
sender's server may not accept it.
"""

from __future__ import annotations

import re
import secrets
import socket
from binascii import b2a_qp
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import BinaryIO

from txsmtpx.dialog.fields import printable
from txsmtpx.grammar.path import format_path
from txsmtpx.queue.queued_mail import QueuedMail
from txsmtpx.queue.report_request import Action, Report, ReportedRecipient, ReportRequest

MOST_RETURNED = 50_000
"""Octets of a message that is returned; of a longer one, the header is.  Postfix: bounce_size_limit = 50000."""

MOST_HEADER = 32_768
"""Octets of a header that is returned."""

MOST_REPLY = 1000
"""Characters of a reply in a report.  A server may reply with 16 KiB to each of many recipients."""

_LONGEST = 998
"""Octets of a line (RFC 5322 §2.1.1)."""

_SUBJECTS: dict[Action, str] = {
    "failed": "Your message was not delivered",
    "delayed": "Your message is delayed",
    "delivered": "Your message was delivered",
    "relayed": "Your message was sent on",
}

_TEXTS: dict[Action, str] = {
    "failed": "Your message was not delivered to these recipients. The server does not try again.",
    "delayed": "Your message was not delivered to these recipients yet. You need not send it again: the server tries"
    " until {until}.",
    "delivered": "Your message was delivered to these recipients.",
    "relayed": "Your message was sent on to the mail servers of these recipients. Those servers send no reports, so you"
    " may hear no more of it.",
}

_FIELD = re.compile(rb"[!-9;-~]+[ \t]*:[^\r\n]*(?:\r\n[ \t][^\r\n]*)*\r\n")


def delivery_report(request: ReportRequest, body: BinaryIO) -> Report:
    """
    Write a report.

    Args:
        request: What the report is about.
        body: The message, from its first octet.

    Returns:
        The report.

    Example:
        ::

            queue = MailQueue(store, reporter=delivery_report)  # which is the default
    """
    mail, recipients = request.mail, request.recipients
    action = recipients[0].action
    host = mail.envelope.domain or socket.gethostname()
    utf8 = mail.envelope.smtputf8 or not all(map(str.isascii, _addresses(mail, recipients)))
    # A report goes without REQUIRETLS, so it must not have the text of a message that came with it (RFC 8689 §5).
    full = action == "failed" and mail.envelope.ret != "HDRS" and not mail.envelope.requiretls
    kind, original = _original(body, full, utf8)
    header = {
        "From": f"Mail Delivery System <MAILER-DAEMON@{host}>",
        "To": format_path(mail.envelope.sender),
        "Subject": _SUBJECTS[action],
        "Date": _date(request.when),
        "Message-ID": f"<{secrets.token_hex(12)}@{host}>",
        "Auto-Submitted": "auto-replied",
        "MIME-Version": "1.0",
    }
    boundary = _boundary(original)
    status = "message/global-delivery-status" if utf8 else "message/delivery-status"
    parts = [
        _part("text/plain; charset=utf-8", _for_people(request, host, kind).encode(), utf8),
        _part(status, _for_programs(request, host, utf8).encode(), utf8),
        _part(kind, original, utf8),
    ]
    if not all(map(bytes.isascii, parts)):  # RFC 2045 §6.4
        header["Content-Transfer-Encoding"] = "8bit"
    lines = [f"{name}: {value}" for name, value in header.items()]
    lines += ["Content-Type: multipart/report; report-type=delivery-status;", f'\tboundary="{boundary}"', ""]
    octets = [f"{line}\r\n".encode() for line in lines]
    for part in parts:
        octets += [f"--{boundary}\r\n".encode(), part, b"\r\n"]
    octets.append(f"--{boundary}--\r\n".encode())
    return Report(mail.envelope.sender, b"".join(octets), not mail.envelope.sender.isascii())


def _addresses(mail: QueuedMail, recipients: Sequence[ReportedRecipient]) -> Iterator[str]:
    yield mail.envelope.sender
    for each in recipients:
        yield each.recipient.address
        if each.recipient.orcpt is not None:
            yield each.recipient.orcpt.address


def _date(when: float) -> str:
    return format_datetime(datetime.fromtimestamp(when, UTC))


def _boundary(original: bytes) -> str:
    while (found := f"=_{secrets.token_hex(16)}").encode() in original:
        pass  # an accident that does not happen
    return found


def _part(type: str, content: bytes, utf8: bool) -> bytes:
    """Return a part.  Texts are encoded, so that a server without 8BITMIME accepts them."""
    coding = "7bit" if content.isascii() else "8bit"
    if coding == "8bit" and type.startswith("text/") and not utf8:
        coding, content = "quoted-printable", b2a_qp(content)
    return f"Content-Type: {type}\r\nContent-Transfer-Encoding: {coding}\r\n\r\n".encode() + content


def _reply(recipient: ReportedRecipient) -> str:
    text = recipient.reply.one_line
    return text if len(text) <= MOST_REPLY else f"{text[: MOST_REPLY - 3]}..."


# ---- the part for people


def _for_people(request: ReportRequest, host: str, kind: str) -> str:
    mail, action = request.mail, request.recipients[0].action
    text = _TEXTS[action].format(until=_date(mail.expires))
    lines = [f"This is the mail server {host}.", "", *_wrapped(text), ""]
    for each in request.recipients:
        lines.append(printable(f"<{each.recipient.address}>"))
        said = f"The server {each.server} replied: " if each.remote and each.server else ""
        lines += [f"    {line}" for line in _wrapped(printable(f"{said}{_reply(each)}"), 74)]
        lines.append("")
    returned = "header" if "headers" in kind else "message"
    lines.append(f"The {returned} follows behind the details for programs.")
    return "\r\n".join(lines) + "\r\n"


def _wrapped(text: str, width: int = 78) -> Iterator[str]:
    """Yield lines of a text.  A word that is too long is cut."""
    line = ""
    for word in text.split():
        while len(word) > width:
            if line:
                yield line
                line = ""
            yield word[:width]
            word = word[width:]
        if line and len(line) + 1 + len(word) > width:
            yield line
            line = ""
        line = f"{line} {word}" if line else word
    yield line


# ---- the part for programs


def _for_programs(request: ReportRequest, host: str, utf8: bool) -> str:
    mail = request.mail
    lines = [f"Reporting-MTA: dns; {host}"]
    if mail.envelope.envid is not None:
        lines += _field("Original-Envelope-Id", mail.envelope.envid, utf8)
    lines += [f"Arrival-Date: {_date(mail.received)}", ""]
    for each in request.recipients:
        orcpt = each.recipient.orcpt
        if orcpt is not None:
            lines += _field("Original-Recipient", f"{orcpt.type}; {orcpt.address}", utf8)
        address = each.recipient.address
        lines += _field("Final-Recipient", f"{'rfc822' if address.isascii() else 'utf-8'}; {address}", utf8)
        code = each.reply.enhanced_code or (each.reply.code // 100, 0, 0)
        lines += [f"Action: {each.action}", f"Status: {'.'.join(map(str, code))}"]
        if each.server:
            lines += _field("Remote-MTA", f"dns; {each.server}", utf8)
        kind = "smtp" if each.remote else "x-txsmtpx"
        lines += _field("Diagnostic-Code", f"{kind}; {_reply(each)}", utf8)
        lines.append(f"Last-Attempt-Date: {_date(request.when)}")
        if each.action == "delayed":
            lines.append(f"Will-Retry-Until: {_date(mail.expires)}")
        lines.append("")
    return "\r\n".join(lines)


def _field(name: str, value: str, utf8: bool) -> Iterator[str]:
    """Yield the lines of a field.  Without UTF-8, other characters than those of ASCII become ``?``."""
    shown = printable(value)
    text = shown if utf8 else shown.encode("ascii", "replace").decode()
    first, *more = _wrapped(f"{name}: {text}", 300)
    yield first
    yield from (f"\t{line}" for line in more)


# ---- the original


def _original(body: BinaryIO, full: bool, utf8: bool) -> tuple[str, bytes]:
    """Return the media type and the octets of what is returned of the original."""
    found = body.read(MOST_RETURNED + 1)
    if full and len(found) <= MOST_RETURNED and _is_sound(found) and (utf8 or found.isascii()):
        return ("message/global" if utf8 else "message/rfc822"), found
    return ("message/global-headers" if utf8 else "text/rfc822-headers"), _header(found)


def _is_sound(content: bytes) -> bool:
    """Return whether a message can stand within another one."""
    lines = content.split(b"\r\n")
    return not any(b"\r" in line or b"\n" in line or b"\0" in line or len(line) > _LONGEST for line in lines)


def _header(content: bytes) -> bytes:
    """Return the fields at the beginning of a message that have sound lines, up to `MOST_HEADER` octets."""
    found, at = b"", 0
    while field := _FIELD.match(content, at):
        at = field.end()
        if _is_sound(field[0]) and len(found) + len(field[0]) <= MOST_HEADER:
            found += field[0]
    return found
