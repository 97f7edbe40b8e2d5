"""
What becomes of a recipient after an attempt: its new state, the next attempt, and the report to the sender.

Theory of operation.  A delivered or rejected recipient is final.  A deferred one waits, each time twice as long, with
jitter.  At the end of ``expire`` there is one last attempt, after which the recipient has expired.

A message that *may* have been delivered is sent again by default: a message that comes twice does less harm than one
that is lost, and receivers recognize it by its Message-ID.  Postfix and Exim send it again too.  With "return" it is
not sent again, and its sender gets a report with the reason.

The next attempt is never later than a time that matters: the end of ``expire``, or the time of BY (RFC 2852).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from txsmtpx.queue.attempt import Attempted
from txsmtpx.queue.attempt_result import RecipientResult
from txsmtpx.queue.back_off import BackOff
from txsmtpx.queue.delivery_settings import Unsure
from txsmtpx.queue.queue_observer import AttemptOutcome
from txsmtpx.queue.queued_mail import QueuedMail, QueuedRecipient, RecipientOutcome
from txsmtpx.queue.report_request import Action


@dataclass(frozen=True)
class Disposition:
    """
    What becomes of one recipient.

    Attributes:
        recipient: The recipient.
        result: The result of the attempt.
        outcome: What the store keeps.
        event: The event.
        report: The action of the recipient in a report; None if the sender gets no report.
        server: The server, "" if none was reached.
    """

    recipient: QueuedRecipient
    result: RecipientResult
    outcome: RecipientOutcome
    event: AttemptOutcome
    report: Action | None
    server: str = ""


@dataclass(frozen=True)
class DispositionPolicy:
    """
    The rules of a queue.  `txsmtpx.MailQueue` creates it.

    Attributes:
        waits: The waits between attempts.
        unsure: What becomes of a message that may have been delivered.
        delay_report: Seconds after which the sender gets a report of a delay; 0 for never.
    """

    waits: BackOff
    unsure: Unsure = "retry"
    delay_report: float = 0.0

    def of_all(
        self, mail: QueuedMail, attempted: Attempted, now: float, final_delivery: bool = False
    ) -> list[Disposition]:
        """
        Return what becomes of the recipients of an attempt.

        Args:
            mail: The message, with the recipients of the attempt.
            attempted: What became of the attempt.
            now: Seconds since the epoch.
            final_delivery: True if the server has put the message into a mailbox: it uses LMTP.

        Returns:
            One for each recipient, in their order.
        """
        pairs = zip(mail.recipients, attempted.results, strict=True)
        return [self._of(mail, recipient, result, attempted, now, final_delivery) for recipient, result in pairs]

    def _of(
        self,
        mail: QueuedMail,
        recipient: QueuedRecipient,
        result: RecipientResult,
        attempted: Attempted,
        now: float,
        final_delivery: bool,
    ) -> Disposition:
        notify, by = recipient.recipient.notify, mail.envelope.deliver_by
        report: Action | None = None
        delay_reported = recipient.delay_reported
        event: AttemptOutcome = "deferred"
        due = 0.0
        if result.meaning == "delivered":
            event = "delivered"
            report = _of_success(mail, notify, attempted, final_delivery)
        elif result.meaning == "failed" or (result.meaning == "unsure" and self.unsure == "return"):
            event = "failed"
            report = "failed" if notify is None or "FAILURE" in notify else None
        elif now >= mail.expires:
            event = "expired"
            report = "failed" if notify is None or "FAILURE" in notify else None
        else:
            due = self._next(mail, recipient.attempts, now)
            late = by is not None and by.mode == "N" and now >= mail.received + by.seconds and notify != ()
            slow = self.delay_report > 0 and now >= mail.received + self.delay_report
            asked = notify is None or "DELAY" in notify
            if not delay_reported and (late or (slow and asked)):
                report, delay_reported = "delayed", True
        outcome = RecipientOutcome(
            recipient.number,
            "waiting" if event == "deferred" else event,
            result.reply.one_line,
            attempted.server if result.remote else "",
            due,
            delay_reported,
        )
        return Disposition(
            recipient, result, outcome, event, report if mail.envelope.sender else None, attempted.server
        )

    def postponed(self, mail: QueuedMail, disposition: Disposition, now: float) -> Disposition:
        """
        Return what becomes of a recipient whose report cannot be written: another attempt.

        Args:
            mail: The message.
            disposition: What would become of it with a report.
            now: Seconds since the epoch.

        Returns:
            The same recipient, waiting; unless it was delivered.
        """
        if disposition.event == "delivered":
            return disposition
        wait = self.waits.after(max(disposition.recipient.attempts, 1))  # also after the message has expired
        reported = disposition.recipient.delay_reported
        outcome = replace(disposition.outcome, state="waiting", due=now + wait, delay_reported=reported)
        return replace(disposition, outcome=outcome, event="deferred", report=None)

    def _next(self, mail: QueuedMail, attempts: int, now: float) -> float:
        """Return when the next attempt is due."""
        due = min(now + self.waits.after(max(attempts, 1)), mail.expires)
        by = mail.envelope.deliver_by
        limit = None if by is None else mail.received + by.seconds
        return limit if limit is not None and now < limit < due else due


def _of_success(
    mail: QueuedMail, notify: Sequence[str] | None, attempted: Attempted, final_delivery: bool
) -> Action | None:
    """
    Return the action in a report of a recipient that was delivered.

    RFC 3461 §5.2.2: a server that sends no reports leaves the report of a success to this queue.  RFC 2852 §4.1.4.2:
    so does a server without DELIVERBY for a message with BY.

    Returns:
        "delivered" or "relayed"; None for no report.
    """
    by = mail.envelope.deliver_by
    if final_delivery:
        return "delivered" if notify is not None and "SUCCESS" in notify else None
    if notify is not None and "SUCCESS" in notify and not attempted.reports:
        return "relayed"
    untimed = by is not None and notify != () and (by.trace or not attempted.deliver_by)
    return "relayed" if untimed else None
