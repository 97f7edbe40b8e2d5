"""
The process and its listeners, as records: what the options describe, before it runs.

`txsmtpx.command.assembly` puts them together; each group of options fills in the part that it describes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from twisted.application.internet import StreamServerEndpointService
from twisted.application.service import IService
from twisted.internet.defer import Deferred

from txsmtpx.command.certificates import SelfSignedCertificates
from txsmtpx.command.option import OptionError, Values
from txsmtpx.command.port import Port, listening_services
from txsmtpx.command.sockets import Sockets
from txsmtpx.interfaces import BackendLike, Eventual, ReloadedFilter, ServerObserverLike
from txsmtpx.observers.metrics_observer import MetricsObserver, MetricsSnapshot, MetricsSource, summed
from txsmtpx.wire.factory import SMTPServerFactory
from txsmtpx.wire.server_certificate import Certificate
from txsmtpx.wire.server_settings import SHUTDOWN_TIMEOUT, ServerKeywords

if TYPE_CHECKING:
    from txsmtpx.tables.file_table import FileTable


@dataclass(frozen=True)
class Question:
    """
    A question of ``--check`` to the program of a filter or of a table.

    Attributes:
        name: The name of the filter, or the description of the table.
        ask: Connect to the program, and return a part of a sentence about it.
        complaint: Return the error for the text of a failure.
    """

    name: str
    ask: Callable[[], Eventual[str]]
    complaint: Callable[[str], OptionError]


@dataclass
class Listener:
    """
    One server of the process.

    Attributes:
        reactor: The reactor of its endpoints.
        values: The values of its options.
        name: Its name in the configuration file, "" if it is the only one.
        ports: The ports on which it listens.
        backend: The backend of the factory.
        chosen_backend: The backend that the operator named, which others may wrap.
        copies: The backend that gets copies, None for none.
        certificate: Its certificate, None for none.
        observers: The observers of the factory.
        figures: The counters of the listener and its backends, if there are metrics.
        settings: The other keyword arguments of the factory.
        self_signed: The certificates of ``--tls-self-signed``.
        services: Services that run as long as it does.
        memories: The parts of it that keep data in the memory of one process, as an error names them.
        tables: The files by which it rewrites addresses, which SIGHUP reads again.
        filters: The filters with files that SIGHUP reads again.
        questions: The questions of ``--check`` to the programs of its filters and tables.
        answers: The answers of its filters and tables to ``--check``, a line each.
        shutdown_timeout: Seconds after which open transactions are aborted when the server stops.
        factory: The server, which is created last.
    """

    reactor: Sockets
    values: Values
    name: str = ""
    ports: list[Port] = field(default_factory=list)
    backend: BackendLike | None = None
    chosen_backend: object = None
    copies: BackendLike | None = None
    certificate: Certificate | None = None
    observers: list[ServerObserverLike] = field(default_factory=list)
    figures: MetricsObserver = field(init=False)
    settings: ServerKeywords = field(default_factory=ServerKeywords)
    self_signed: SelfSignedCertificates = field(default_factory=SelfSignedCertificates)
    services: Sequence[IService] = ()
    memories: list[str] = field(default_factory=list)
    tables: list[FileTable] = field(default_factory=list)
    filters: list[ReloadedFilter] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    shutdown_timeout: float = SHUTDOWN_TIMEOUT.default
    factory: SMTPServerFactory = field(init=False)

    def __post_init__(self) -> None:
        self.figures = MetricsObserver(self.name)

    @property
    def has_tls(self) -> bool:
        """True if a client can have TLS, by STARTTLS or from the first octet."""
        return self.certificate is not None or any(port.in_tls for port in self.ports)


@dataclass
class Process:
    """
    The whole process.

    Attributes:
        reactor: The reactor of its endpoints.
        self_signed: The certificates of ``--tls-self-signed``.
        workers: The number of processes that share the ports.
        listeners: Its servers.
        services: Other services that run in it.
        errors: What is wrong, a line each.
        values: The values of the options that are about the process.
        log_format: The form of each line of the log, "text" or "json".
        figures: The counters of each listener and queue.
        figures_of: Return the sum of the counters.  The parent of workers asks its workers instead.
        metrics: The service that shows the counters to Prometheus, None for none.
        sites: The ports of web sites, with the service that listens on each.
    """

    reactor: Sockets
    self_signed: SelfSignedCertificates = field(default_factory=SelfSignedCertificates)
    workers: int = field(init=False)
    listeners: list[Listener] = field(default_factory=list)
    services: list[IService] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    values: Values = field(init=False)
    log_format: str = field(init=False)
    figures: list[MetricsSource] = field(default_factory=list)
    figures_of: Callable[[], MetricsSnapshot | Deferred[MetricsSnapshot]] = field(init=False)
    metrics: IService | None = None
    sites: list[tuple[Port, StreamServerEndpointService]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.figures_of = lambda: summed(each.export() for each in self.figures)

    @property
    def ports(self) -> list[Port]:
        """The ports of all listeners and sites."""
        return [*(port for each in self.listeners for port in each.ports), *(port for port, _ in self.sites)]

    def add_site(self, port: Port, service: IService) -> None:
        """
        Have the service of a web site listen on a port of the command.

        Args:
            port: The port.
            service: The service, which creates an endpoint of its own from the same endpoint string.
        """
        for listening in listening_services(service):
            listening.endpoint = port
            self.sites.append((port, listening))

    def complain(self, error: str) -> None:
        """
        Add an error, unless it is known: an option at the top of a file is wrong for every listener.

        Args:
            error: The line.
        """
        if error not in self.errors:
            self.errors.append(error)
