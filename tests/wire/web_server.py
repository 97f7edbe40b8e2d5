"""A web server in memory, which a test plays, and a body that it writes piece by piece."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer
from twisted.internet.task import Clock
from twisted.web.iweb import UNKNOWN_LENGTH, IBodyProducer
from zope.interface import implementer

from tests.filters.daemon import Daemon, Pipe
from txsmtpx.testing import Outcome
from txsmtpx.wire.web_request import WebAnswer, WebClient, WebError

OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nThanks"


class WebServer(Daemon):
    """A web server in memory, its clock and its client."""

    def __init__(self, mode: str = "", **how: object) -> None:
        super().__init__(mode)
        self.clock = Clock()
        how = {"timeout": 30, **how}
        self.client = WebClient(self.clock, endpoint=self, **how)  # type: ignore[arg-type]

    def get(self, url: str = "http://app.example.org/keys", **how: object) -> Outcome[WebAnswer]:
        return Outcome(self.client.request("GET", url, **how))  # type: ignore[arg-type]

    def post(self, body: object = b"body") -> Outcome[WebAnswer]:
        return Outcome(self.client.request("POST", "http://app.example.org/mail", (), body))  # type: ignore[arg-type]

    @property
    def pipe(self) -> Pipe:
        """The only connection that is open."""
        (pipe,) = [each for each in self.pipes if not each.lost]
        return pipe


@implementer(IBodyProducer)
class Body:
    """A body that the test writes piece by piece."""

    length = UNKNOWN_LENGTH

    def __init__(self) -> None:
        self.done: Deferred[None] = Deferred()
        self.calls: list[str] = []

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        self.consumer = consumer
        return self.done

    def pauseProducing(self) -> None:
        self.calls.append("pause")

    def resumeProducing(self) -> None:
        self.calls.append("resume")

    def stopProducing(self) -> None:
        self.calls.append("stop")


def failure(outcome: Outcome[WebAnswer]) -> str:
    assert isinstance(outcome.error, WebError)
    return str(outcome.error)
