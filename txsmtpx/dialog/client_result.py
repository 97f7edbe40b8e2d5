"""What became of a message that a client has sent, for each recipient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from txsmtpx.errors import DeliveryError, RecipientsRefused, SMTPError
from txsmtpx.grammar.reply import Reply

Outcome = Reply | DeliveryError
"""What became of a message for one recipient: the reply, or the error that came in place of it."""

Refusals = Sequence[tuple[str, DeliveryError]]
"""Recipients that were rejected, each with its error, in RCPT order."""


@dataclass(frozen=True)
class Result:
    """
    The result of a message that was accepted for at least one recipient.

    Both lists are in RCPT order, an entry for each position.  If an address was given twice, it has two entries.

    Attributes:
        accepted: (recipient, reply) for each recipient that was accepted.  The reply is the one to the message; under
            LMTP and PRDR it is the recipient's own.
        refused: (recipient, error) for each recipient that was rejected.  The error is an `SMTPError` if the server
            rejected the recipient, at RCPT or after the message.  It is another `DeliveryError` if no reply came for
            the recipient, which may have received the message.

    Example:
        >>> result = Result([("one@example.org", Reply(250, (2, 0, 0), "Ok"))], [])
        >>> [recipient for recipient, reply in result.accepted]
        ['one@example.org']
    """

    accepted: Sequence[tuple[str, Reply]]
    refused: Refusals


def result_of(outcomes: Sequence[tuple[str, Outcome]], verb: str) -> Result:
    """
    Return the result of a message whose recipients have a reply each.

    Args:
        outcomes: (recipient, outcome) in RCPT order.
        verb: The command that the replies answer, for the errors.

    Returns:
        The result.

    Raises:
        RecipientsRefused: The server rejected all recipients.
        DeliveryError: The server accepted none, and no reply came for some.
    """
    accepted: list[tuple[str, Reply]] = []
    refused: list[tuple[str, DeliveryError]] = []
    for recipient, outcome in outcomes:
        if not isinstance(outcome, Reply):
            refused.append((recipient, outcome))
        elif outcome.positive:
            accepted.append((recipient, outcome))
        else:
            refused.append((recipient, SMTPError.from_reply(outcome, verb)))
    if accepted:
        return Result(accepted, refused)
    lost = next((error for _, error in refused if not isinstance(error, SMTPError)), None)
    if lost is None:
        raise RecipientsRefused(refused)
    lost.refused = [(recipient, error) for recipient, error in refused if error is not lost]
    raise lost


def merged(outcomes: Sequence[tuple[Sequence[str], Result | DeliveryError]]) -> Result:
    """
    Return the result of a message that went in several transactions.

    Args:
        outcomes: For each transaction, its recipients and what became of them.

    Returns:
        The result, in the order of the recipients.

    Raises:
        SMTPError: The server rejected each transaction with the same reply.
        RecipientsRefused: The server rejected all recipients.
        DeliveryError: The server accepted none, and no reply came for some.
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
