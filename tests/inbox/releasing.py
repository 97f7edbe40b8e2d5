"""An inbox that sends messages on to a server in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.inbox.site import ARRIVED, Answer, Reactor, Web
from txsmtpx import SMTPPool
from txsmtpx.inbox.address_pattern import AddressPattern
from txsmtpx.inbox.mail_release import CONNECTIONS, ForwardRule, MailRelease
from txsmtpx.testing import Network, Outcome, ScriptedServer


class Releasing(Web):
    """
    An inbox whose next server is scripted.

    Args:
        allowed: The patterns of recipients that are allowed.
        sender: The sender of the envelope.
        rules: The rules of forwarding.
        file: As for `Web`.
        script: That of the server.
    """

    def __init__(
        self,
        *allowed: str,
        sender: str | None = None,
        rules: Iterable[ForwardRule] = (),
        file: Path | None = None,
        **script: Any,
    ) -> None:
        self._script = script
        super().__init__(file=file, release=lambda clock: self._release(clock, allowed, sender, rules))

    def _release(
        self, clock: Reactor, allowed: Iterable[str], sender: str | None, rules: Iterable[ForwardRule]
    ) -> MailRelease:
        self.network = Network(lambda: ScriptedServer(**self._script), clock=clock)
        pool = SMTPPool(self.network, tls="none", size=CONNECTIONS, reactor=clock)
        self.release = MailRelease(pool, map(AddressPattern, allowed), sender, rules, lambda: ARRIVED)
        return self.release

    def work(self) -> None:
        """Do what can be done without waiting, the next server included."""
        for _ in range(20):
            self.clock.work()
            self.network.flush()

    def post(self, path: str, **headers: str) -> Answer:
        """One request, answered when the next server has."""
        line = self.line("POST", path, **headers)
        self.work()
        assert line.answer is not None
        return line.answer

    @property
    def messages(self) -> list[bytes]:
        """What the next server has received."""
        return [message for server in self.network.servers for message in server.messages]

    @property
    def commands(self) -> list[str]:
        """The commands of envelopes that it has received."""
        lines = [line for server in self.network.servers for line in server.lines]
        return [line for line in lines if line.startswith(("MAIL", "RCPT"))]


@contextmanager
def releasing(*allowed: str, **how: Any) -> Iterator[Releasing]:
    """An inbox with a next server; both end."""
    web = Releasing(*allowed, **how)
    try:
        yield web
    finally:
        web.stop()
        stopped = Outcome(web.release.pool.stopService())
        web.network.flush()
        assert stopped.fired
