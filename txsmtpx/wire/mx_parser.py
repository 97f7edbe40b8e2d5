"""
The parser of the endpoint string ``mx:``, which Twisted creates in each process that reads an endpoint string.

So it imports `txsmtpx.wire.mx` only for such a string: the resolvers of Twisted take longer to import than a server.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from twisted.internet.interfaces import IReactorCore, IReactorTime, IStreamClientEndpointStringParserWithReactor
from twisted.plugin import IPlugin
from zope.interface import implementer

from txsmtpx.wire.description import check_host, check_port

if TYPE_CHECKING:
    from txsmtpx.wire.mx import MXEndpoint


@implementer(IPlugin, IStreamClientEndpointStringParserWithReactor)
class MXParser:
    """Parses ``mx:DOMAIN:port=N:timeout=S:lookup=S`` for ``clientFromString``.  The plugin creates it."""

    prefix = "mx"

    def parseStreamClient(self, reactor: IReactorCore, *args: object, **kwargs: object) -> MXEndpoint:
        """
        Make an endpoint from the words of its string.

        Args:
            reactor: Connects, and provides time.
            args: The words without a name: the domain.
            kwargs: The words with a name: ``port``, and in seconds ``timeout`` and ``lookup``.

        Returns:
            The endpoint.

        Raises:
            ValueError: The domain is missing, or the port or a time is no number.
            TypeError: There is another word.
        """
        words = [str(word) for word in args]
        return _parsed(reactor, *_joined(words), **{name: str(word) for name, word in kwargs.items()})


def _joined(words: Sequence[str]) -> list[str]:
    """Join the words into which the colons of an address literal have split it."""
    first, *rest = words or [""]
    while first.startswith("[") and not first.endswith("]") and rest:
        first += f":{rest.pop(0)}"
    return [first, *rest]


def _parsed(
    reactor: IReactorCore, domain: str, port: str = "25", timeout: str = "30", *, lookup: str = "30"
) -> MXEndpoint:
    if not domain:
        raise ValueError("mx: needs a domain")
    if not domain.startswith("["):
        check_host(domain)
    check_port(int(port))
    from txsmtpx.wire.mx import MXEndpoint

    clock = cast(IReactorTime, reactor)
    return MXEndpoint(clock, domain, int(port), float(timeout), lookup=float(lookup))
