"""
One message in several transactions, where a server takes only so many recipients at a time: RFC 9422 §4.2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from email.message import Message
from typing import Any

from txsmtpx.dialog.sending import Result
from txsmtpx.errors import DeliveryError, RecipientsRefused, SMTPError
from txsmtpx.grammar.reply import Reply


def again(body: Any) -> Callable[[], Any]:
    """
    A function that gives ``body`` from its beginning each time.

    Raises:
        ValueError: It can be read only once.
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


def repeatable(body: Any) -> Callable[[], Any] | None:
    """Return a function that returns ``body`` from its beginning each time; None if it can be read only once."""
    try:
        return again(body)
    except ValueError:
        return None


def merged(outcomes: Sequence[tuple[Sequence[str], Result | DeliveryError]]) -> Result:
    """
    What became of a message that went in several transactions, in the order of its recipients.

    Args:
        outcomes: For each transaction, its recipients and what came of them.

    Raises:
        SMTPError: It was refused each time, in the same words.
        RecipientsRefused: All recipients were.
        DeliveryError: It was accepted for none, and for some no reply came.
    """
    accepted: list[tuple[str, Reply]] = []
    refused: list[tuple[str, DeliveryError]] = []
    for recipients, outcome in outcomes:
        if isinstance(outcome, Result):
            accepted += outcome.accepted
            refused += outcome.refused
        else:
            before = list(outcome.refused)  # in the same order
            for recipient in recipients:
                known = bool(before) and before[0][0] == recipient
                refused.append(before.pop(0) if known else (recipient, outcome))
    if accepted:
        return Result(accepted, refused)
    errors = [outcome for _, outcome in outcomes if isinstance(outcome, DeliveryError)]
    first = next((error for error in errors if not isinstance(error, SMTPError | RecipientsRefused)), errors[0])
    alike = all(isinstance(error, SMTPError) and error.reply == first.reply for error in errors)
    if isinstance(first, SMTPError | RecipientsRefused) and not alike:
        raise RecipientsRefused(refused)
    first.refused = [(recipient, error) for recipient, error in refused if error is not first]
    raise first
