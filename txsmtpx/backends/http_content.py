"""The content of a request: its body and its headers, in each format."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorThreads
from twisted.internet.threads import deferToThreadPool

from txsmtpx.backends.envelope_fields import EnvelopeFields
from txsmtpx.backends.held_message import HeldMessage
from txsmtpx.backends.http_body import AHEAD, Content, Octets, Stream
from txsmtpx.backends.http_formats import FORMS, json_body, mailgun_form, multipart
from txsmtpx.backends.http_settings import FieldNames, Format
from txsmtpx.backends.mail_parts import MailParts
from txsmtpx.grammar import asciitext
from txsmtpx.interfaces import Clock, Message, clock_of

Headers = list[tuple[str, str]]
"""The names and values of headers."""

Written = Callable[[bytes, EnvelopeFields], tuple[str, bytes]]
"""A function that takes a message and its envelope, and returns the Content-Type and the body of a request."""


class HTTPContent:
    """
    How the content of requests is made.  `HTTPBackend` creates it.

    A long message is sent while it is received, but only ``streams`` messages at a time.  Others are held first, so
    that slow clients cannot occupy all requests.

    Args:
        format: The format.
        names: The names of the fields of a form.
        hold: True if all messages are held until their end.
        key: The key with which the form of Mailgun is signed; ``""`` for none.
        streams: The most messages that are sent while they are received.

    Attributes:
        format: The format.
        streaming: The messages that are sent while they are received.
    """

    def __init__(self, format: Format, names: FieldNames, hold: bool, key: str, streams: int) -> None:
        self.format: Format = format
        self.streaming: int = 0
        self._names = names
        self._hold = hold
        self._key = key
        self._streams = streams

    async def receive(self, message: Message, hold: bool) -> Content:
        """
        Receive a message as far as it has to be before the request.

        Args:
            message: The message.
            hold: True to receive it to its end.

        Returns:
            The content of a request of the format "raw"; for other formats, to be parsed.  Its user closes it.

        Raises:
            OSError: The message cannot be held.
        """
        chunks, size = [], 0
        async for chunk in message:
            chunks.append(chunk)
            size += len(chunk)
            if size > AHEAD:
                break
        else:
            return Octets(b"".join(chunks))
        if not (self._hold or hold or self.format != "raw") and self.streaming < self._streams:
            self.streaming += 1
            return Stream(b"".join(chunks), message, self._stream_ended)
        held = HeldMessage()
        try:
            await held.receive(message, b"".join(chunks))
        except BaseException:
            held.close()
            raise
        return held

    def _stream_ended(self) -> None:
        self.streaming -= 1

    async def written(self, received: Content, envelope: EnvelopeFields, clock: Clock) -> tuple[Headers, Content]:
        """
        Write a message with its envelope in the format of the requests.

        Args:
            received: The message.
            envelope: The envelope.
            clock: The reactor.

        Returns:
            The headers, and the content of the request.
        """
        if self.format == "raw":
            return raw_headers(envelope), received
        if isinstance(received, Octets):
            kind, body = self._written(received.octets, envelope)
        else:
            content = cast(HeldMessage, received).content()
            kind, body = await _in_thread(clock, self._written, content, envelope)
        return [("Content-Type", kind)], Octets(body)

    def _written(self, content: bytes, envelope: EnvelopeFields) -> tuple[str, bytes]:
        parts = MailParts.of(content)
        if self.format == "json":
            return "application/json", json_body(envelope, parts)
        if self._names == "mailgun":
            return multipart(mailgun_form(envelope, parts, self._key))
        return multipart(FORMS[self._names](envelope, parts))


def raw_headers(envelope: EnvelopeFields) -> Headers:
    """
    Return the headers of a request of the format "raw".

    Args:
        envelope: The envelope.

    Returns:
        The headers, of which those of the envelope begin with ``Smtp-``.
    """
    named = [(header_name(name), text) for name, text in envelope.as_strings().items()]
    return [("Content-Type", "message/rfc822"), *named]


def header_name(field: str) -> str:
    """
    Return the name of the header for a field of the envelope.

    Args:
        field: The field.

    Returns:
        The name.

    Example:
        >>> header_name("queue_id")
        'Smtp-Queue-Id'
    """
    return "-".join(["Smtp", *(asciitext.upper(word[0]) + word[1:] for word in field.split("_"))])


def _in_thread(
    clock: Clock, function: Written, content: bytes, envelope: EnvelopeFields
) -> Deferred[tuple[str, bytes]]:
    reactor = cast(IReactorThreads, clock if hasattr(clock, "getThreadPool") else clock_of(None))
    return deferToThreadPool(reactor, reactor.getThreadPool(), function, content, envelope)
