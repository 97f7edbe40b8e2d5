"""
The envelope of a message as fields of text, for other programs: HTTP headers, or the headers and fields of brokers.

All such backends use the same fields.  `fields_of` reads them from a transaction, `EnvelopeFields.as_strings` writes
them, and `EnvelopeFields.parsed` reads what was written.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import cast

from txsmtpx.backends.envelope_recipient import EnvelopeRecipient, one_of, only
from txsmtpx.grammar import moment
from txsmtpx.grammar.option_value import Body, ByMode, DeliverBy, Returned
from txsmtpx.grammar.options import MailOptions
from txsmtpx.interfaces import DataContext
from txsmtpx.setting import shown


@dataclass(frozen=True)
class EnvelopeFields:
    """
    The envelope of a message, and the connection that it has come by.

    Attributes:
        queue_id: The identifier of the transaction, in replies and in the log.
        sender: The address of MAIL; "" for the null reverse-path.
        recipients: The accepted recipients, in the order of RCPT.
        received: The moment of the end of MAIL and RCPT, in UTC.
        protocol: The protocol, such as "ESMTPSA" (RFC 3848).
        domain: The domain of the server.
        helo: The argument of EHLO, HELO or LHLO.
        peer_host: The IP address of the client; "" on a UNIX socket.
        peer_port: The port of the client; 0 on a UNIX socket.
        tls_version: The version of TLS, such as "TLSv1.3"; None without TLS.
        tls_cipher: The cipher suite, as OpenSSL writes it; None without TLS.
        username: The authenticated user; None without authentication.
        size: The octets that the client has estimated; None without SIZE (RFC 1870).
        body: "7BIT", "8BITMIME" or "BINARYMIME" (RFC 6152, RFC 3030).
        smtputf8: True with SMTPUTF8 (RFC 6531).
        requiretls: True with REQUIRETLS (RFC 8689).
        auth: The identity that submitted the message; None without the parameter AUTH (RFC 4954 §5).
        ret: "FULL" or "HDRS"; None without RET (RFC 3461 §4.3).
        envid: The sender's identifier; None without ENVID (RFC 3461 §4.4).
        deliver_by: The time for the delivery, counted from `received`; None without BY (RFC 2852).
        priority: The priority; None without MT-PRIORITY (RFC 6710).
        hold_for: The seconds to hold the message, counted from `received`; None without HOLDFOR (RFC 4865).
        hold_until: The moment until which to hold the message; None without HOLDUNTIL (RFC 4865).

    Example:
        >>> sent = EnvelopeFields(
        ...     queue_id="3fa9c1", sender="ann@example.org", recipients=(EnvelopeRecipient("bob@example.net"),),
        ...     received=datetime(2030, 1, 31, 12, tzinfo=UTC), protocol="ESMTP", domain="mail.example.net",
        ... )
        >>> sent.as_strings()["recipients"], sent.as_strings()["received"]
        ('["bob@example.net"]', '2030-01-31T12:00:00Z')
        >>> EnvelopeFields.parsed(sent.as_strings()) == sent
        True
    """

    queue_id: str
    sender: str
    recipients: tuple[EnvelopeRecipient, ...]
    received: datetime
    protocol: str
    domain: str
    helo: str = ""
    peer_host: str = ""
    peer_port: int = 0
    tls_version: str | None = None
    tls_cipher: str | None = None
    username: str | None = None
    size: int | None = None
    body: Body = "7BIT"
    smtputf8: bool = False
    requiretls: bool = False
    auth: str | None = None
    ret: Returned | None = None
    envid: str | None = None
    deliver_by: DeliverBy | None = None
    priority: int | None = None
    hold_for: int | None = None
    hold_until: datetime | None = None

    def as_strings(self) -> dict[str, str]:
        """
        Return the fields as texts.

        Each text is printable ASCII without spaces at its ends.  A text that is not, or that begins with a quotation
        mark, becomes a JSON string.  The recipients are a JSON list.  A recipient with parameters is an object in it.

        Returns:
            The texts by the names of the attributes.  A field that is None is missing.
        """
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: _written(value) for name, value in found.items() if value is not None}

    @classmethod
    def parsed(cls, strings: Mapping[str, str]) -> EnvelopeFields:
        """
        Parse the fields; the inverse of `as_strings`.

        Args:
            strings: The texts by name.  Other names are ignored.

        Returns:
            The fields.

        Raises:
            ValueError: A field is missing or malformed.

        Example:
            >>> EnvelopeFields.parsed({"queue_id": "3fa9c1"})
            Traceback (most recent call last):
            ValueError: the envelope lacks the field sender
        """
        found = {}
        for name, parse in _PARSERS.items():
            text = strings.get(name)
            if text is not None:
                try:
                    found[name] = parse(text)
                except (ValueError, TypeError, KeyError, RecursionError) as error:
                    raise ValueError(f"the field {name} of the envelope is malformed: {shown(text)}") from error
            elif name in _REQUIRED:
                raise ValueError(f"the envelope lacks the field {name}")
        return cls(**found)  # type: ignore[arg-type]  # each parser returns the type of its field

    def mail_options(self, when: float | None = None) -> MailOptions:
        """
        Return the parameters of MAIL, for a client that sends the message on.

        Args:
            when: Seconds since the epoch, from which BY and HOLDFOR count then.  None: now.

        Returns:
            The parameters.  `MailOptions.size` is not among them: the client counts the octets.
        """
        passed = int((time.time() if when is None else when) - self.received.timestamp())
        by = self.deliver_by
        if by is not None:
            left = by.seconds - passed
            by = by._replace(seconds=max(left, 1) if by.mode == "R" else left)
        hold = None if self.hold_for is None or self.hold_for <= passed else self.hold_for - passed
        return MailOptions(
            body=self.body,
            smtputf8=self.smtputf8,
            requiretls=self.requiretls,
            auth=self.auth,
            ret=self.ret,
            envid=self.envid,
            deliver_by=by,
            priority=self.priority,
            hold_for=hold,
            hold_until=self.hold_until,
        )


def fields_of(context: DataContext, when: float | None = None) -> EnvelopeFields:
    """
    Return the envelope of a message.

    Args:
        context: The transaction, as ``data()`` of a session has got it.
        when: Seconds since the epoch.  None: now.

    Returns:
        The envelope.
    """
    connection, options = context.connection, context.options
    tls = connection.tls
    return EnvelopeFields(
        queue_id=context.queue_id,
        sender=context.sender,
        recipients=tuple(map(EnvelopeRecipient.of, context.recipients, context.recipient_options)),
        received=datetime.fromtimestamp(time.time() if when is None else when, UTC),
        protocol=connection.with_protocol(options.smtputf8),
        domain=connection.domain,
        helo=connection.helo,
        peer_host=connection.peer_host,
        peer_port=connection.peer_port,
        tls_version=None if tls is None else tls.version,
        tls_cipher=None if tls is None else tls.cipher,
        username=connection.username,
        size=options.size,
        body=options.body,
        smtputf8=options.smtputf8,
        requiretls=options.requiretls,
        auth=options.auth,
        ret=options.ret,
        envid=options.envid,
        deliver_by=options.deliver_by,
        priority=options.priority,
        hold_for=options.hold_for,
        hold_until=options.hold_until,
    )


# ---- texts


def _written(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case datetime():
            return moment.encode(value)
        case DeliverBy():
            return f"{value.seconds};{value.mode}{'T' * value.trace}"
        case str():
            return _text(value)
        case _:
            recipients = cast(tuple[EnvelopeRecipient, ...], value)
            return json.dumps([each.as_json() for each in recipients], separators=(",", ":"))


def _text(value: str) -> str:
    plain = value.isascii() and (value.isprintable() or not value) and value == value.strip(" ")
    return value if plain and not value.startswith('"') else json.dumps(value)


def _read_text(text: str) -> str:
    return only(str, json.loads(text)) if text.startswith('"') else text


def _read_number(text: str) -> int:
    if not re.fullmatch("-?[0-9]{1,21}", text):
        raise ValueError("no number")
    return int(text)


def _read_flag(text: str) -> bool:
    return {"true": True, "false": False}[text]


def _read_by(text: str) -> DeliverBy:
    seconds, _, mode = text.partition(";")
    return DeliverBy(_read_number(seconds), cast(ByMode, one_of(ByMode)(mode[:1])), {"": False, "T": True}[mode[1:]])


def _read_recipients(text: str) -> tuple[EnvelopeRecipient, ...]:
    return tuple(map(EnvelopeRecipient.parsed, only(list, json.loads(text))))


_PARSERS: Mapping[str, Callable[[str], object]] = {
    "queue_id": _read_text,
    "sender": _read_text,
    "recipients": _read_recipients,
    "received": moment.decode,
    "protocol": _read_text,
    "domain": _read_text,
    "helo": _read_text,
    "peer_host": _read_text,
    "peer_port": _read_number,
    "tls_version": _read_text,
    "tls_cipher": _read_text,
    "username": _read_text,
    "size": _read_number,
    "body": one_of(Body),
    "smtputf8": _read_flag,
    "requiretls": _read_flag,
    "auth": _read_text,
    "ret": one_of(Returned),
    "envid": _read_text,
    "deliver_by": _read_by,
    "priority": _read_number,
    "hold_for": _read_number,
    "hold_until": moment.decode,
}

_REQUIRED = ("queue_id", "sender", "recipients", "received", "protocol", "domain")
