"""What the values that a backend returns mean to the client: RFC 5321 §4.2.5, RFC 2033 §4.2."""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import Logger
from twisted.python.failure import Failure

from txsmtpx.errors import SMTPError
from txsmtpx.grammar import replies
from txsmtpx.grammar.reply import Reply

log = Logger(__name__)

_MOST_SHOWN = 200
"""Characters that the log shows of a value that a backend may not return, such as a whole message."""

_REPLY = "a Reply of 2xx, 4xx or 5xx except 221, such as Reply(250, (2, 0, 0), 'Ok')"
"""The description of a reply that a backend may return."""


def fits(value: object) -> bool:
    """
    Return whether a backend may answer with a value: a `Reply` of 2xx, 4xx or 5xx, but not 221.

    3xx asks the client for more input, and 221 says that the connection is closed (RFC 5321 §4.2.1): only the dialog
    can keep such promises.  It keeps that of 421, by closing the connection.

    Args:
        value: What the backend has returned.

    Returns:
        True if the value is such a reply.
    """
    return isinstance(value, Reply) and value.code // 100 != 3 and value.code != 221


def complete(reply: Reply) -> Reply:
    """
    Return the reply of a backend with an enhanced code.

    Args:
        reply: A reply of 2xx, 4xx or 5xx.

    Returns:
        The reply; if it has no enhanced code, the same with X.0.0 (RFC 2034 §4).

    Example:
        >>> complete(Reply(550, None, "No"))
        Reply(550, (5, 0, 0), 'No')
    """
    if reply.enhanced_code is not None:
        return reply
    return Reply(reply.code, replies.default_enhanced_code(reply.code), *reply.lines)


def accepts(value: object) -> bool:
    """
    Return whether a backend accepts MAIL or RCPT.

    Args:
        value: What the backend has returned.

    Returns:
        True if the value is None or a positive reply.
    """
    return value is None or (isinstance(value, Reply) and value.positive and fits(value))


def answer(value: object, session: object, method: str) -> Reply:
    """
    Return the reply of a backend, which is one that it may give.

    Args:
        value: What the backend has returned, but None.
        session: The backend's session.
        method: The name of its method.

    Returns:
        The value.

    Raises:
        TypeError: A backend may not answer so.
    """
    if isinstance(value, Reply) and fits(value):
        return complete(value)
    name = f"{type(session).__qualname__}.{method}()"
    raise TypeError(f"{name} returned {_shown(value)}: return None or {_REPLY}, or raise SMTPError")


def refusal(failure: Failure, session_id: str, queue_id: str, source: str) -> Reply:
    """
    Return the reply to a failure of a backend.

    Args:
        failure: The failure of the backend.
        session_id: The session, for the log.
        queue_id: The transaction, for the log and the reply; "-" outside of a transaction.
        source: What has failed, for the log.

    Returns:
        The reply of an `SMTPError`; for anything else 451, with no word of the exception, which is logged.
    """
    if isinstance(failure.value, SMTPError) and fits(failure.value.reply):
        return complete(failure.value.reply)
    text = "session={session} queue={queue} {what} failed"
    log.failure(text, failure=failure, what=source, session=session_id, queue=queue_id)
    return replies.LOCAL_ERROR_451 if queue_id == "-" else replies.local_error_451(queue_id)


def outcome_of(status: object, session_id: str, queue_id: str, source: str) -> Reply:
    """
    Return the reply for the outcome of a message or a recipient.

    Args:
        status: A `Reply`, a `str` for the words of a success, an exception or a Failure.
        session_id: The session, for the log.
        queue_id: The transaction, for the log.
        source: What has returned the status, for the log.

    Returns:
        2xx, 4xx or 5xx; 451 for a value of another kind, which is logged.
    """
    if isinstance(status, Reply) and fits(status):
        return complete(status)
    if isinstance(status, str):
        return replies.delivered_250(status)
    if not isinstance(status, Failure):
        given = _shown(status)
        wrong = TypeError(f"{source} returned {given}: return None, a str or {_REPLY}, or raise SMTPError")
        status = Failure(status if isinstance(status, BaseException) else wrong)
    return refusal(status, session_id, queue_id, source)


def _shown(value: object) -> str:
    """The value for the log, also where its own `__repr__` fails."""
    try:
        text = repr(value)
    except BaseException:
        text = f"a {type(value).__qualname__} that cannot be shown"
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}...[+{len(text) - _MOST_SHOWN}]"


def chosen(choose: Callable[[], object], session_id: str, queue_id: str, source: str) -> Reply:
    """
    Return the reply that a function of the user of this library makes.

    Args:
        choose: Calls the function.
        session_id: The session, for the log.
        queue_id: The transaction, for the log.
        source: The name of the function, for the log.

    Returns:
        The reply; 451 if the function fails or returns something else.
    """
    try:
        reply = choose()
        if isinstance(reply, Reply) and fits(reply):
            return complete(reply)
        raise TypeError(f"{source} returned {_shown(reply)}: return {_REPLY}")
    except BaseException:
        return refusal(Failure(), session_id, queue_id, source)


def for_recipient(recipient: str, reply: Reply) -> Reply:
    """
    Return the reply of LMTP and PRDR for one recipient.

    Args:
        recipient: The address.
        reply: The outcome.

    Returns:
        A reply whose first line begins with the recipient.  421 becomes 451, since it would end the connection before
        the replies for the other recipients.
    """
    first, *rest = reply.lines
    if not first.startswith("<"):
        first = f"{replies.shown(recipient)} {first}"
    return Reply(451 if reply.code == 421 else reply.code, reply.enhanced_code, first, *rest)
