"""
The client of SPAMC/1.5, the protocol of SpamAssassin's daemon: a connection for each message.

The message is sent while it is received, without a length.  The client closes its half of the connection at the end.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from twisted.internet.interfaces import IHalfCloseableProtocol
from zope.interface import implementer

from txsmtpx.filters.daemon_connection import DaemonConnection

_RESULT = re.compile(rb"SPAMD/[0-9.]+ ([0-9]+) (\S*)\r\n")
_SPAM = re.compile(rb"^Spam: *(True|False|Yes|No) *; *(-?[0-9.]+) */ *(-?[0-9.]+)", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True)
class Score:
    """
    The result of SpamAssassin for a message.  A backend finds it in ``context.results``.

    Attributes:
        spam: True if ``score`` has reached ``threshold``.
        score: The score.
        threshold: The score from which on a message is spam.
    """

    spam: bool
    score: float
    threshold: float

    def facts(self) -> Mapping[str, str | int | float]:
        """
        Return what the line of the log shows.

        Returns:
            The facts.
        """
        return {"spam": self.spam, "score": self.score, "threshold": self.threshold}


class SpamdError(Exception):
    """The daemon has answered with an error, or not by its protocol."""


def score_in(answer: bytes) -> Score:
    r"""
    Parse an answer.

    Args:
        answer: The answer of the daemon.

    Returns:
        The score.

    Raises:
        SpamdError: It has none.

    Example:
        >>> score_in(b"SPAMD/1.1 0 EX_OK\r\nSpam: True ; 12.5 / 5.0\r\n\r\n")
        Score(spam=True, score=12.5, threshold=5.0)
    """
    result = _RESULT.match(answer)
    if result is None:
        raise SpamdError(f"not the protocol of spamd: {answer[:80]!r}")
    if int(result[1]):
        raise SpamdError(f"spamd replied {result[1].decode()} {result[2].decode('ascii', 'replace')}")
    found = _SPAM.search(answer, result.end())
    if found is None:
        raise SpamdError("the reply of spamd has no verdict")
    return Score(found[1].lower() in (b"true", b"yes"), float(found[2]), float(found[3]))


def check_pong(answer: bytes) -> None:
    r"""
    Check the answer to PING.

    Args:
        answer: The answer of the daemon.

    Raises:
        SpamdError: It is another one.

    Example:
        >>> check_pong(b"SPAMD/1.5 0 PONG\r\n")
    """
    result = _RESULT.match(answer)
    if result is None or result[2] != b"PONG":
        raise SpamdError(f"not the answer of spamd to PING: {answer[:80]!r}")


@implementer(IHalfCloseableProtocol)
class SpamcProtocol(DaemonConnection):
    """A connection to the daemon, for one message.  A filter creates it."""

    def finish(self) -> None:
        """Close the half of the client."""
        self.transport.loseWriteConnection()

    def readConnectionLost(self) -> None:
        """Close the connection, since the daemon has sent everything."""
        self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        """Do nothing: the client has closed its half itself."""
