"""The session of a client whose messages go to a web application."""

from __future__ import annotations

import json

from txsmtpx.backends.envelope_recipient import EnvelopeRecipient
from txsmtpx.backends.http_recipients import HTTPRecipients
from txsmtpx.backends.http_requests import HTTPRequests
from txsmtpx.backends.session import Session
from txsmtpx.errors import SMTPError
from txsmtpx.grammar import replies
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import Connection, DataContext, Message

MAX_HEADER = 6000
"""Octets of the header with the recipients.  nginx, gunicorn and Apache take a line of 8 KiB."""


class HTTPSession(Session):
    """
    A session that sends messages to a web application.  `HTTPBackend` creates it.

    Args:
        requests: The requests of the backend.
        recipients: The recipients of the application; None to accept all.
        connection: The connection of the client.
        limited: True if the recipients are in one header of the request.
    """

    def __init__(
        self, requests: HTTPRequests, recipients: HTTPRecipients | None, connection: Connection, limited: bool
    ) -> None:
        self._requests = requests
        self._recipients = recipients
        self._connection = connection
        self._limited = limited
        self._octets = 0

    def mail(self, sender: str, options: MailOptions) -> None:
        """
        Handle MAIL.

        Args:
            sender: The address.
            options: The parameters.
        """
        self._octets = 0

    async def rcpt(self, recipient: str, options: RcptOptions) -> Reply | None:
        """
        Handle RCPT: ask the application, if it is to be asked.

        Args:
            recipient: The address.
            options: The parameters.

        Returns:
            The reply of the application; None without one.

        Raises:
            SMTPError: 452 4.5.3 if a header of the request has no place for another recipient; 553 5.1.3 if the address
                cannot be part of the URL.
        """
        connection = self._connection
        self._requests.url_of(recipient, connection.domain)
        written = json.dumps(EnvelopeRecipient.of(recipient, options).as_json())
        if self._limited and self._octets + len(written) + 1 > MAX_HEADER:
            raise SMTPError.from_reply(replies.TOO_MANY_RECIPIENTS_452)
        reply = None
        if self._recipients is not None:
            reply = await self._recipients.check(recipient, connection.domain, connection.session_id)
        if reply is None or reply.positive:
            self._octets += len(written) + 1
        return reply

    async def data(self, message: Message, context: DataContext) -> Reply | None:
        """
        Handle DATA: send the message to the application.

        Args:
            message: The message.
            context: The envelope, and the outcomes.

        Returns:
            The reply of the application; None for the usual 250.
        """
        return await self._requests.deliver(message, context)
