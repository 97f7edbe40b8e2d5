"""
The process and its listeners, as records: what the options describe, before it runs.

`txsmtpx.command.assembly` puts them together; each group of options fills in the part that it describes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from twisted.application.service import IService
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IStreamServerEndpoint

from txsmtpx.command.option import Values
from txsmtpx.command.sockets import Sockets
from txsmtpx.interfaces import BackendLike, ServerObserverLike
from txsmtpx.observers.metrics_observer import MetricsObserver, MetricsSnapshot, summed
from txsmtpx.wire.factory import SMTPServerFactory
from txsmtpx.wire.server_certificate import Certificate
from txsmtpx.wire.server_settings import SHUTDOWN_TIMEOUT, ServerKeywords


@dataclass
class Listener:
    """
    One server of the process.

    Attributes:
        reactor: The reactor of its endpoints.
        values: The values of its options.
        name: Its name in the configuration file, "" if it is the only one.
        ports: The endpoint strings on which it listens.
        endpoints: Their endpoints, in the same order.
        backend: The backend of the factory.
        chosen_backend: The backend that the operator named, which others may wrap.
        certificate: Its certificate, None for none.
        observers: The observers of the factory.
        settings: The other keyword arguments of the factory.
        services: Services that run as long as it does.
        shutdown_timeout: Seconds after which open transactions are aborted when the server stops.
        factory: The server, which is created last.
    """

    reactor: Sockets
    values: Values
    name: str = ""
    ports: list[str] = field(default_factory=list)
    endpoints: list[IStreamServerEndpoint] = field(default_factory=list)
    backend: BackendLike | None = None
    chosen_backend: object = None
    certificate: Certificate | None = None
    observers: list[ServerObserverLike] = field(default_factory=list)
    settings: ServerKeywords = field(default_factory=ServerKeywords)
    services: Sequence[IService] = ()
    shutdown_timeout: float = SHUTDOWN_TIMEOUT.default
    factory: SMTPServerFactory = field(init=False)


@dataclass
class Process:
    """
    The whole process.

    Attributes:
        reactor: The reactor of its endpoints.
        workers: The number of processes that share the ports.
        listeners: Its servers.
        services: Other services that run in it.
        errors: What is wrong, a line each.
        values: The values of the options that are about the process.
        log_format: The form of each line of the log, "text" or "json".
        figures: The counters of each listener.
        figures_of: Return the sum of the counters.  The parent of workers asks its workers instead.
        metrics: The service that shows the counters to Prometheus, None for none.
    """

    reactor: Sockets
    workers: int = field(init=False)
    listeners: list[Listener] = field(default_factory=list)
    services: list[IService] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    values: Values = field(init=False)
    log_format: str = field(init=False)
    figures: list[MetricsObserver] = field(default_factory=list)
    figures_of: Callable[[], MetricsSnapshot | Deferred[MetricsSnapshot]] = field(init=False)
    metrics: IService | None = None

    def __post_init__(self) -> None:
        self.figures_of = lambda: summed(each.export() for each in self.figures)

    def complain(self, error: str) -> None:
        """
        Add an error, unless it is known: an option at the top of a file is wrong for every listener.

        Args:
            error: The line.
        """
        if error not in self.errors:
            self.errors.append(error)
