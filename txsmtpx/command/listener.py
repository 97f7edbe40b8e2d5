"""
One server of the process, while it is put together: ports, backend, settings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from twisted.application.service import IService

from txsmtpx.command.values import Values
from txsmtpx.wire.factory import SMTPServerFactory


@dataclass
class Listener:
    """
    What the groups of options leave here, each the part it knows.

    Attributes:
        name: What it is called in the configuration, "" where it is the only one.
        reactor: For endpoints.
        values: Its options.
        ports: Where it listens, as it was said.
        endpoints: The same as endpoints.
        backend: Who takes the mail.
        named: The backend as it was asked for, around which others may stand by now.
        observers: Those who watch it.
        settings: The other parameters of its `SMTPServerFactory`.
        services: What runs as long as it does.
        shutdown_timeout: Seconds that open transactions are given.
        factory: Made of all this by `make`.
    """

    reactor: Any
    values: Values
    name: str = ""
    ports: list[str] = field(default_factory=list)
    endpoints: list[Any] = field(default_factory=list)
    backend: Any = None
    named: Any = None
    observers: list[Any] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    services: Sequence[IService] = ()
    shutdown_timeout: float = 30
    factory: Any = None

    def make(self) -> None:
        """
        Make the factory.

        Raises:
            ValueError: A setting makes no sense; the text begins with its name.
        """
        self.factory = SMTPServerFactory(self.backend, observers=self.observers, **self.settings)
