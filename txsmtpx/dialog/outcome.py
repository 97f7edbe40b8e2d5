"""
What a backend's word on a message is to the peer: RFC 5321 §4.2.5, RFC 2033 §4.2.
"""

from __future__ import annotations

from typing import Any

from twisted.logger import Logger
from twisted.python.failure import Failure

from txsmtpx.errors import SMTPError
from txsmtpx.grammar import replies
from txsmtpx.grammar.reply import Reply

log = Logger(__name__)


def refusal(failure: Failure, session_id: str, queue_id: str, what: str) -> Reply:
    """What the peer is told of C{failure}: an L{SMTPError} as it says, anything else is not its business."""
    if isinstance(failure.value, SMTPError):
        return failure.value.reply
    text = "session={session} queue={queue} {what} failed"
    log.failure(text, failure=failure, what=what, session=session_id, queue=queue_id)
    return replies.local_error_451(queue_id)


def outcome_of(status: Any, session_id: str, queue_id: str) -> Reply:
    """A status as a reply: None is a yes, a L{Reply} and a C{str} have their own words, the rest is no."""
    if status is None:
        return replies.queued_250(queue_id)
    if isinstance(status, Reply) and status.code // 100 != 3:
        return status
    if isinstance(status, str):
        return replies.delivered_250(status)
    if not isinstance(status, Failure):
        status = Failure(status if isinstance(status, Exception) else TypeError(f"no outcome: {status!r}"))
    return refusal(status, session_id, queue_id, "a delivery")


def for_recipient(recipient: str, reply: Reply) -> Reply:
    """
    LMTP's reply for one recipient: it begins with whom it is for, unless it does already.

    421 would end the connection in the middle of the others' replies, so it loses that meaning.
    """
    first, *rest = reply.lines
    if not first.startswith("<"):
        first = f"{replies.shown(recipient)} {first}"
    return Reply(451 if reply.code == 421 else reply.code, reply.enhanced_code, first, *rest)
