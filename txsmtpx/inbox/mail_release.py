"""
Messages of the inbox that are sent on to real recipients: by a person or a program, or by a rule.

Nothing is sent unless the operator names a next server.  `txsmtpx.wire.pool.SMTPPool` has the connections to it.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.logger import Logger

from txsmtpx.backends.next_reply import shortened
from txsmtpx.backends.received import Received
from txsmtpx.content.header_edit import HeaderTooLong
from txsmtpx.dialog.client_result import Outcome
from txsmtpx.errors import Delivered, DeliveryError
from txsmtpx.grammar.mailbox import mailbox_key
from txsmtpx.inbox.address_pattern import AddressPattern
from txsmtpx.inbox.released_message import released_content
from txsmtpx.wire.pool import SMTPPool

log = Logger(__name__)

CONNECTIONS = 4
"""Connections to the next server at a time."""

MAX_RECIPIENTS = 100
"""Recipients of one message (RFC 5321 §4.5.3.1.8)."""

KEPT = 200
"""Messages whose last outcomes are kept in memory."""


@dataclass(frozen=True)
class ReleaseOutcome:
    """
    Describe what has become of a message for one recipient.

    Attributes:
        recipient: The address.
        released: True if the next server has accepted the message for it.
        reply: The reply of the next server, or the reason why there is none.  It says so if the message may have been
            sent all the same.
    """

    recipient: str
    released: bool
    reply: str

    def as_json(self) -> dict[str, str | int]:
        """
        Return the outcome for the API.

        Returns:
            The values by their names in the API.
        """
        return {"recipient": self.recipient, "released": self.released, "reply": self.reply}


@dataclass(frozen=True)
class ForwardRule:
    """
    Forward messages automatically.

    Attributes:
        pattern: The rule is for messages to a recipient of the envelope that matches.
        to: The address that gets them; None for the recipients that match.
    """

    pattern: AddressPattern
    to: str | None = None


class MailRelease:
    """
    Send messages on to recipients that are allowed.  ``twistd smtpx --release-to`` creates it.

    Attributes:
        pool: The connections to the next server.
        rules: The rules of automatic forwarding.
        requests: The requests that release messages now.

    Args:
        pool: The connections to the next server.
        allowed: The recipients to which messages may be released.  Empty: all.
        sender: The sender of the envelope; None for that of each message.
        rules: The rules of automatic forwarding.
        now: A function that returns the time, in seconds since the epoch.

    Example:
        >>> from twisted.internet import reactor
        >>> pool = SMTPPool("tls:mail.example.org:465", auth=("ann", "secret"), reactor=reactor)
        >>> MailRelease(pool, [AddressPattern("example.org")]).is_allowed("ann@example.net")
        False
    """

    def __init__(
        self,
        pool: SMTPPool,
        allowed: Iterable[AddressPattern] = (),
        sender: str | None = None,
        rules: Iterable[ForwardRule] = (),
        now: Callable[[], float] = time.time,
    ) -> None:
        self.pool = pool
        self.requests: int = 0
        self.rules: tuple[ForwardRule, ...] = tuple(rules)
        self._allowed = tuple(allowed)
        self._sender = sender
        self._now = now
        self._outcomes: OrderedDict[int, Sequence[ReleaseOutcome]] = OrderedDict()

    @property
    def server(self) -> str:
        """The endpoint of the next server."""
        return self.pool.server

    @property
    def allowed(self) -> str:
        """The recipients that are allowed, with commas between them; "" for all."""
        return ", ".join(each.text for each in self._allowed)

    def is_allowed(self, address: str) -> bool:
        """
        Check a recipient.

        Args:
            address: The recipient.

        Returns:
            True if messages may be released to it.
        """
        return not self._allowed or any(each.matches(address) for each in self._allowed)

    def outcomes(self, number: int) -> Sequence[ReleaseOutcome]:
        """
        Return the outcomes of the last release of a message.

        Args:
            number: The number of the message.

        Returns:
            The outcomes; none if the message was not released since the start of the server.
        """
        return self._outcomes.get(number, ())

    def send(
        self, received: Received, recipients: Iterable[str], keep_id: bool = False
    ) -> Deferred[list[ReleaseOutcome]]:
        """
        Send a message on.

        Args:
            received: The message.
            recipients: The recipients.  One that is not allowed gets nothing.
            keep_id: True to keep ``Message-ID`` and ``Date``.

        Returns:
            A Deferred of the outcome for each recipient, in their order.  It does not fail.
        """
        return ensureDeferred(self._send(received, {mailbox_key(each): each for each in recipients}, keep_id))

    async def _send(self, received: Received, recipients: dict[str, str], keep_id: bool) -> list[ReleaseOutcome]:
        wanted = [each for each in recipients.values() if self.is_allowed(each)][:MAX_RECIPIENTS]
        replies = await self._replies(received, wanted, keep_id) if wanted else {}
        outcomes = []
        for address in recipients.values():
            reply = replies.get(address) or self._why_not(address)
            outcomes.append(ReleaseOutcome(address, *reply))
            log.info(
                "queue={queue} {event} to <{recipient}> through {server}: {reply}",
                queue=received.queue_id,
                event="released" if reply[0] else "not released",
                recipient=address,
                server=self.server,
                reply=reply[1],
            )
        self._outcomes.pop(received.id, None)
        self._outcomes[received.id] = outcomes[:MAX_RECIPIENTS]
        if len(self._outcomes) > KEPT:
            self._outcomes.popitem(last=False)
        return outcomes

    def _why_not(self, address: str) -> tuple[bool, str]:
        if self.is_allowed(address):
            return False, f"Not sent: {MAX_RECIPIENTS} recipients are the limit for one message."
        return False, f"Not sent: this recipient is not allowed. Allowed are: {self.allowed}"

    async def _replies(
        self, received: Received, recipients: Sequence[str], keep_id: bool
    ) -> dict[str, tuple[bool, str]]:
        """Return for each recipient whether the next server has accepted the message, and its reply."""
        sender = received.sender if self._sender is None else self._sender
        try:
            content = released_content(received, self._now(), keep_id)
            result = await self.pool.send(sender, recipients, content)
        except HeaderTooLong:
            return dict.fromkeys(recipients, (False, "Not sent: the header of this message is too long to be edited."))
        except DeliveryError as error:
            rest = dict.fromkeys(recipients, (False, _text(error)))
            return rest | _by_recipient(False, error.refused) | _by_recipient(True, error.accepted)
        except Exception:
            log.failure("queue={queue} cannot release this message", queue=received.queue_id)
            return dict.fromkeys(recipients, (False, "Not sent: the inbox failed. The log has the reason."))
        return _by_recipient(False, result.refused) | _by_recipient(True, result.accepted)


def _by_recipient(released: bool, replies: Sequence[tuple[str, Outcome]]) -> dict[str, tuple[bool, str]]:
    return {recipient: (released, _text(reply)) for recipient, reply in replies}


def _text(outcome: Outcome) -> str:
    """Return the reply of the next server; for an error without one, its text."""
    if isinstance(outcome, DeliveryError):
        if outcome.delivered is Delivered.MAYBE:
            return f"It may have been sent: the end of the message has no reply. {shortened(outcome)}"
        if outcome.reply is not None:
            return shortened(outcome.reply)
    return shortened(outcome)
