"""A store of a queue in memory, with the contract of `IQueueStore`, for tests with a clock that stands still."""

from __future__ import annotations

import io
from dataclasses import replace

from twisted.internet.defer import Deferred, fail, succeed

from txsmtpx.backends.received_body import ReceivedBody
from txsmtpx.interfaces import StoreError
from txsmtpx.queue.queued_mail import FINAL, Depth, Lease, QueuedMail, QueuedRecipient


class MemoryQueueStore:
    """
    The store.

    Attributes:
        mails: The messages by their identifiers, with all their recipients.
        bodies: Their bodies.
        looks: The calls of `lease`.
        broken: The methods that fail.
        final: (recipient, state, reply) of each recipient that is final.
    """

    def __init__(self):
        self.mails, self.bodies = {}, {}
        self.owners, self.looks, self.broken, self.final = {}, 0, set(), []
        self.renewals = []
        self.is_open = False
        self._changed = lambda: None

    def _result(self, method, value=None):
        if method in self.broken:
            return fail(StoreError(f"{method} failed"))
        return succeed(value)

    def open(self, changed):
        self._changed = changed
        self.is_open = "open" not in self.broken
        return self._result("open")

    def close(self):
        self.is_open = False
        return self._result("close")

    def body(self):
        return ReceivedBody(1 << 30, None, lambda function, *arguments: succeed(function(*arguments)))

    def add(self, mail):
        if "add" not in self.broken:
            self._add(mail)
            self._changed()
        return self._result("add")

    def _add(self, mail):
        recipients = [
            QueuedRecipient(number, each, destination, due=mail.due)
            for number, (each, destination) in enumerate(zip(mail.envelope.recipients, mail.destinations, strict=True))
        ]
        self.mails[mail.id] = QueuedMail(mail.envelope, recipients, mail.size, mail.expires, mail.priority)
        self.bodies[mail.id] = mail.body

    def lease(self, owner, now, until, limit, per_destination, full):
        self.looks += 1
        if "lease" in self.broken:
            return self._result("lease")
        found, taken = [], {}
        for mail in sorted(self.mails.values(), key=lambda mail: (-mail.priority, mail.recipients[0].due)):
            for destination in dict.fromkeys(each.destination for each in mail.recipients):
                due = [
                    each for each in mail.recipients
                    if each.destination == destination and each.state == "waiting" and each.due <= now
                ]  # fmt: skip
                if not due or destination in full or taken.get(destination, 0) >= per_destination:
                    continue
                if len(found) >= limit:
                    continue
                taken[destination] = taken.get(destination, 0) + 1
                leased = [replace(each, due=until, leased=True, attempts=each.attempts + 1) for each in due]
                self._update(mail.id, leased)
                self.owners[mail.id, destination] = owner
                found.append(Lease(replace(mail, recipients=leased), destination, owner, until))
        return succeed(found)

    def _update(self, id, recipients):
        mail, numbers = self.mails[id], {each.number: each for each in recipients}
        self.mails[id] = replace(mail, recipients=[numbers.get(each.number, each) for each in mail.recipients])

    def renew(self, leases, until):
        self.renewals.append([lease.mail.id for lease in leases])
        if "renew" not in self.broken:
            for lease in leases:
                self._update(lease.mail.id, [replace(each, due=until) for each in lease.mail.recipients])
        return self._result("renew")

    def finish(self, lease, outcomes, reports):
        if "finish" in self.broken:
            return self._result("finish")
        for report in reports:
            self._add(report)
        by_number = {each.number: each for each in outcomes}
        changed = []
        for each in lease.mail.recipients:
            outcome = by_number[each.number]
            changed.append(
                replace(
                    each, state=outcome.state, due=outcome.due, leased=False, reply=outcome.reply,
                    server=outcome.server, delay_reported=outcome.delay_reported,
                )
            )  # fmt: skip
            if outcome.state in FINAL:
                self.final.append((each.recipient.address, outcome.state, outcome.reply))
        self._update(lease.mail.id, changed)
        if all(each.state in FINAL for each in self.mails[lease.mail.id].recipients):
            del self.mails[lease.mail.id], self.bodies[lease.mail.id]
        return succeed(None)

    def hand_back(self, leases):
        for lease in leases:
            back = [replace(each, due=0.0, leased=False, attempts=each.attempts - 1) for each in lease.mail.recipients]
            self._update(lease.mail.id, back)
        return self._result("hand_back")

    def next_due(self, now, full):
        times = [
            each.due for mail in self.mails.values() for each in mail.recipients
            if each.state == "waiting" and each.destination not in full
        ]  # fmt: skip
        return self._result("next_due", max(min(times), now) if times else None)

    def open_body(self, mail):
        return self._result("open_body", io.BytesIO(self.bodies.get(mail.id, b"")))

    def find(self, selection, limit, after=""):
        return self._result("find", list(self.mails.values())[:limit])

    def change(self, selection, change, now):
        return self._result("change", 0)

    def depth(self, now):
        recipients = [each for mail in self.mails.values() for each in mail.recipients if each.state == "waiting"]
        return self._result("depth", Depth(len(self.mails), waiting=len(recipients), ages=(0,) * 8))

    def pending(self):
        """Return (recipient, state, attempts) of all recipients, in order."""
        return [
            (each.recipient.address, each.state, each.attempts)
            for mail in self.mails.values() for each in mail.recipients
        ]  # fmt: skip


def never(*arguments):
    """Return a Deferred that never fires."""
    return Deferred()
