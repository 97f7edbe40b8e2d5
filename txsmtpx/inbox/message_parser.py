"""
Parse the messages that are opened: short ones in the server, long ones in another process.

The details of one message are kept, of the one that was opened last: a browser requests its parts one by one.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from txsmtpx.backends.received import Received
from txsmtpx.inbox.checked_content import CheckedContent
from txsmtpx.inbox.inbox_errors import LimitExceeded, MessageDeleted
from txsmtpx.inbox.inbox_reactor import IInboxReactor
from txsmtpx.inbox.inbox_store import InboxStore
from txsmtpx.inbox.message_detail import MessageDetail, View, parsed_content, rendered_view
from txsmtpx.inbox.parsed_message import ParsedMessage
from txsmtpx.inbox.parser_process import ParserProcess
from txsmtpx.inbox.part_checksums import PartChecksums, deserialized_checksums
from txsmtpx.web.cooperative_work import CooperativeWork, result_of
from txsmtpx.web.web_errors import Busy

log = Logger(__name__)

MAX_IN_SERVER = 32 * 1024
"""Octets of a message that the server parses itself, which takes up to 25 ms.  `ParserProcess` parses longer ones."""


class MessageParser:
    """
    Parse messages within the limits.  `Inbox` creates one.

    Args:
        store: The store of the messages.  It counts the memory of the details.
        reactor: It starts the process, and keeps the time.
    """

    def __init__(self, store: InboxStore, reactor: IInboxReactor) -> None:
        self._store = store
        self._process = ParserProcess(reactor)
        self._opened: tuple[int, MessageDetail] | None = None
        self._too_expensive: set[int] = set()

    def stop(self) -> None:
        """Fail all requests, and kill the process that parses long messages."""
        self._process.stop()

    def exited(self) -> Deferred[None]:
        """
        Wait for the end of the process that parses long messages.

        Returns:
            A Deferred that fires when no such process is left.
        """
        return self._process.exited()

    def forget(self, number: int) -> None:
        """
        Drop everything that is kept for a message that was deleted.

        Args:
            number: The number of the message.
        """
        self._too_expensive.discard(number)
        self._process.forget(number)
        if self._opened is not None and self._opened[0] == number:
            self._drop()

    def detail(self, received: Received) -> CooperativeWork[MessageDetail]:
        """
        Describe a message.

        Args:
            received: The message.

        Returns:
            The details.  If the message exceeds a limit or cannot be parsed, they have its header only.

        Yields:
            A Deferred to wait for the process that parses long messages.

        Raises:
            Busy: Too many requests wait for the process.
            MessageDeleted: The message was deleted meanwhile.
        """
        if self._opened is not None and self._opened[0] == received.id:
            return self._opened[1]
        octets = yield from self._view(received, "detail")
        detail = _header_of(received) if octets is None else MessageDetail.deserialized(octets)
        self._keep(received, detail)
        return detail

    def sanitized_html(self, received: Received, remote: bool = False) -> CooperativeWork[bytes | None]:
        """
        Sanitize the HTML of a message.

        Args:
            received: The message.
            remote: True for the view "remote", see `rendered_view`.

        Returns:
            The HTML in UTF-8, None if there is none or the message exceeds a limit.  `Busy` and `MessageDeleted` are
            raised as by `detail`.
        """
        return self._view(received, "remote" if remote else "html")

    def checked_content(self, received: Received) -> CooperativeWork[CheckedContent | None]:
        """
        Read what the checks need.

        Args:
            received: The message.

        Returns:
            The links and features, None if the message exceeds a limit.  `Busy` and `MessageDeleted` are raised as by
            `detail`.

        Yields:
            A Deferred to wait for the process that parses long messages.
        """
        octets = yield from self._view(received, "content")
        return None if octets is None else CheckedContent.deserialized(octets)

    def part(self, received: Received, number: int) -> CooperativeWork[bytes | None]:
        """
        Decode a part of a message.

        Args:
            received: The message.
            number: The number of the part.

        Returns:
            The octets, None if there is no such part or the message exceeds a limit.  `Busy` and `MessageDeleted` are
            raised as by `detail`.
        """
        return self._view(received, "part", number)

    def checksums(self, received: Received) -> CooperativeWork[list[PartChecksums]]:
        """
        Compute the checksums of the parts of a message.

        Args:
            received: The message.

        Returns:
            The checksums of each part; none if the message exceeds a limit.  `Busy` and `MessageDeleted` are raised as
            by `detail`.

        Yields:
            A Deferred to wait for the process that parses long messages.
        """
        octets = yield from self._view(received, "checksums")
        return [] if octets is None else deserialized_checksums(octets)

    def mailhog(self, received: Received) -> CooperativeWork[bytes | None]:
        """
        Describe the content of a message as MailHog does.

        Args:
            received: The message.

        Returns:
            The result of `mailhog_content`; None if the message exceeds a limit.  `Busy` and `MessageDeleted` are
            raised as by `detail`.
        """
        return self._view(received, "mailhog")

    def _view(self, received: Received, view: View, number: int = 0) -> CooperativeWork[bytes | None]:
        if received.id in self._too_expensive:
            return None
        try:
            if len(received.content) <= MAX_IN_SERVER:
                return rendered_view(parsed_content(received.content), view, number)
            return (yield from result_of(self._process.request(received, view, number)))
        except (Busy, MessageDeleted):
            raise
        except LimitExceeded:
            pass
        except Exception:
            log.failure(
                "queue={queue} cannot parse this message; it is shown by its header and its source only",
                queue=received.queue_id,
            )
        if self._store.hold(received.id, 0):
            self._too_expensive.add(received.id)
        return None

    def _keep(self, received: Received, detail: MessageDetail) -> None:
        """Keep the details in place of those of the message before, and count their memory."""
        self._drop()
        # It is stored before hold(), which may delete this message and so call forget().
        self._opened = received.id, detail
        if not self._store.hold(received.id, detail.held):
            self._opened = None

    def _drop(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            self._store.hold(opened[0], -opened[1].held)


def _header_of(received: Received) -> MessageDetail:
    try:
        return MessageDetail.header_of(ParsedMessage(received, beginning_only=True))
    except Exception:
        log.failure(
            "queue={queue} cannot parse the header of this message; it is shown by its source only",
            queue=received.queue_id,
        )
        return MessageDetail(False, ())
