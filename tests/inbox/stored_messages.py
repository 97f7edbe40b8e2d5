"""Messages for the file of the inbox, and what it has."""

from __future__ import annotations

from dataclasses import replace

from twisted.internet.defer import fail, maybeDeferred

from txsmtpx.backends.received import Received
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.inbox.database_reader import DatabaseReader
from txsmtpx.inbox.database_store import DatabaseStore
from txsmtpx.inbox.database_writer import StoreLimits
from txsmtpx.inbox.search_query import SearchQuery
from txsmtpx.interfaces import InThread
from txsmtpx.web.cooperative_work import CooperativeWork

SMALL = Received("me@example.org", ("you@example.net",), b"", MailOptions(), (RcptOptions(),), "0123456789AB", None,
                 "192.0.2.1", "client.example", "ESMTP", 0, 1_750_000_000.25)  # fmt: skip


def message(subject: str, size: int = 0) -> Received:
    """A message with a subject, of ``size`` octets at least."""
    return replace(SMALL, content=f"Subject: {subject}\r\n\r\n".encode() + b"x" * size)


def subjects(reader: DatabaseReader, search: str = "") -> list[str]:
    """The subjects of what a search finds, each read from the source, newest first."""
    found = reader.numbers(SearchQuery(search), 0, True)
    return [reader.message(number).content.partition(b"\r\n")[0].decode()[9:] for number in found]


def result(work: CooperativeWork[object]) -> object:
    """The result of work, where threads answer at once."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value


def opened(path: str, in_thread: InThread = maybeDeferred, **limits: int) -> DatabaseStore:
    """A store in a file, whose time is 0."""
    return DatabaseStore(path, StoreLimits(**limits), lambda: 0.0, in_thread)


def changes(store: DatabaseStore) -> list[tuple[str, list[int]]]:
    """What the store tells from now on."""
    told: list[tuple[str, list[int]]] = []
    store.subscribe(lambda change: told.append((change.kind, list(change.numbers))))
    return told


def failing(error: Exception) -> InThread:
    """Threads in which everything fails."""
    return lambda function, *arguments: fail(error)
