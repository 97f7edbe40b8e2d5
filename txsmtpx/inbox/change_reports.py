"""The functions that a store calls with its changes."""

from __future__ import annotations

from twisted.logger import Logger

from txsmtpx.inbox.inbox_store import ChangeSubscriber, StoreChange

log = Logger(__name__)


class ChangeReports:
    """
    Report the changes of a store, which derives from this class.

    Example:
        >>> reports = ChangeReports()
        >>> reports.subscribe(lambda change: print(change.kind, change.numbers))
        >>> reports.report(StoreChange("deleted", [7]))
        deleted [7]
    """

    def __init__(self) -> None:
        self._subscribers: list[ChangeSubscriber] = []

    def subscribe(self, subscriber: ChangeSubscriber) -> None:
        """
        Call a function for each change, after the store has changed.

        Args:
            subscriber: The function.  Its exceptions are logged.
        """
        self._subscribers.append(subscriber)

    def report(self, change: StoreChange) -> None:
        """
        Call the functions.

        Args:
            change: What has happened.
        """
        for subscriber in self._subscribers:
            try:
                subscriber(change)
            except Exception:
                log.failure("a subscriber of the inbox failed")
