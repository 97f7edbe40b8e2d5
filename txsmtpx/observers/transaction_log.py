"""
Log one line for each transaction.  docs/logs.md describes its fields.

If a `LogWriter` is the only observer of the log, it gets the fields and formats them itself.  Other observers get an
event, which has the line in ``smtpx_line`` and all fields.  It goes directly to the observer of the logger:
`Logger.info` would check and copy it first.
"""

from __future__ import annotations

import time
from typing import Literal

from twisted.logger import Logger, globalLogPublisher
from twisted.python.failure import Failure

from txsmtpx.arguments import checked_except
from txsmtpx.dialog.observer import Observer
from txsmtpx.dialog.refusals import MOST, log_more_reset
from txsmtpx.interfaces import Connection, Summary
from txsmtpx.observers.log_writer import LogWriter
from txsmtpx.observers.transaction_line import transaction_event, transaction_fields
from txsmtpx.wire.twisted_internals import LOG_OBSERVERS

log = Logger(__name__)

Which = Literal["all", "refused"]
"""All transactions, or those that have a 4xx or 5xx reply to the message."""


class TransactionLog(Observer):
    """
    Log a line for each transaction of one server.  ``twistd smtpx`` creates one for each listener.

    Args:
        which: "all", or "refused" for those that have a 4xx or 5xx reply to the message.
        listener: The name of the server, for the field ``listener``.
        logger: The logger that gets the events.

    Example:
        >>> from txsmtpx import MemoryBackend, SMTPServerFactory
        >>> factory = SMTPServerFactory(MemoryBackend(), observers=[TransactionLog("refused")])
    """

    @checked_except("logger")
    def __init__(self, which: Which = "all", listener: str = "", logger: Logger = log) -> None:
        self._refused_only = which == "refused"
        self._listener = listener
        self._logger = logger
        self._resets: dict[str, int] = {}

    def concluded(self, summary: Summary) -> None:
        """
        Log a line for a transaction.  Of those with ``end=reset``, only the first `MOST` of a connection have a line.

        Args:
            summary: The transaction.
        """
        if self._refused_only and all(reply.code < 400 for reply in summary.replies):
            return
        if summary.end == "reset" and self._is_one_too_many(summary.connection.session_id):
            return
        values, facts, simple = transaction_fields(self._listener, summary)
        observer = self._logger.observer
        if observer is globalLogPublisher and len(LOG_OBSERVERS) == 1:
            observer = LOG_OBSERVERS[0]
        if isinstance(observer, LogWriter):
            observer.transaction(self._logger.namespace, values, facts, simple)
        else:
            event = transaction_event(time.time(), self._logger.namespace, values, facts, simple)
            event["log_source"] = None
            event["log_logger"] = self._logger
            observer(event)

    def disconnected(self, connection: Connection, reason: Failure) -> None:
        """
        Log the number of the transactions that have no line, if there are any.

        Args:
            connection: The connection.
            reason: Why it was closed, which is not logged.
        """
        more = self._resets.pop(connection.session_id, 0) - MOST
        if more > 0:
            log_more_reset(connection, more)

    def _is_one_too_many(self, session_id: str) -> bool:
        # A client that repeats MAIL and RSET must not fill the log.
        count = self._resets[session_id] = self._resets.get(session_id, 0) + 1
        return count > MOST
