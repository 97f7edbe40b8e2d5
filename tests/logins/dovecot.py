"""A Dovecot in memory: an endpoint at which a test answers the requests by hand."""

from __future__ import annotations

import base64
from typing import Any

from twisted.cred.portal import Portal
from twisted.internet.task import Clock

from tests.encoding import b64
from tests.filters.daemon import Daemon, Pipe
from txsmtpx import BackendRealm, MemoryBackend, PortalBackend
from txsmtpx.logins.dovecot import DovecotChecker
from txsmtpx.testing import Conversation

MECHANISMS = ("PLAIN\tplaintext", "LOGIN\tplaintext", "CRAM-MD5\tdictionary\tactive", "SCRAM-SHA-256\tmutual-auth")


def greeting(*mechanisms: str) -> bytes:
    """What Dovecot sends at the beginning."""
    offers = "".join(f"MECH\t{each}\n" for each in mechanisms or MECHANISMS)
    return f"VERSION\t1\t2\n{offers}SPID\t7\nCUID\t1\nCOOKIE\t{'0' * 32}\nDONE\n".encode()


class Dovecot(Daemon):
    """
    The endpoint.

    Attributes:
        clock: The clock of the server and of its clients.
        checker: The checker that connects to it.
        backend: The backend with the checker.
    """

    def __init__(self, mode: str = "", **settings: Any) -> None:
        super().__init__(mode)
        self.clock = Clock()
        self.checker = DovecotChecker(self, reactor=self.clock, **settings)
        self.backend = PortalBackend(Portal(BackendRealm(MemoryBackend()), [self.checker]))

    @property
    def pipe(self) -> Pipe:
        """The newest connection."""
        return self.pipes[-1]

    def start(self, *mechanisms: str) -> Dovecot:
        """Have the checker connect, and greet it."""
        self.checker.startService()
        self.pipe.say(greeting(*mechanisms))
        assert self.pipe.asked.startswith(b"VERSION\t1\t2\nCPID\t")
        return self

    def client(self, **settings: Any) -> Conversation:
        """Return a client of the server, which has sent EHLO."""
        settings = {"allow_insecure_auth": True, "auth_failure_delay": 1, **settings}
        client = Conversation(self.backend, clock=self.clock, **settings)
        client.ask("EHLO client.example")
        return client

    def request(self) -> list[str]:
        """Return the fields of the only request that has come."""
        (line,) = self.pipe.asked.decode().splitlines()
        return line.split("\t")

    def say(self, *fields: str) -> None:
        """Answer."""
        self.pipe.say("\t".join(fields).encode() + b"\n")


def plain(password: str = "secret") -> str:
    """AUTH PLAIN of alice."""
    return "AUTH PLAIN " + b64(f"\0alice\0{password}")


def offered(client: Conversation) -> list[str]:
    """The mechanisms in the reply to EHLO."""
    said = [line[4:] for line in client.ask("EHLO client.example")]
    return next((line.split()[1:] for line in said if line.startswith("AUTH ")), [])


def decoded(text: str) -> bytes:
    """The octets of base64."""
    return base64.b64decode(text)
