"""
EXTERNAL: RFC 4422 appendix A, who we are is known by other means, such as the client certificate.
"""

from __future__ import annotations

from zope.interface import implementer

from txsmtpx.interfaces import ISASLClient


@implementer(ISASLClient)
class External:
    """The client half."""

    name = "EXTERNAL"

    def __init__(self, authorization: str = "") -> None:
        """
        @param authorization: whom to act as, "" for whom the server takes us for.
        """
        self._authorization = authorization

    def start(self) -> bytes:
        """All there is to say."""
        return self._authorization.encode("utf-8")

    def next(self, challenge: bytes) -> bytes:
        """A server that asks nevertheless hears the same."""
        return self._authorization.encode("utf-8")
