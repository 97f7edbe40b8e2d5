"""
Which reply can answer which command: RFC 5321 §4.3.

Theory of operation.  After a reply that cannot answer its command, the replies that follow cannot be
attributed.  So the client aborts the connection after each of these:

  - a reply while none is expected, or more replies in one segment than were expected when it came;
  - a code that cannot answer the command, such as 250 to DATA;
  - a line that is no reply line.

421 fits anywhere (RFC 5321 §3.8).
"""

from __future__ import annotations

from typing import Protocol

from twisted.python.failure import Failure

from txsmtpx.grammar.reply import Reply

Answer = tuple[str, str]
"""The command that a reply answers, and the phase, which has its time-out."""


class Waiting(Protocol):
    """What waits for a reply: a Deferred, or an object with these two methods of it."""

    def callback(self, reply: Reply) -> None:
        """
        Take the reply.

        Args:
            reply: The reply.
        """

    def errback(self, failure: Failure) -> None:
        """
        Note that the reply will not come.

        Args:
            failure: The reason.
        """


def fits(code: int, verb: str, phase: str) -> bool:
    """
    Ask whether a reply can answer a command.

    Args:
        code: The code of the reply.
        verb: The command.
        phase: The phase of the reply.

    Returns:
        True if it can.  3xx fits DATA and AUTH alone, and DATA has no other positive answer.
    """
    if code == 353:
        return verb in ("DATA", "BDAT") and phase == "end"  # PRDR
    if code < 300:
        return phase != "data"
    return code >= 400 or phase == "data" or (verb == "AUTH" and code == 334)


def refuses_data(code: int, verb: str, phase: str) -> bool:
    """
    Ask whether a reply rejects a message after 354, which a server may do before it has all octets.

    Args:
        code: The code of the reply.
        verb: The command that it answers.
        phase: The phase of the reply.

    Returns:
        True if it does.
    """
    return verb == "DATA" and phase == "end" and code >= 400


def counts_at_once(code: int, verb: str, phase: str) -> bool:
    """
    Ask whether a reply counts whatever comes behind it in its segment.

    3xx asks for more.  A rejected message stays rejected, also by a server that runs its octets as commands then.  The
    wire finds what was sent in the clear after the reply to STARTTLS.

    Args:
        code: The code of the reply.
        verb: The command that it answers.
        phase: The phase of the reply.

    Returns:
        True if it does.
    """
    return 300 <= code < 400 or (code >= 400 and phase in ("end", "block")) or verb == "STARTTLS"
