"""What operators do with a queue: they look at its messages, and change them.  The API and the pages share it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import BinaryIO, TypeVar

from twisted.logger import Logger
from twisted.web.server import Request

from txsmtpx.dialog.fields import printable
from txsmtpx.interfaces import StoreError
from txsmtpx.queue.mail_queue import MailQueue
from txsmtpx.queue.queue_store import Change, QueueStore
from txsmtpx.queue.queued_mail import Depth, QueuedMail, Selection
from txsmtpx.queue_web.requested_selection import selection_text
from txsmtpx.web.cooperative_work import CooperativeWork, result_of
from txsmtpx.web.site_request import address_of, hold, login_of
from txsmtpx.web.web_errors import BadRequest, NotFound
from txsmtpx.wire.connecting import chosen_reactor
from txsmtpx.wire.reactor_threads import in_thread_of

T = TypeVar("T")

log = Logger(__name__)

HELD = 1000
"""Octets of memory that a recipient takes in a response, about."""


class QueueAdministration:
    """
    Look at a queue, and change it.  `QueueSite` creates one.

    All its methods wait for the thread of the store.  If the store cannot be used, the response is 503.

    Args:
        queue: The queue.
    """

    def __init__(self, queue: MailQueue) -> None:
        self._queue = queue

    def now(self) -> float:
        """
        Return the time of the queue.

        Returns:
            Seconds since the epoch.
        """
        return self._queue.now()

    def depth(self) -> CooperativeWork[Depth]:
        """
        Count what is in the queue.

        Returns:
            The counts.

        Yields:
            Deferreds to wait for.
        """
        return (yield from self._used(lambda store: store.depth(self.now())))

    def listed(
        self, request: Request, selection: Selection, limit: int, after: int
    ) -> CooperativeWork[list[QueuedMail]]:
        """
        List messages, the oldest first.

        Args:
            request: The request, whose response they take memory for.
            selection: Selects the recipients.
            limit: The most messages.
            after: As for `txsmtpx.IQueueStore.find`.

        Returns:
            The messages, each with its selected recipients.

        Yields:
            Deferreds to wait for.
        """
        found = yield from self._used(lambda store: store.find(selection, limit, after))
        hold(request, HELD * sum(len(each.recipients) for each in found))
        return found

    def one(self, request: Request, id: str) -> CooperativeWork[QueuedMail]:
        """
        Find a message.

        Args:
            request: The request.
            id: Its identifier.

        Returns:
            The message.

        Yields:
            Deferreds to wait for.

        Raises:
            NotFound: There is none.
        """
        found = yield from self.listed(request, Selection([id]), 1, 0)
        return _only(found)

    def change(self, request: Request, selection: Selection, change: Change) -> CooperativeWork[int]:
        """
        Change recipients.  The log has a line that says who has changed what.

        Args:
            request: The request.
            selection: Selects the recipients.
            change: The change.

        Returns:
            The number of recipients that were changed.

        Yields:
            Deferreds to wait for.
        """
        changed = yield from self._used(lambda store: store.change(selection, change, self.now()))
        log.info(
            "queue: {change} by {login} from {client}: {changed} {noun} ({selection})",
            change=change,
            login=printable(login_of(request)) or "anyone",
            client=address_of(request).client or "unix",
            changed=changed,
            noun="recipient" if changed == 1 else "recipients",
            selection=printable(selection_text(selection)[:1000]),
        )
        return changed

    def change_one(self, request: Request, id: str, change: Change) -> CooperativeWork[int]:
        """
        Change all recipients of a message.

        Args:
            request: The request.
            id: Its identifier.
            change: The change.

        Returns:
            The number of recipients that were changed.

        Yields:
            Deferreds to wait for.
        """
        yield from self.one(request, id)  # which raises NotFound
        return (yield from self.change(request, Selection([id]), change))

    def opened(self, mail: QueuedMail) -> CooperativeWork[BinaryIO]:
        """
        Open the content of a message.

        Args:
            mail: The message.

        Returns:
            A file.

        Yields:
            Deferreds to wait for.

        Raises:
            NotFound: It was delivered or deleted meanwhile.
        """
        return (yield from self._used(lambda store: store.open_body(mail)))

    def read(self, file: BinaryIO, octets: int) -> CooperativeWork[bytes]:
        """
        Read from a file, in a thread.

        Args:
            file: The file.
            octets: The most octets.

        Returns:
            The octets.

        Yields:
            Deferreds to wait for.
        """
        return (yield from result_of(in_thread_of(chosen_reactor(None), partial(file.read, octets))))

    def _used(self, work: Callable[[QueueStore], Awaitable[T]]) -> CooperativeWork[T]:
        try:
            return (yield from result_of(self._queue.use(work)))
        except StoreError as error:
            if isinstance(error.__cause__, LookupError):
                raise NotFound from error
            log.error("queue: a request cannot be answered: {error}", error=error)
            raise BadRequest("The queue cannot be used now. The log has the reason.", 503) from error


def _only(found: list[QueuedMail]) -> QueuedMail:
    if not found:
        raise NotFound("The queue has no such message.")
    return found[0]
