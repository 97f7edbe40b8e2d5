"""The recipients that a web application has: it is asked at RCPT, before the message."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txsmtpx.backends.http_answer import NO_RECIPIENT_550, NOT_ACCEPTED_451, outcome_of
from txsmtpx.backends.http_template import URLTemplate
from txsmtpx.dialog.fields import clipped, quoted
from txsmtpx.grammar.reply import Reply
from txsmtpx.wire.ttl_cache import TTLCache
from txsmtpx.wire.web_request import WebClient, WebError

log = Logger(__name__)

MOST = 10_000
"""Answers that are kept."""


class HTTPRecipients:
    """
    The recipients of a web application.  `HTTPBackend` creates it.

    An acceptance and a rejection are kept for some time.  A failure is not.

    Args:
        client: Sends the requests.
        url: The URL, with ``{local}``.
        headers: The headers of each request.
        clock: Measures time.
        keep: Seconds for which an answer is kept.
    """

    def __init__(
        self, client: WebClient, url: URLTemplate, headers: Sequence[tuple[str, str]], clock: IReactorTime, keep: float
    ) -> None:
        self._client = client
        self._url = url
        self._headers = [*headers, ("Accept", "application/json, text/plain")]
        self._keep = keep
        self._cache: TTLCache[str, tuple[Reply | None]] = TTLCache(clock, MOST)

    async def check(self, recipient: str, own_domain: str, session_id: str) -> Reply | None:
        """
        Ask whether the application has a recipient.

        Args:
            recipient: The address.
            own_domain: The domain of <Postmaster>, which has none.
            session_id: The session, for the log.

        Returns:
            The reply to RCPT; None for the usual 250.

        Raises:
            SMTPError: 553 5.1.3 if the address cannot be part of the URL.
        """
        url = self._url.of(recipient, own_domain)
        kept = self._cache.get(url.text)
        if kept is not None:
            return kept[0]
        try:
            outcome = outcome_of(await self._client.request("GET", url, self._headers), rejected=NO_RECIPIENT_550)
            reply, reason = outcome.reply, outcome.reason
        except WebError as error:
            reply, reason = NOT_ACCEPTED_451, str(error)
        if reply is None or reply.code // 100 != 4:
            self._cache.put(url.text, (reply,), self._keep)
        else:
            text = "session={session} {url} cannot tell about the recipient {recipient}: {reason}"
            name = quoted(clipped(f"<{recipient}>"))
            log.error(text, session=session_id, url=self._url.shown, recipient=name, reason=reason)
        return reply
