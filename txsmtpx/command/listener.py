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

    @ivar name: what it is called in the configuration, "" where it is the only one.
    @ivar reactor: for endpoints.
    @ivar values: its options.
    @ivar ports: where it listens, as it was said.
    @ivar endpoints: the same as endpoints.
    @ivar backend: who takes the mail.
    @ivar named: the backend as it was asked for, around which others may stand by now.
    @ivar observers: those who watch it.
    @ivar settings: the other parameters of its L{SMTPServerFactory}.
    @ivar services: what runs as long as it does.
    @ivar shutdown_timeout: seconds that open transactions are given.
    @ivar factory: made of all this by L{make}.
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

        @raise ValueError: a setting makes no sense; the text begins with its name.
        """
        self.factory = SMTPServerFactory(self.backend, observers=self.observers, **self.settings)
