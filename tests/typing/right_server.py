"""
Servers of applications, annotated as far as strict type checkers require.  It is not run.
"""

from __future__ import annotations

from collections.abc import Mapping

from twisted.application.service import MultiService
from twisted.cred.portal import Portal
from twisted.internet import reactor as global_reactor
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.interfaces import IReactorTCP
from twisted.internet.task import react

from txsmtpx import (
    Certificate,
    CertificateDirectory,
    Connection,
    DataContext,
    FilterBackend,
    ImplicitTLSEndpoint,
    LimitBackend,
    MaildirBackend,
    MailOptions,
    MemoryBackend,
    Message,
    OpenBackend,
    PortalBackend,
    RcptOptions,
    RelayBackend,
    Reply,
    RewriteBackend,
    Session,
    SMTPError,
    SMTPServer,
    SMTPServerFactory,
    SMTPService,
    StoreError,
    TeeBackend,
    TransactionLog,
    domain_key,
    first_failure,
    mailbox_key,
)
from txsmtpx.errors import auth_required
from txsmtpx.filters.greylist import Greylist
from txsmtpx.inbox.inbox_service import InboxService
from txsmtpx.interfaces import Outcome, Sighting
from txsmtpx.observers.metrics_observer import MetricsObserver
from txsmtpx.observers.metrics_service import MetricsService
from txsmtpx.stores.memory_store import MemoryStore
from txsmtpx.stores.redis_store import RedisStore


class Store:
    """Where an application keeps its mail."""

    def __init__(self) -> None:
        self.kept: dict[str, list[bytes]] = {}

    async def keep(self, recipient: str, content: bytes) -> str:
        self.kept.setdefault(mailbox_key(recipient), []).append(content)
        return "Stored"


class LMTPSession(Session):
    """One outcome for each recipient."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def rcpt(self, recipient: str, options: RcptOptions) -> Reply | None:
        if domain_key(recipient.rpartition("@")[2]) != "example.org":
            raise SMTPError(550, (5, 1, 2), "Not here")
        return Reply(250, (2, 1, 5), f"{recipient} is here") if options.notify else None

    async def data(self, message: Message, context: DataContext) -> None:
        content = await message.content()
        for recipient in context.recipients:
            context.start_delivery(recipient, self.store.keep(recipient, content), timeout=2)
        print(context.options.body, context.queue_id)
        context.late = self.late

    def late(self, recipient: str, outcome: Outcome) -> None:
        print(recipient, outcome)

    def reset(self) -> None:
        self.store.kept.clear()

    def logout(self) -> None:
        print("The client has gone")


class Submission(Session):
    """A session of a user."""

    def __init__(self, connection: Connection) -> None:
        self.user = connection.username or "anonymous"
        self.where = (connection.peer_host, connection.peer_port, connection.helo, connection.with_protocol())
        if connection.tls is not None:
            print(connection.tls.version, connection.tls.cipher, connection.tls.peer_names)

    async def mail(self, sender: str, options: MailOptions) -> None:
        if mailbox_key(sender) != self.user:
            raise auth_required()

    async def data(self, message: Message, context: DataContext) -> Reply:
        octets = sum([len(chunk) async for chunk in message])
        return Reply(250, (2, 0, 0), f"{octets} octets", "Thank you")


class OwnStore:
    shared = True

    async def take(self, name: str, number: float, seconds: float) -> float:
        return 0.0

    def look(self, table: str, owner: str, name: str, keep: float) -> Sighting:
        return Sighting(None, 0)

    def note(self, table: str, owner: str, name: str, keep: float, renew: bool = False) -> Sighting:
        raise StoreError("not now")


def certificates() -> Mapping[str, Certificate]:
    return {"mx.example.org": Certificate("mx.pem", "mx.key")}


def backends(store: Store) -> TeeBackend:
    relay = RelayBackend(["tcp:mail.example.net:25"], domains={"example.net"})
    redis = RedisStore("unix:/run/redis.sock", password="secret")
    limited = LimitBackend(RewriteBackend(relay, recipient={"@example.com": "@example.net"}), 10, 60, store=redis)
    limited = LimitBackend(limited, 9, 60, store=OwnStore(), by=lambda connection, sender: sender, name="own")
    limited = LimitBackend(FilterBackend(limited, Greylist(redis, delay=60)), 10, 60, store=MemoryStore(most=100))
    return TeeBackend(limited, TeeBackend(OpenBackend(lambda connection: LMTPSession(store)), MaildirBackend("mail")))


def factories(store: Store, portal: Portal) -> list[SMTPServerFactory]:
    metrics = MetricsObserver("mx")
    print(list(metrics.export()))
    return [
        SMTPServerFactory(backends(store), domain="mx.example.org", observers=[metrics, TransactionLog()]),
        SMTPServerFactory(OpenBackend(lambda connection: LMTPSession(store)), lmtp=True, outcome_policy=first_failure),
        SMTPServerFactory(PortalBackend(portal), tls=Certificate("mx.pem", "mx.key"), require_tls=True),
        SMTPServerFactory(MemoryBackend(100), tls=CertificateDirectory("certificates"), max_recipients=50),
    ]


def service(reactor: IReactorTCP, portal: Portal) -> MultiService:
    certificate, memory = Certificate("mx.pem", "mx.key"), MemoryBackend(1000)
    for factory in factories(Store(), portal):
        submission = ImplicitTLSEndpoint(TCP4ServerEndpoint(reactor, 465), certificate)
        SMTPService(factory, [submission, TCP4ServerEndpoint(reactor, 25)], 60).startService()
    metrics = MetricsService(MetricsObserver().export, "tcp:9125:interface=127.0.0.1", global_reactor)
    return metrics if memory.messages else InboxService(memory, "tcp:8025:interface=127.0.0.1", global_reactor)


class Logged(SMTPServer):
    """A protocol of one's own."""

    def connectionMade(self) -> None:
        print(self.dialog.connection.peer_host)
        super().connectionMade()


async def main(reactor: IReactorTCP, directory: str) -> None:
    factory = SMTPServerFactory(MaildirBackend(directory), reactor=global_reactor)
    factory.protocol = Logged
    await SMTPService(factory, [TCP4ServerEndpoint(reactor, 0)]).stopService()
    await factory.drain(30)


if __name__ == "__main__":
    react(main, ["mail"])
