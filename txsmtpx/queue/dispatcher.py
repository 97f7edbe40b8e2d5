"""
The dispatcher of a queue: it leases what is due, has it delivered, and stores the outcomes.

Theory of operation.  Nothing polls.  The dispatcher looks into the store when the store reports a change, when a
delivery has ended, and at the time that the store gives as the next one (`IQueueStore.next_due`).  A look leases
messages until nothing is due, or until there are enough of them.

A lease is a message with its recipients at one destination.  A destination takes a limited number of deliveries at a
time (`txsmtpx.queue.destination`).  A few more leases wait for them, so that a connection is used for many messages
without a look for each.  When those are enough, the destination is full, and the store leases nothing more for it.

Leases end by themselves, so that another process delivers what a killed one has left.  While
the dispatcher holds leases, it renews them.  An outcome that the store cannot take is kept, and stored later: to lose
the outcome of a delivered message would deliver it a second time.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass

from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from txsmtpx.queue.delivery_slots import DeliverySlots, Slot
from txsmtpx.queue.destination import Destination, Destinations
from txsmtpx.queue.open_store import TROUBLE
from txsmtpx.queue.queue_store import QueueStore
from txsmtpx.queue.queued_mail import Lease, NewMail, RecipientOutcome
from txsmtpx.wire.pending_work import PendingWork

log = Logger(__name__)

AHEAD = 10
"""Leases that are held at most, for each delivery that may be in progress: most wait for destinations that hang."""

SHORTEST = 0.05
"""Seconds until the next look at least: a store may report that something is due which no process can have yet."""


@dataclass(frozen=True)
class Completion:
    """
    What an attempt leaves to the store.

    Attributes:
        outcomes: The outcome for each recipient of the lease.
        reports: Messages to the sender.
        stored: Called when the store has both.
    """

    outcomes: Sequence[RecipientOutcome]
    reports: Sequence[NewMail]
    stored: Callable[[], object]


Deliver = Callable[[Lease, Destination], Awaitable[Completion]]
"""Deliver a message.  If it is cancelled before the message was sent, it raises CancelledError."""


class Dispatcher:
    """
    The dispatcher.  `txsmtpx.MailQueue` creates it.

    Attributes:
        owner: The name of this process in the store.
        held: Leases that this process has.

    Args:
        reactor: The clock.
        store: The store.
        destinations: The destinations.
        deliver: Deliver a lease.
        most: Leases that are delivered at a time.
        most_of_one: Leases of one destination that one look takes.
        seconds: Seconds of a lease.  A message waits so long at most after the process that has it is killed.
        now: Return seconds since the epoch.
    """

    def __init__(
        self,
        reactor: IReactorTime,
        store: QueueStore,
        destinations: Destinations,
        deliver: Deliver,
        most: int,
        most_of_one: int,
        seconds: float,
        now: Callable[[], float],
    ) -> None:
        self.owner: str = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self.held: dict[tuple[str, str], Lease] = {}
        self._reactor = reactor
        self._store = store
        self._destinations = destinations
        self._deliver = deliver
        self._most = most
        self._most_of_one = most_of_one
        self._seconds = seconds
        self._now = now
        self._deliveries: set[Deferred[None]] = set()
        self._work = PendingWork()
        self._timer: IDelayedCall | None = None
        self._renewal: IDelayedCall | None = None
        self._wanted = False
        self._looking = False
        self._slots = DeliverySlots(reactor, most, self._begin_turns)
        self._full: Collection[str] = ()  # the destinations for which the last look has leased nothing
        self._exhausted = False  # the last look could not lease all that is due
        self._failures = 0
        self._started = False

    def start(self) -> None:
        """Begin to deliver.  The store is open."""
        self._started = True
        self.look()

    # ---- what is due

    def look(self) -> None:
        """Look into the store for what is due.  It may be called at any time, and as often as need be."""
        self._wanted = True
        if self._started and not self._looking:
            self._looking = True
            self._work.add(self._look())

    async def _look(self) -> None:
        try:
            while self._wanted and self._started:
                self._wanted = False
                await self._lease()
            self._failures = 0
        except Exception as error:
            self._failures += 1
            wait = TROUBLE.after(self._failures)
            log.error("the queue cannot be read, next attempt in {wait:.0f} s: {error}", wait=wait, error=error)
            self._wake_after(wait)
        finally:
            self._looking = False

    async def _lease(self) -> None:
        """Lease what is due, until nothing is or enough is leased.  Then note when to look again."""
        while self._started:
            free = min(self._most * AHEAD - len(self.held), self._most)
            self._full, self._exhausted = self._destinations.full(), free <= 0
            if free <= 0:
                return  # the end of a delivery looks again
            now = self._now()
            leases = await self._store.lease(self.owner, now, now + self._seconds, free, self._most_of_one, self._full)
            if not leases:
                break
            more = [lease for lease in leases if not self._take(lease)]
            if more:
                await self._store.hand_back(more)
        if self._started:
            now = self._now()
            due = await self._store.next_due(now, self._destinations.full())
            if due is not None:
                self._wake_after(max(due - now, SHORTEST))

    def _wake_after(self, seconds: float) -> None:
        """Look again after some time, unless that happens earlier."""
        if not self._started:
            return
        when = self._reactor.seconds() + seconds
        if self._timer is not None and self._timer.active():
            if self._timer.getTime() <= when:
                return
            self._timer.cancel()
        self._timer = self._reactor.callLater(seconds, self.look)

    # ---- deliveries

    def _take(self, lease: Lease) -> bool:
        """Return whether a lease can be used: there are not enough for a destination that may hang."""
        destination = self._destinations.get(lease.destination)
        if not self._started or (destination.is_full and not destination.proven):
            self._destinations.release(destination)
            return False
        self.held[lease.mail.id, lease.destination] = lease
        if self._renewal is None:
            self._renewal = self._reactor.callLater(self._seconds / 3, self._renew)
        destination.waiting.append(lease)
        self._begin(destination)
        return True

    def _begin(self, destination: Destination) -> None:
        """Begin the deliveries that wait and are allowed."""
        while destination.waiting and not destination.is_busy and self._started:
            slot = self._slots.take(destination)
            if slot is None:
                return
            destination.deliveries += 1
            running = Deferred.fromCoroutine(self._run(destination.waiting.popleft(), destination, slot))
            self._deliveries.add(running)
            running.addBoth(self._over, running)
        self._destinations.release(destination)

    def _begin_turns(self) -> None:
        """Begin the deliveries that wait for a slot."""
        while (destination := self._slots.next_turn()) is not None:
            self._begin(destination)

    async def _run(self, lease: Lease, destination: Destination, slot: Slot) -> None:
        try:
            try:
                completion = await self._deliver(lease, destination)
            finally:  # the next delivery begins before the outcome is stored
                destination.deliveries -= 1
                self._slots.give_back(slot)
                self._slots.line_up(destination)
                self._begin_turns()
        except CancelledError:
            await self._hand_back([lease])
        except Exception:
            log.failure("queue={queue} the delivery failed, next attempt after the lease", queue=lease.mail.id)
            self._forget(lease)
        else:
            await self._finish(lease, completion)
        room = self._exhausted and len(self.held) <= self._most * AHEAD * 3 // 4
        if room or (destination.key in self._full and not destination.is_full):
            self.look()

    def _over(self, result: object, running: Deferred[None]) -> None:
        self._deliveries.discard(running)
        if isinstance(result, Failure):
            log.failure("a delivery could not end", result)

    async def _finish(self, lease: Lease, completion: Completion) -> None:
        """Store outcomes, however long that takes."""
        try:
            await self._stored(lease, completion)
        except CancelledError:
            log.critical("queue={queue} its outcome is not stored, it may be delivered again", queue=lease.mail.id)
            return
        finally:
            self._forget(lease)
        completion.stored()
        if completion.reports:
            self.look()
        waiting = [outcome.due for outcome in completion.outcomes if outcome.state == "waiting"]
        if waiting:
            self._wake_after(max(min(waiting) - self._now(), SHORTEST))

    async def _stored(self, lease: Lease, completion: Completion) -> None:
        failures = 0
        while True:
            try:
                await self._store.finish(lease, completion.outcomes, completion.reports)
                return
            except CancelledError:
                raise
            except Exception as error:
                failures += 1
                wait = TROUBLE.after(failures)
                text = "queue={queue} its outcome cannot be stored, next attempt in {wait:.0f} s: {error}"
                log.error(text, queue=lease.mail.id, wait=wait, error=error)
            await deferLater(self._reactor, wait)

    async def _hand_back(self, leases: Sequence[Lease]) -> None:
        for lease in leases:
            self._forget(lease)
        try:
            await self._store.hand_back(leases)
        except Exception as error:  # the leases end by themselves
            log.error("{number} leases cannot be handed back: {error}", number=len(leases), error=error)

    def _forget(self, lease: Lease) -> None:
        self.held.pop((lease.mail.id, lease.destination), None)
        if not self.held and self._renewal is not None:
            self._renewal.cancel()
            self._renewal = None

    def _renew(self) -> None:
        self._renewal = self._reactor.callLater(self._seconds / 3, self._renew)
        leases = list(self.held.values())
        renewed = self._work.add(self._store.renew(leases, self._now() + self._seconds))
        renewed.addErrback(lambda failure: log.error("leases cannot be renewed: {error}", error=failure.value))

    # ---- the end

    async def stop(self, seconds: float) -> None:
        """
        Hand back leases, and wait for deliveries.

        Args:
            seconds: Seconds after which deliveries are aborted.
        """
        self._started = False
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        waiting: list[Lease] = []
        for destination in self._destinations:
            waiting += destination.waiting
            destination.waiting.clear()
        if waiting:
            await self._hand_back(waiting)
        if self._deliveries:
            abort = self._reactor.callLater(seconds, self._abort)
            await DeferredList(list(self._deliveries), consumeErrors=True)
            if abort.active():
                abort.cancel()
        if self._work:
            await self._work.over()

    def _abort(self) -> None:
        log.info("{number} deliveries are aborted", number=len(self._deliveries))
        for running in list(self._deliveries):
            running.cancel()
