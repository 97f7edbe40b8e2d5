"""
The lines, the replies and the time-outs of a POP3 connection.

Theory of operation.  `twisted.mail.pop3.POP3` is not used.  To import it installs a reactor.  It reads commands without
limit, keeps what the client does not read, and accepts no APOP.  It sends dots wrongly where two pieces of a
message meet.  Here:

  - Octets wait in ``_received`` while a command is executed.  The transport is paused meanwhile, so one read waits.
  - A command that takes long is work of the port's Cooperator.  The transport pauses the work while the client does not
    read.  So a client costs one piece of a message besides the buffer of the transport.
  - One timer runs at all times: until the login, between commands, or while the client does not read.  When it ends,
    the connection is aborted, and nothing is deleted.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.task import CooperativeTask, Cooperator, TaskFinished, TaskStopped
from twisted.logger import Logger
from twisted.protocols.policies import TimeoutMixin
from twisted.python.failure import Failure
from zope.interface import implementer

from txsmtpx.inbox.inbox import Inbox
from txsmtpx.inbox.inbox_errors import MessageDeleted
from txsmtpx.inbox.pop3_login import Pop3Login
from txsmtpx.inbox.pop3_mailbox import Pop3Mailbox
from txsmtpx.web.web_errors import Busy
from txsmtpx.wire.http_channel import UNREAD
from txsmtpx.wire.server_certificate import Certificate

log = Logger(__name__)

MAX_LINE = 1024
"""Octets of a command.  RFC 2449 §4 allows 255."""

UNTIL_LOGIN = 60
"""Seconds for the login."""

IDLE = 600
"""Seconds between two commands, as RFC 1939 §3 asks."""


class Pop3Port(Protocol):
    """
    Describe what the connections of a port share.  `Pop3Factory` is one.

    Attributes:
        inbox: The inbox.
        logins: It checks the logins.
        certificate: The certificate for STLS (RFC 2595); None to offer no STLS.
        clock: It keeps the time.
        cooperator: It runs work that takes turns.
    """

    inbox: Inbox
    logins: Pop3Login
    certificate: Certificate | None
    clock: IReactorTime
    cooperator: Cooperator

    def remove(self, connection: Pop3Channel) -> None:
        """
        Count a connection no more.

        Args:
            connection: The connection.
        """


@implementer(IPushProducer)
class Pop3Channel(TwistedProtocol, TimeoutMixin):
    """
    Read the commands of one client, and limit what the client costs.  `Pop3Connection` executes them.

    Attributes:
        port: What the connections share.
        since: When the client has sent or read something, in seconds of the clock.
        mbox: The messages; None before the login.

    Args:
        port: What the connections share.
    """

    mbox: Pop3Mailbox | None = None
    transport: Any

    def __init__(self, port: Pop3Port) -> None:
        self.port: Pop3Port = port
        self.since: float = port.clock.seconds()
        self._received = b""
        self._unread = self._closing = self._replied = self._goes_on = False
        self._task: CooperativeTask[Iterator[Deferred[None] | None]] | None = None

    @property
    def busy(self) -> bool:
        """True while a command is executed and the client reads."""
        return self._task is not None and not self._unread

    def callLater(self, period: float, func: Callable[[], None]) -> IDelayedCall:
        """
        Start a timer.  `TimeoutMixin` calls this.

        Args:
            period: The seconds.
            func: The function that is called then.

        Returns:
            The timer.
        """
        return self.port.clock.callLater(period, func)

    def connectionMade(self) -> None:
        """Begin to limit the client."""
        self.transport.registerProducer(self, True)
        TimeoutMixin.setTimeout(self, UNTIL_LOGIN)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        """
        End the work of the connection, except a deletion.

        Args:
            reason: Why the connection is lost.
        """
        self._closing = True
        TimeoutMixin.setTimeout(self, None)
        self.port.remove(self)
        if self._task is not None:
            if self._unread:
                self._task.resume()
            if not self._goes_on:
                with contextlib.suppress(TaskFinished):
                    self._task.stop()
        self._unread = False

    def timeoutConnection(self) -> None:
        """Abort the connection, since the client does not send or does not read."""
        self.abort()

    def abort(self) -> None:
        """Abort the connection."""
        self._closing = True
        self.port.remove(self)
        self.transport.abortConnection()

    def close(self) -> None:
        """Close the connection when the client has read what waits."""
        if self._closing:
            return  # the connection is lost
        self._closing = True
        TimeoutMixin.setTimeout(self, UNREAD)
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def succeed(self, text: bytes) -> None:
        """
        Accept a command.

        Args:
            text: The text of the reply.
        """
        self._replied = True
        self.transport.write(b"+OK %b\r\n" % text)

    def fail(self, text: str) -> None:
        """
        Reject a command.

        Args:
            text: The text of the reply.
        """
        self._replied = True
        self.transport.write(f"-ERR {text}\r\n".encode())

    def pauseProducing(self) -> None:
        """Pause the work, since the client does not read."""
        if not self._unread:
            self._unread = True
            TimeoutMixin.setTimeout(self, UNREAD)
            if self._task is not None:
                self._task.pause()
            self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        """Resume the work, since the client has read."""
        if self._unread:
            self._unread = False
            self._seen()
            if self._task is not None:
                self._task.resume()
            else:
                self._proceed()

    def stopProducing(self) -> None:
        """Do nothing: ``connectionLost`` is called too."""

    def dataReceived(self, data: bytes) -> None:
        """
        Execute the commands that are complete.

        Args:
            data: The octets that the client has sent.
        """
        self._received += data
        if not self._unread:
            self._seen()
        self._proceed()

    def _seen(self) -> None:
        self.since = self.port.clock.seconds()
        if not self._closing:
            TimeoutMixin.setTimeout(self, UNTIL_LOGIN if self.mbox is None else IDLE)

    def _proceed(self) -> None:
        received, self._received = self._received, b""
        at = 0
        while not (self._closing or self._unread or self._task):
            end = received.find(b"\n", at)
            if max(end, len(received) if end < 0 else 0) - at > MAX_LINE:
                self.fail("the line is too long")
                self.close()
            if end < 0 or self._closing:
                break
            line, at = received[at:end].removesuffix(b"\r"), end + 1
            if line[:4].upper() == b"STLS" and at < len(received):
                self.abort()  # the octets after STLS would be read as if they had come in TLS (CVE-2011-0411)
            else:
                self.state_COMMAND(line)
        if not self._closing:
            self._received = received[at:]
            if self._task or self._unread:
                self.transport.pauseProducing()
            else:
                self.transport.resumeProducing()

    def state_COMMAND(self, line: bytes) -> None:
        """
        Execute a command.

        Args:
            line: The line without its end.

        Raises:
            NotImplementedError: Always; a subclass overrides this.
        """
        raise NotImplementedError

    def run(self, work: Iterator[Deferred[None] | None], goes_on: bool = False) -> None:
        """
        Execute a command in steps.  No other one is executed meanwhile.

        Args:
            work: The steps.
            goes_on: True if the work goes on if the connection is lost.
        """
        self._replied, self._goes_on = False, goes_on
        self._task = task = self.port.cooperator.cooperate(work)
        task.whenDone().addErrback(self._failed).addBoth(self._done)

    def _failed(self, failure: Failure) -> None:
        if failure.check(TaskStopped) or self._closing:
            return
        if not failure.check(MessageDeleted, Busy):
            log.failure("pop3: a command has failed", failure)
        if self._replied:
            self.abort()  # so that the client sees that the message is incomplete
        elif failure.check(MessageDeleted):
            self.fail("the message was deleted in the inbox")
        else:
            self.fail("[SYS/TEMP] the inbox cannot do this now; try again later")

    def _done(self, _: object) -> None:
        self._task = None
        if not self._closing:
            if not self._unread:
                self._seen()
            self._proceed()
