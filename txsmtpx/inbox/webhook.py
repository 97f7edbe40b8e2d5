"""
Requests to a web application for each message that arrives.

Theory of operation: a message that arrives waits in a queue, as the octets of its request.  Up to `CONNECTIONS`
requests are sent at the same time.  There is one attempt for each: the message stays in the inbox, and the log has the
failure.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from txsmtpx.backends.http_signature import WebhookSecret
from txsmtpx.inbox.inbox_store import StoreChange
from txsmtpx.inbox.listed_message import ListedMessage
from txsmtpx.wire.web_request import WebAnswer, WebClient, WebError
from txsmtpx.wire.web_url import WebURL

log = Logger(__name__)

CONNECTIONS = 4
"""Requests at a time."""

MAX_WAITING = 1000
"""Requests that wait.  For a further message, no request is sent."""

MAX_OCTETS = 16 * 1024 * 1024
"""Octets of these requests."""

TIMEOUT = 10.0
"""Seconds for a request."""


class Webhook:
    """
    Send a request for each message that arrives.  ``twistd smtpx --webhook`` creates it.

    Args:
        url: The URL.
        client: It sends the requests.
        secret: The secret for signatures; None for none.
        now: A function that returns the time, in seconds since the epoch.

    Example:
        >>> from twisted.internet import reactor
        >>> client = WebClient(reactor, timeout=TIMEOUT, connections=CONNECTIONS)
        >>> hook = Webhook(WebURL.parsed("https://app.example.org/arrived"), client)
    """

    def __init__(
        self,
        url: WebURL,
        client: WebClient,
        secret: WebhookSecret | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._url = url
        self._client = client
        self._secret = secret
        self._now = now
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._octets = 0
        self._sending = 0

    def changed(self, change: StoreChange) -> None:
        """
        Send a request if a message has arrived.

        Args:
            change: A change of the inbox.
        """
        if change.describe is None:
            return
        message = change.describe()
        if len(self._waiting) >= MAX_WAITING or self._octets >= MAX_OCTETS:
            log.error("queue={queue} no webhook: {many} requests wait", queue=message.queue_id, many=len(self._waiting))
            return
        body = _body(message)
        self._waiting.append((message.queue_id, body))
        self._octets += len(body)
        self._send()

    def close(self) -> Deferred[None]:
        """
        Send no further request.

        Returns:
            A Deferred that fires when the connections are closed.
        """
        self._waiting.clear()
        self._octets = 0
        return self._client.close()

    def _send(self) -> None:
        if self._sending < CONNECTIONS and self._waiting:
            self._sending += 1
            queue_id, body = self._waiting.popleft()
            self._octets -= len(body)
            Deferred.fromCoroutine(self._request(queue_id, body)).addBoth(self._sent)

    def _sent(self, _: object) -> None:
        self._sending -= 1
        self._send()

    async def _request(self, queue_id: str, body: bytes) -> None:
        headers = {"Content-Type": "application/json"}
        if self._secret is not None:
            headers |= self._secret.headers(f"msg_{queue_id}", int(self._now()), body)
        try:
            _check(await self._client.request("POST", self._url, headers.items(), body))
        except WebError as error:
            log.error("queue={queue} webhook {url}: {error}", queue=queue_id, url=self._url.shown, error=error)
        except Exception:
            log.failure("queue={queue} webhook {url} failed", queue=queue_id, url=self._url.shown)


def _body(message: ListedMessage) -> bytes:
    return json.dumps(message.as_json()).encode("ascii")


def _check(answer: WebAnswer) -> None:
    if not 200 <= answer.status < 300:
        raise WebError(f"the application answers {answer.status}")
