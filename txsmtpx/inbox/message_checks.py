"""The checks of one message: its links, its HTML and CSS, its spam score, and its header fields explained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from txsmtpx.backends.received import Received
from txsmtpx.inbox.checked_content import CheckedContent
from txsmtpx.inbox.client_support import FeatureSupport, data_date, support_of
from txsmtpx.inbox.header_notes import HeaderNote, header_notes
from txsmtpx.inbox.inbox import Inbox
from txsmtpx.inbox.link_check import CheckedLink
from txsmtpx.inbox.spam_check import SpamScore, checked
from txsmtpx.web.cooperative_work import CooperativeWork, result_of
from txsmtpx.web.json_text import JsonValue
from txsmtpx.web.web_errors import BadRequest

RUNS = ("links", "spam")
"""The checks that need a request to another server."""


@dataclass(frozen=True)
class MessageChecks:
    """
    Hold the results for one message.

    Attributes:
        content: The links and features; None if the message exceeds a limit.
        support: The features that some mail client does not support.
        data_date: The day of the data about mail clients.
        notes: The header fields, explained.
        links: The results for the links; None if they were not requested.
        spam: The spam score, or the text of an error; None if the program was not asked.
    """

    content: CheckedContent | None
    support: Sequence[FeatureSupport]
    data_date: str
    notes: Sequence[HeaderNote]
    links: Sequence[CheckedLink] | None = None
    spam: SpamScore | str | None = None

    def as_json(self) -> dict[str, JsonValue]:
        """
        Describe the results for the API.

        Returns:
            The fields, as ``docs/inbox.md`` describes them.
        """
        return {
            "links": [{"kind": each.kind, "url": each.url} for each in self.content.links] if self.content else [],
            "features": [
                {
                    "title": each.title,
                    "url": each.url,
                    "percent": each.percent,
                    "partly": list(each.partly),
                    "unsupported": list(each.unsupported),
                }
                for each in self.support
            ],
            "features_date": self.data_date,
            "headers": [{"level": each.level, "field": each.field, "text": each.text} for each in self.notes],
        }


def checks_of(inbox: Inbox, received: Received, run: str = "") -> CooperativeWork[MessageChecks]:
    """
    Check a message.

    Args:
        inbox: The inbox.
        received: The message.
        run: One of `RUNS`, "" for none.

    Returns:
        The results.

    Yields:
        Deferreds to wait for.

    Raises:
        BadRequest: The operator does not allow this check.
    """
    detail = yield from inbox.parser.detail(received)
    content = yield from inbox.parser.checked_content(received)
    features = content.features if content else ()
    links, spam = None, None
    if run == "links":
        if inbox.tools.remote is None:
            raise BadRequest("the server does not request links; start it with --web-remote public")
        links = yield from result_of(inbox.tools.check_links(content.links if content else ()))
    if run == "spam":
        if inbox.tools.spam is None:
            raise BadRequest("the server has no program for spam scores; start it with --web-spam")
        spam = yield from result_of(checked(inbox.tools.spam, received.content))
    return MessageChecks(content, support_of(features), data_date(), header_notes(detail), links, spam)
