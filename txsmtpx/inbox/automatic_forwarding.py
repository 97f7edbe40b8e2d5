"""
Messages that are forwarded when they arrive.

Theory of operation: each new message is compared with the rules.  One that matches waits in a queue, by its number.  Up
to `CONNECTIONS` messages are sent at the same time.  There is one attempt for each: the message stays in the inbox, and
the log has the reply of the next server.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from twisted.internet.task import Cooperator
from twisted.logger import Logger
from twisted.python.failure import Failure

from txsmtpx.grammar.mailbox import mailbox_key
from txsmtpx.inbox.inbox import Inbox
from txsmtpx.inbox.inbox_errors import MessageDeleted
from txsmtpx.inbox.inbox_store import StoreChange
from txsmtpx.inbox.mail_release import CONNECTIONS, MAX_RECIPIENTS, ForwardRule, MailRelease
from txsmtpx.web.cooperative_work import CooperativeWork, result_of

log = Logger(__name__)

MAX_WAITING = 1000
"""Messages that wait.  A further one is not forwarded."""


class AutomaticForwarding:
    """
    Forward the messages that match a rule.  `InboxSite` creates it.

    Args:
        inbox: The messages.
        release: It sends the messages, and has the rules.
        cooperator: It runs the work.
    """

    def __init__(self, inbox: Inbox, release: MailRelease, cooperator: Cooperator) -> None:
        self._inbox = inbox
        self._release = release
        self._cooperator = cooperator
        self._waiting: deque[tuple[int, list[str]]] = deque()
        self._sending = 0

    def start(self) -> None:
        """Begin to follow the messages that arrive."""
        self._inbox.subscribers.append(self._changed)

    def stop(self) -> None:
        """Forward no further message."""
        self._inbox.subscribers.remove(self._changed)
        self._waiting.clear()

    def _changed(self, change: StoreChange) -> None:
        if change.describe is None:
            return
        message = change.describe()
        recipients = forwarded_to(message.rcpt_to, self._release.rules)
        if not recipients:
            return
        if len(self._waiting) >= MAX_WAITING:
            log.error("queue={queue} not forwarded: {most} messages wait", queue=message.queue_id, most=MAX_WAITING)
            return
        self._waiting.append((message.id, recipients))
        self._send()

    def _send(self) -> None:
        if self._sending < CONNECTIONS and self._waiting:
            self._sending += 1
            sent = self._cooperator.cooperate(self._forward(*self._waiting.popleft())).whenDone()
            sent.addErrback(_failed).addBoth(self._sent)

    def _sent(self, _: object) -> None:
        self._sending -= 1
        self._send()

    def _forward(self, number: int, recipients: Sequence[str]) -> CooperativeWork[None]:
        received = yield from self._inbox.store.message(number)
        # The message is as it came, but for Bcc: the recipient gets what the first server would have delivered.
        yield from result_of(self._release.send(received, recipients, keep_id=True))


def forwarded_to(recipients: Iterable[str], rules: Sequence[ForwardRule]) -> list[str]:
    """
    Return the recipients to whom a message is forwarded.

    Args:
        recipients: The recipients of the envelope.
        rules: The rules.

    Returns:
        The recipients, each once, up to `MAX_RECIPIENTS`.

    Example:
        >>> from txsmtpx.inbox.address_pattern import AddressPattern
        >>> forwarded_to(["ann@example.org", "bob@example.net"], [ForwardRule(AddressPattern("*@example.org"))])
        ['ann@example.org']
    """
    found: dict[str, str] = {}
    for recipient in recipients:
        key = mailbox_key(recipient)
        for rule in rules:
            if rule.pattern.matches_key(key):
                found[mailbox_key(rule.to) if rule.to else key] = rule.to or recipient
        if len(found) >= MAX_RECIPIENTS:
            break
    return list(found.values())[:MAX_RECIPIENTS]


def _failed(failure: Failure) -> None:
    if not failure.check(MessageDeleted):
        log.failure("the inbox cannot forward a message", failure)
