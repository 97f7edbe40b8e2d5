"""The requests with which a message goes to a web application: one, or one for each URL."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import replace
from typing import cast

from twisted.internet.defer import Deferred, DeferredSemaphore, FirstError, TimeoutError, gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txsmtpx.backends.envelope_fields import EnvelopeFields, fields_of
from txsmtpx.backends.http_answer import NOT_ACCEPTED_451, HTTPOutcome, outcome_of
from txsmtpx.backends.http_body import Content
from txsmtpx.backends.http_content import Headers, HTTPContent
from txsmtpx.backends.http_signature import WebhookSecret, signature_headers
from txsmtpx.backends.http_template import URLTemplate
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import Clock, DataContext, Message
from txsmtpx.wire.web_request import WebClient, WebError
from txsmtpx.wire.web_url import WebURL

log = Logger(__name__)

Group = tuple[WebURL, list[int]]
"""A URL, and the positions of the recipients whose URL it is."""


class HTTPRequests:
    """
    The requests of a backend.  `HTTPBackend` creates it.

    Args:
        client: Sends the requests.
        template: The URL.
        headers: The headers of each request.
        content: How the content of requests is made.
        secret: The secret for signatures; None for none.
        clock: The reactor.
        connections: The messages at a time that are parsed and sent in the format "form" or "json".
        timeout: The most seconds that a message waits for that.
    """

    def __init__(
        self,
        client: WebClient,
        template: URLTemplate,
        headers: Headers,
        content: HTTPContent,
        secret: WebhookSecret | None,
        clock: Clock,
        connections: int,
        timeout: float,
    ) -> None:
        self._content = content
        self._client = client
        self._template = template
        self._headers = [*headers, ("Accept", "application/json, text/plain")]
        self._secret = secret
        self._clock = clock
        self._turns = DeferredSemaphore(connections)
        self._timeout = timeout

    def url_of(self, recipient: str, own_domain: str) -> WebURL:
        """
        Return the URL for a recipient.

        Args:
            recipient: The address.
            own_domain: The domain of <Postmaster>, which has none.

        Returns:
            The URL.

        Raises:
            SMTPError: 553 5.1.3 if the address cannot be part of the URL.
        """
        return self._template.of(recipient, own_domain)

    async def deliver(self, message: Message, context: DataContext) -> Reply | None:
        """
        Send a message, and set the outcome for each recipient if there are several.

        Args:
            message: The message.
            context: The envelope, and the outcomes.

        Returns:
            The reply of the application; None for the usual 250.

        Raises:
            OSError: The message cannot be held.
        """
        groups = self._groups(context)
        envelope = fields_of(context)
        hold = len(groups) > 1 or self._secret is not None
        content = await self._content.receive(message, hold)
        sending: list[Deferred[Reply | None]] = []
        try:
            for number, group in enumerate(groups, 1):
                sending.append(Deferred.fromCoroutine(self._deliver(context, group, number, envelope, content)))
            replies = await gatherResults(sending, consumeErrors=True)
            return replies[0] if len(replies) == 1 else None
        except FirstError as error:
            error.subFailure.raiseException()
        finally:
            for each in sending:
                each.cancel()
            content.close()

    async def _deliver(
        self, context: DataContext, group: Group, number: int, envelope: EnvelopeFields, received: Content
    ) -> Reply | None:
        """Send one request, set the outcome for its recipients if they differ, and return the reply for all of it."""
        url, positions = group
        own = replace(envelope, recipients=tuple(envelope.recipients[at] for at in positions))
        key = _key(own, number, context.connection.repeats)
        outcome = await (self._sent if self._content.format == "raw" else self._parsed)(url, key, own, received)
        if outcome.reason:
            text = "session={session} queue={queue} {url}: {reason}"
            session_id = context.connection.session_id
            log.error(text, session=session_id, queue=context.queue_id, url=url.shown, reason=outcome.reason)
        if outcome.recipients or len(positions) < len(context.recipients):
            for at, reply in zip(positions, outcome.recipients or [outcome.reply] * len(positions), strict=True):
                context.set_status(at, reply)
        return outcome.reply

    async def _parsed(self, url: WebURL, key: str, envelope: EnvelopeFields, received: Content) -> HTTPOutcome:
        """Parse a message and send it.  Only so many are in memory at a time."""
        try:
            await self._turns.acquire().addTimeout(self._timeout, cast(IReactorTime, self._clock))
        except TimeoutError:
            return HTTPOutcome(NOT_ACCEPTED_451, reason=f"no request was free within {self._timeout:g} seconds")
        try:
            return await self._sent(url, key, envelope, received)
        finally:
            self._turns.release()

    async def _sent(self, url: WebURL, key: str, envelope: EnvelopeFields, received: Content) -> HTTPOutcome:
        headers, content = await self._content.written(received, envelope, self._clock)
        sent = [*self._headers, *headers, ("Idempotency-Key", key), *await self._signature(key, content)]
        try:
            answer = await self._client.request("POST", url, sent, content.body())
        except WebError as error:
            return HTTPOutcome(NOT_ACCEPTED_451, reason=str(error))
        return outcome_of(answer, [each.address for each in envelope.recipients])

    async def _signature(self, key: str, content: Content) -> Headers:
        if self._secret is None:
            return []
        stamp = int(time.time())
        signature = self._secret.signature(key, stamp)
        await content.sign(signature, self._clock)
        return [*signature_headers(key, stamp, signature).items()]

    def _groups(self, context: DataContext) -> list[Group]:
        found: dict[str, Group] = {}
        for at, recipient in enumerate(context.recipients):
            url = self.url_of(recipient, context.connection.domain)
            found.setdefault(url.text, (url, []))[1].append(at)
        return list(found.values())


def _key(envelope: EnvelopeFields, number: int, repeats: bool) -> str:
    """
    Return the idempotency key of a request.

    Two requests with the same queue id and different recipients have different keys.  Otherwise an application that
    knows the key would discard the second one.

    Args:
        envelope: The envelope of the request.
        number: The number of the request among those of the message.
        repeats: True if the message may come again with the same queue id.

    Returns:
        The key.
    """
    if repeats:
        recipients = json.dumps([each.address for each in envelope.recipients])
        return f"{envelope.queue_id}-{hashlib.sha256(recipients.encode()).hexdigest()[:16]}"
    return envelope.queue_id if number == 1 else f"{envelope.queue_id}-{number}"
