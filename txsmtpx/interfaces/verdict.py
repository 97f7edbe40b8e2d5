"""The verdicts of filters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from txsmtpx.content import field
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces.change import Change
from txsmtpx.setting import shown


@dataclass(frozen=True)
class Accept:
    """
    A verdict of a filter: accept, and perhaps change the message, or say what was found.

    Args:
        headers: The fields to put before the message, each a name and a value.
        changes: The changes of the message and of its envelope, in order (`txsmtpx.interfaces.change`).
        results: The findings of the filter, for the filters behind it and the backend (`txsmtpx.interfaces.Results`).
        final: True: this filter is not called again in this transaction.  In the verdict of ``connected`` or ``hello``:
            on this connection.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A header field cannot be written.

    Example:
        >>> Accept([("X-Spam-Flag", "YES")]).headers
        [('X-Spam-Flag', 'YES')]
    """

    headers: Sequence[tuple[str, str]] = ()
    changes: Sequence[Change] = ()
    results: Sequence[object] = ()
    final: bool = False

    def __post_init__(self) -> None:
        given = self.headers
        pairs = isinstance(given, Sequence) and all(isinstance(each, tuple) and len(each) == 2 for each in given)
        if not pairs or not all(isinstance(text, str) for each in given for text in each):
            such = "a list of names and values, such as [('X-Spam-Flag', 'YES')]"
            raise TypeError(f"Accept: headers must be {such}, not {shown(given)}")
        for name, value in given:
            field.encode(name, value)
        changes = self.changes
        if not isinstance(changes, Sequence) or not all(isinstance(each, _CHANGES) for each in changes):
            such = "a list of changes, such as [DeleteHeader('X-Spam-Flag')]"
            raise TypeError(f"Accept: changes must be {such}, not {shown(changes)}")
        if not isinstance(self.results, Sequence) or isinstance(self.results, str | bytes):
            raise TypeError(f"Accept: results must be a list of objects, not {shown(self.results)}")
        if not isinstance(self.final, bool):
            raise TypeError(f"Accept: final must be True or False, not {shown(self.final)}")


_CHANGES = tuple(kind for each in get_args(Change) for kind in (get_args(each) or (each,)))


@dataclass(frozen=True)
class Discard:
    """
    A verdict of a filter: accept the message for the client, and discard it.

    After ``recipient`` only this recipient is discarded.  After ``connected`` or ``hello``, each message of the
    connection is discarded.

    Example:
        >>> Discard()
        Discard()
    """


class FilterFailed(Exception):
    """
    A filter raises this if it cannot decide, such as when its daemon does not answer.

    The log has one line with the text, without a traceback.  Then ``on_failure`` of the filter applies.

    Example:
        >>> raise FilterFailed("the daemon has closed the connection")
        Traceback (most recent call last):
        txsmtpx.interfaces.verdict.FilterFailed: the daemon has closed the connection
    """


Verdict = Reply | Accept | Discard | None
"""
The verdict of a filter.  None and `Accept` continue, and `Discard` discards the message.

A `Reply` is sent to the client.  A 4xx or 5xx rejects the connection, command, recipient or message.  421 and 521 also
close the connection.  A 2xx after ``data``, ``header`` or ``end`` discards the message.
"""
