"""What the operator allows the inbox to do with a message beyond showing it."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from twisted.internet.defer import Deferred

from txsmtpx.inbox.checked_content import Link
from txsmtpx.inbox.link_check import CheckedLink, check_links
from txsmtpx.inbox.remote_client import RemoteClient
from txsmtpx.inbox.remote_html import RemoteHtml
from txsmtpx.inbox.screenshot import Screenshots
from txsmtpx.inbox.spam_check import SpamCheck


@dataclass(frozen=True)
class MessageTools:
    """
    Hold the tools of an inbox.  The command creates one.

    Attributes:
        remote: It requests images, styles and links of other hosts; None to request nothing.
        spam: It asks for the spam score; None for no score.
        html: It writes images and styles of other hosts into the HTML; None if ``remote`` is.
        screenshots: It makes pictures of the HTML; None for none.
    """

    remote: RemoteClient | None = None
    spam: SpamCheck | None = None
    html: RemoteHtml | None = None
    screenshots: Screenshots | None = None
    _secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def token(self, number: int) -> str:
        """
        Return the token with which a page asks for the images of other hosts.

        A page of another site cannot guess it, so such a page cannot make the inbox request them.

        Args:
            number: The number of the message.

        Returns:
            The token.
        """
        return hmac.new(self._secret, str(number).encode("ascii"), hashlib.sha256).hexdigest()[:32]

    def accepts(self, number: int, token: str) -> bool:
        """
        Check a token.

        Args:
            number: The number of the message.
            token: The token.

        Returns:
            True if images of other hosts are allowed, and the token is that of the message.
        """
        return self.remote is not None and hmac.compare_digest(self.token(number).encode(), token.encode())

    def check_links(self, links: Sequence[Link]) -> Deferred[list[CheckedLink]]:
        """
        Request each link, see `txsmtpx.inbox.link_check.check_links`.

        Args:
            links: The links.

        Returns:
            A Deferred of the results.
        """
        assert self.remote is not None
        return check_links(self.remote, links)
