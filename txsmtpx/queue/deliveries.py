"""The deliveries of a queue while it runs: its destinations, the dispatcher, and the security of their connections."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from twisted.internet.interfaces import IReactorTime

from txsmtpx.mx_tls.mx_security import MXSecurity
from txsmtpx.queue.back_off import BackOff
from txsmtpx.queue.delivery_settings import QueueSettings
from txsmtpx.queue.destination import Destinations
from txsmtpx.queue.destination_pools import DestinationPools
from txsmtpx.queue.dispatcher import Dispatcher
from txsmtpx.queue.disposition import DispositionPolicy
from txsmtpx.queue.leased_delivery import LeasedDelivery, Observed
from txsmtpx.queue.queue_observer import Activity
from txsmtpx.queue.queue_store import QueueStore
from txsmtpx.queue.queued_mail import NewMail
from txsmtpx.queue.report_request import Report, Reporter
from txsmtpx.queue.route import Routes
from txsmtpx.wire.system_resolver import SystemResolver

PAUSES = (60.0, 900.0)
"""Seconds of the first and the longest pause of a destination whose connections fail."""

STOP = 30.0
"""Seconds that deliveries have to end when the queue stops."""


@dataclass(frozen=True)
class Delivering:
    """
    What deliveries need of a queue.

    Attributes:
        store: The store.
        routes: The routes.
        settings: The settings.
        domain: The name of this host in EHLO.
        security: Decides about TLS to exchangers.
        resolver: Looks up exchangers; None for the name servers of the system.
        reporter: Writes reports; None for no reports.
        mail_of: Make a message of a report.
        observed: Called for each recipient of an attempt.
        now: Return seconds since the epoch.
    """

    store: QueueStore
    routes: Routes
    settings: QueueSettings
    domain: str
    security: MXSecurity
    resolver: SystemResolver | None
    reporter: Reporter | None
    mail_of: Callable[[Report], Awaitable[NewMail]]
    observed: Observed
    now: Callable[[], float]


class Deliveries:
    """
    The deliveries.  `txsmtpx.MailQueue` creates them when it starts.

    Args:
        reactor: The reactor.
        queue: What they need of the queue.
    """

    def __init__(self, reactor: IReactorTime, queue: Delivering) -> None:
        settings = queue.settings
        self._reactor = reactor
        self._queue = queue
        pools = DestinationPools(
            reactor, queue.routes, settings.destination, queue.domain, queue.security, queue.resolver
        )
        self._destinations = Destinations(reactor, pools.pool, settings.failures, BackOff(*PAUSES))
        waits = BackOff(settings.retry, settings.retry_most)
        delivery = LeasedDelivery(
            reactor,
            queue.store,
            queue.routes,
            self._destinations,
            DispositionPolicy(waits, settings.unsure, settings.delay_report),
            queue.reporter,
            queue.mail_of,
            queue.observed,
            queue.now,
        )
        self._dispatcher = Dispatcher(
            reactor,
            queue.store,
            self._destinations,
            delivery.deliver,
            settings.deliveries,
            2 * settings.destination,
            settings.lease,
            queue.now,
        )

    def start(self) -> None:
        """Begin to deliver."""
        self._queue.security.start(self._reactor, self._queue.resolver)
        self._dispatcher.start()

    def look(self) -> None:
        """Look for messages that have come."""
        self._dispatcher.look()

    def activity(self) -> Activity:
        """
        Return what is delivered now.

        Returns:
            The numbers.
        """
        paused = sum(each.breaker.is_open for each in self._destinations)
        return Activity(len(self._dispatcher.held), paused, self._queue.now())

    async def stop(self) -> None:
        """Hand back what waits, let deliveries end, and close the connections."""
        await self._dispatcher.stop(STOP)
        for pool in self._destinations.stop():
            await pool.stopService()
        self._queue.security.stop()  # last, for deliveries may wait for the fetch of a policy
