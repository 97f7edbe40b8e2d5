"""The check of the links in a message: a HEAD request to each, when a user asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from twisted.internet.defer import CancelledError, Deferred, DeferredList

from txsmtpx.inbox.checked_content import Link
from txsmtpx.inbox.remote_client import RemoteClient
from txsmtpx.wire.web_request import WebError

MAX_CHECKED = 100
"""Links of a message that are requested."""

MAX_SECONDS = 30.0
"""Seconds for all links of a message."""

MAX_BODY = 1024
"""Octets of an answer to HEAD, which has no body."""


@dataclass(frozen=True)
class CheckedLink:
    """
    The result for one link.

    Attributes:
        kind: "link", "image" or "style".
        url: The URL.
        status: The status of the answer; 0 if there is none.
        target: The URL that has answered, if that is another one.
        error: Why there is no answer; "" if there is one.
    """

    kind: str
    url: str
    status: int
    target: str = ""
    error: str = ""

    @property
    def works(self) -> bool:
        """True if the status is 200 to 399."""
        return 200 <= self.status < 400


def check_links(client: RemoteClient, links: Sequence[Link]) -> Deferred[list[CheckedLink]]:
    """
    Request each link.

    Args:
        client: It sends the requests.
        links: The links.

    Returns:
        A Deferred of the results, in the order of the links.
    """
    every = DeferredList([Deferred.fromCoroutine(_checked(client, each)) for each in links[:MAX_CHECKED]])
    timer = client.reactor.callLater(MAX_SECONDS, every.cancel)

    def done(results: list[tuple[bool, CheckedLink]]) -> list[CheckedLink]:
        if timer.active():
            timer.cancel()
        return [result for _, result in results]

    return every.addCallback(done)


async def _checked(client: RemoteClient, link: Link) -> CheckedLink:
    try:
        target, answer = await client.request("HEAD", link.url, MAX_BODY)
    except CancelledError:
        return CheckedLink(link.kind, link.url, 0, error="no answer in time")
    except WebError as error:
        return CheckedLink(link.kind, link.url, 0, error=str(error))
    return CheckedLink(link.kind, link.url, answer.status, target if target != link.url else "")
