"""
The answer of a web application as the reply to a message or to a recipient.

The status decides.  2xx accepts.  4xx rejects, but 408, 425 and 429, which ask for another attempt.  All others reject
for now.  The first line of a text is the words of the reply.  An answer in JSON may have a code, an enhanced code and
a text, also for each recipient; its codes keep to the class that the status allows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from txsmtpx.grammar import replies
from txsmtpx.grammar.mailbox import mailbox_key
from txsmtpx.grammar.reply import Reply
from txsmtpx.setting import shown
from txsmtpx.wire.web_answer import WebAnswer

AGAIN = frozenset({408, 425, 429})
"""Statuses of 4xx that ask for another attempt: Request Timeout, Too Early, Too Many Requests."""

TEXT = 200
"""Characters of a text in a reply."""

NOT_ACCEPTED_451 = Reply(451, (4, 3, 0), "The application has not accepted the message, try again later")
"""To a message or recipient if the web application does not answer, or asks for another attempt."""

REJECTED_550 = Reply(550, (5, 7, 1), "The application has rejected the message")
"""To a message that the web application rejects without a text."""

NO_RECIPIENT_550 = Reply(550, (5, 1, 1), "No such recipient here")
"""To a recipient that the web application rejects without a text."""

_HIDDEN = re.compile("[^ -~\u00a1-\ud7ff\ue000-\uffef\U00010000-\U0010ffff]+")
_ENHANCED = re.compile(r"([245])\.([0-9]{1,3})\.([0-9]{1,3})")


class UnusableAnswer(Exception):
    """The answer of a web application cannot be used; its text is for the log."""


@dataclass(frozen=True)
class HTTPOutcome:
    """
    What an answer means.

    Attributes:
        reply: The reply; None for the usual 250.
        recipients: The reply for each recipient, in their order; None for that of a recipient like `reply`.
        reason: For the log; ``""`` if the message was accepted.
    """

    reply: Reply | None
    recipients: tuple[Reply | None, ...] = ()
    reason: str = ""


def outcome_of(answer: WebAnswer, recipients: Sequence[str] = (), rejected: Reply = REJECTED_550) -> HTTPOutcome:
    """
    Return what an answer means.

    Args:
        answer: The answer.
        recipients: The recipients of the request.
        rejected: The reply for a rejection without a text.

    Returns:
        The outcome.

    Example:
        >>> said = WebAnswer(404, "Not Found", {"content-type": "text/plain"}, b"Ann has left")
        >>> outcome_of(said).reply
        Reply(550, (5, 7, 1), 'Ann has left')
    """
    status = answer.status
    accepted = 200 <= status < 300 and not answer.early
    permanent = 400 <= status < 500 and status not in AGAIN
    usual = None if accepted else rejected if permanent else NOT_ACCEPTED_451
    reason = "" if accepted else _reason(answer)
    try:
        if answer.media_type == "application/json":
            found = _parsed(answer.body)
            allowed = "245" if accepted else "45" if permanent else "4"
            reply = _reply(found, usual, allowed)
            return HTTPOutcome(reply, _each(found.get("recipients"), recipients, reply, allowed), reason)
    except UnusableAnswer as error:
        # A rejection stays one; an acceptance that cannot be read may be half of another answer.
        return HTTPOutcome(usual or NOT_ACCEPTED_451, reason=f"{status}: {error}")
    text = _words(_text_of(answer)) if accepted or permanent else ""
    if text:
        usual = replies.delivered_250(text) if usual is None else Reply(usual.code, usual.enhanced_code, text)
    return HTTPOutcome(usual, reason=reason)


def _reason(answer: WebAnswer) -> str:
    if answer.early and answer.status < 300:
        return f"the application has answered {answer.status} before it has read the message"
    line = f"{answer.status} {_line(answer.reason)}".strip(" ")
    text = _text_of(answer)
    return f"the application has answered {line}{f': {text}' if text else ''}"


def _text_of(answer: WebAnswer) -> str:
    """Return the first line of a text; "" if the answer is none."""
    if answer.media_type != "text/plain":
        return ""
    return _line(answer.body[: 4 * TEXT].decode("utf-8", "replace"))


def _words(line: str) -> str:
    """Return a line as the words of a reply, which has ASCII only (RFC 6531 §3.7.4.2)."""
    return line.encode("ascii", "replace").decode("ascii")


def _line(text: str) -> str:
    """Return the first line of a text, without control characters."""
    first = re.split("[\r\n]", text.lstrip(" \t\r\n"), maxsplit=1)[0]
    return _HIDDEN.sub(" ", first)[:TEXT].strip(" ")


def _parsed(body: bytes) -> Mapping[str, object]:
    try:
        found = json.loads(body) if body.strip(b" \t\r\n") else {}
    except (ValueError, RecursionError):
        raise UnusableAnswer("its JSON is malformed") from None
    if not isinstance(found, dict):
        raise UnusableAnswer("its JSON is no object")
    return found


def _reply(found: Mapping[str, object], usual: Reply | None, allowed: str) -> Reply | None:
    """
    Return the reply of an object with the keys code, enhanced_code and text.

    Returns:
        The reply; the usual one if there is no such key.

    Raises:
        UnusableAnswer: A value is wrong.
    """
    code, enhanced, text = found.get("code"), found.get("enhanced_code"), found.get("text")
    if code is None and enhanced is None and text is None:
        return usual
    base = usual or replies.delivered_250("Ok")
    if code is None:
        code = base.code
    if not isinstance(code, int) or isinstance(code, bool) or not _usable(code):
        raise UnusableAnswer(f"its code is {shown(code)}, not a number such as 250, 451 or 550")
    if text is not None and not isinstance(text, str):
        raise UnusableAnswer(f"its text is {shown(text)}, not a string")
    if str(code)[0] not in allowed:
        raise UnusableAnswer(f"its code is {code}, which contradicts the status")
    own = base.enhanced_code if base.code == code else replies.default_enhanced_code(code)
    words = _words(_line(text or "")) or (base.lines[0] if base.code == code else "Rejected" if code >= 400 else "Ok")
    return Reply(code, own if enhanced is None else _enhanced(enhanced, code), words)


def _usable(code: int) -> bool:
    return code == 250 or (400 <= code <= 599 and code != 421)  # 421 closes the connection


def _enhanced(text: object, code: int) -> tuple[int, int, int]:
    match = _ENHANCED.fullmatch(text) if isinstance(text, str) else None
    if match is None or match[1] != str(code)[0]:
        raise UnusableAnswer(f"its enhanced code is {shown(text)}, which does not go with {code}")
    return int(match[1]), int(match[2]), int(match[3])


def _each(
    found: object, recipients: Sequence[str], reply: Reply | None, allowed: str
) -> tuple[Reply | None, ...]:
    """
    Return the replies for the recipients.

    Returns:
        The replies; none if the answer does not name recipients.

    Raises:
        UnusableAnswer: A value is wrong, or the number of recipients.
    """
    if found is None:
        return ()
    if isinstance(found, dict):
        keyed = {mailbox_key(address): one for address, one in found.items()}
        listed = [keyed.get(mailbox_key(address), {}) for address in recipients]
    elif isinstance(found, list):
        listed = found
        if len(listed) != len(recipients):
            raise UnusableAnswer(f"it has outcomes for {len(listed)} recipients, not for {len(recipients)}")
    else:
        raise UnusableAnswer("its recipients are neither an object nor a list")
    if not all(isinstance(each, dict) for each in listed):
        raise UnusableAnswer("the outcome of a recipient is no object")
    return tuple(_reply(each, reply, allowed) for each in listed)
