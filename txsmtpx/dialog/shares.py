"""
One message in several transactions, where a server takes only so many recipients at a time: RFC 9422 §4.2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from email.message import Message
from typing import Any

from txsmtpx.dialog.sending import Result
from txsmtpx.errors import RecipientsRefused, SMTPError
from txsmtpx.grammar import replies
from txsmtpx.grammar.reply import Reply


def again(body: Any) -> Callable[[], Any]:
    """
    A function that gives C{body} from its beginning each time.

    @raise ValueError: it can be read only once.
    """
    if isinstance(body, bytes | bytearray | memoryview | Message | list | tuple):
        return lambda: body
    if hasattr(body, "read") and hasattr(body, "seekable") and body.seekable():
        start = body.tell()

        def rewound() -> Any:
            body.seek(start)
            return body

        return rewound
    raise ValueError(
        "more recipients than the server takes at a time (RCPTMAX): the body has to be sent more than once, "
        "so it must be bytes, an EmailMessage or a seekable file"
    )


def merged(outcomes: Sequence[tuple[Sequence[str], Result | Exception]]) -> Result:
    """
    What became of a message that went in several transactions, in the order of its recipients.

    @param outcomes: for each transaction, its recipients and what came of them.
    @raise SMTPError: it was refused each time.
    @raise RecipientsRefused: all recipients were.
    """
    accepted: list[tuple[str, Reply]] = []
    refused: list[tuple[str, Reply]] = []
    for recipients, outcome in outcomes:
        if isinstance(outcome, Result):
            accepted += outcome.accepted
            refused += outcome.refused
        elif isinstance(outcome, RecipientsRefused):
            refused += outcome.refused
        else:
            reply = outcome.reply if isinstance(outcome, SMTPError) else replies.NEXT_LOST_451
            refused += [(recipient, reply) for recipient in recipients]
    if accepted:
        return Result(accepted, refused)
    why = (each for _, each in outcomes if isinstance(each, Exception) and not isinstance(each, RecipientsRefused))
    raise next(why, RecipientsRefused(refused))
