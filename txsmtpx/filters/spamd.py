"""
SpamAssassin's daemon as a filter, over any endpoint.
"""

from __future__ import annotations

import re
from typing import Any

from twisted.internet.endpoints import clientFromString
from twisted.logger import Logger

from txsmtpx.content.header import Header
from txsmtpx.filters.spamc import Connection, Score, score_in
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import Accept
from txsmtpx.middleware.filter import Filter
from txsmtpx.wire.unlogged_factory import UnloggedFactory

log = Logger(__name__)

SPAM_550 = Reply(550, (5, 7, 1), "That looks like spam")

ENDPOINT = "tcp:127.0.0.1:783"
"""Where it listens unless it is told otherwise."""

MAX_OCTETS = 512 * 1024
"""Octets of a message that it is asked about unless it is told otherwise: spam is small, and it takes its time."""


class Spamd:
    """
    Makes filters: ``FilterBackend(backend, Spamd(reject_at=10))`` marks what is spam, and refuses what is surely spam.

    A daemon that is not there, or does not answer, is no reason to refuse mail: it passes without a mark.

    Attributes:
        holds: Whether messages are held until there is an answer, as they must be to be marked.

    Args:
        endpoint: A client endpoint, or its string.
        reject_at: The score from which on a message is refused, 550 5.7.1; None refuses nothing.
        mark: Add X-Spam-Flag and X-Spam-Status.
        user: Whose preferences it goes by.
        max_octets: Of a message; one that is bigger passes without a mark.
        timeout: Seconds for the connection, and for the answer after the end of the message.

    Raises:
        ValueError: ``user`` is no name.
    """

    def __init__(
        self,
        endpoint: Any = ENDPOINT,
        *,
        reject_at: float | None = None,
        mark: bool = True,
        user: str = "",
        max_octets: int = MAX_OCTETS,
        timeout: float = 60,
        reactor: Any = None,
    ) -> None:
        if reactor is None:
            from twisted.internet import reactor
        if user and not re.fullmatch("[!-~]+", user):
            raise ValueError(f"no name of a user: {user!r}")
        self.endpoint = clientFromString(reactor, endpoint) if isinstance(endpoint, str) else endpoint
        self.reject_at = reject_at
        self.holds = mark
        self.user = user
        self.max_octets = max_octets
        self.timeout = timeout
        self.reactor = reactor

    def __call__(self, context: Any) -> SpamdFilter:
        """A filter for one message."""
        return SpamdFilter(context, self)


class SpamdFilter(Filter):
    """Asks about one message."""

    def __init__(self, context: Any, spamd: Spamd) -> None:
        super().__init__(context)
        self._spamd = spamd
        self._connection: Connection | None = None
        self._octets = 0

    async def header(self, header: Header) -> None:
        """Connect."""
        if (self.context.options.size or 0) > self._spamd.max_octets:
            return
        connecting = self._spamd.endpoint.connect(UnloggedFactory.forProtocol(Connection))
        try:
            self._connection = await connecting.addTimeout(self._spamd.timeout, self._spamd.reactor)
        except Exception as error:
            self._unavailable(error)
            return
        user = f"User: {self._spamd.user}\r\n" if self._spamd.user else ""
        self._connection.say(f"CHECK SPAMC/1.5\r\n{user}\r\n".encode("ascii"))

    def chunk(self, octets: bytes) -> Any:
        """Pass it on, at the pace of the daemon."""
        self._octets += len(octets)
        if self._octets > self._spamd.max_octets:
            self.close()
        return None if self._connection is None else self._connection.say(octets)

    async def end(self, size: int) -> Any:
        """What the daemon says."""
        if self._connection is None:
            return None
        try:
            answer = self._connection.answer()
            score = score_in(await answer.addTimeout(self._spamd.timeout, self._spamd.reactor))
        except Exception as error:
            self._unavailable(error)
            return None
        self.context.note(spam=score.spam, score=score.score, threshold=score.threshold)
        if self._spamd.reject_at is not None and score.score >= self._spamd.reject_at:
            return SPAM_550
        return Accept(_marks(score)) if self._spamd.holds else None

    def _unavailable(self, error: Exception) -> None:
        text = "session={session} queue={queue} spamd does not answer: {error}"
        context = self.context
        log.warn(text, session=context.connection.session_id, queue=context.queue_id, error=error)
        self.close()

    def close(self) -> None:
        """Hang up."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.give_up()


def _marks(score: Score) -> list[tuple[str, str]]:
    """Header fields as SpamAssassin writes them."""
    status = f"{'Yes' if score.spam else 'No'}, score={score.score} required={score.threshold}"
    return [("X-Spam-Flag", "YES")] * score.spam + [("X-Spam-Status", status)]
