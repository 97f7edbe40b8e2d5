"""
Render the pages of a queue from the templates.

The pages work without JavaScript, and have none: links open messages, and buttons of forms change them.
"""

from __future__ import annotations

from collections.abc import Mapping

from twisted.web.server import Request

from txsmtpx.queue_web.queue_administration import QueueAdministration
from txsmtpx.queue_web.queue_list import QueueList
from txsmtpx.web.content_security_policy import PAGE_POLICY
from txsmtpx.web.page_environment import page_environment
from txsmtpx.web.site_request import root_of
from txsmtpx.web.streamed_response import StreamedResponse, encoded


class QueuePageRenderer:
    """
    Render a page.  `QueueSite` creates one for all pages.

    Attributes:
        queue: The queue.

    Args:
        administration: The queue.
    """

    def __init__(self, administration: QueueAdministration) -> None:
        self.queue = administration
        self._environment = page_environment("txsmtpx.queue_web")

    def page(
        self, request: Request, template: str, listed: QueueList, values: Mapping[str, object]
    ) -> StreamedResponse:
        """
        Render a page.

        Args:
            request: The request.
            template: The name of the template.
            listed: The list to which the page leads back.
            values: The values of the template.

        Yields:
            The page in pieces.
        """
        request.setHeader("Content-Security-Policy", PAGE_POLICY)
        request.setHeader("Content-Type", "text/html; charset=utf-8")
        found = self._environment.get_template(template)
        yield from encoded(found.generate(root=root_of(request), listed=listed, **values))
