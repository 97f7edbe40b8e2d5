"""
Typical code of applications, which type checkers accept.  It is not run.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from email.message import EmailMessage
from pathlib import Path

from twisted.cred.portal import Portal
from twisted.internet import reactor
from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import HostnameEndpoint, TCP4ClientEndpoint
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from txsmtpx import (
    Accept,
    AddRecipient,
    Connection,
    DataContext,
    DeleteHeader,
    DeliverBy,
    Discard,
    Filter,
    FilterBackend,
    Header,
    InsertHeader,
    LimitBackend,
    LoginBackend,
    MailOptions,
    MemoryBackend,
    Message,
    Middleware,
    MiddlewareSession,
    MXEndpoint,
    Observer,
    OpenBackend,
    OriginalRecipient,
    PortalBackend,
    PROXYEndpoint,
    Quarantine,
    RcptOptions,
    RelayBackend,
    Reply,
    Result,
    RewriteBackend,
    Session,
    SMTPClient,
    SMTPError,
    SMTPPool,
    SMTPServerFactory,
    Summary,
    TeeBackend,
    Timeouts,
    TransactionLog,
    connect,
    first_success,
    send_mail,
)
from txsmtpx.backends.memory import Change
from txsmtpx.backends.received import Received
from txsmtpx.errors import auth_failed
from txsmtpx.filters.spamd import Spamd
from txsmtpx.interfaces import Answer, BackendLike, Eventual, Outcome, SessionLike
from txsmtpx.testing import Conversation, MailServer, Network, RecordingBackend, Script, Transcript


class Maildrop(Session):
    """Its methods give a value, a Deferred or a coroutine."""

    def mail(self, sender: str, options: MailOptions) -> Reply | None:
        if options.size is not None and options.size > 1000:
            raise SMTPError(552, (5, 3, 4), "Too big")
        return None

    def rcpt(self, recipient: str, options: RcptOptions) -> Deferred[Reply]:
        return succeed(Reply(250, (2, 1, 5), "Welcome"))

    async def data(self, message: Message, context: DataContext) -> str:
        content: bytes = await message.content()
        for recipient in context.recipients:
            context.start_delivery(recipient, self.deliver(recipient, content), timeout=30)
        taken: bool = context.set_status(0, "Done")
        return f"{context.sender} {message.received} {taken}"

    async def deliver(self, recipient: str, content: bytes) -> None:
        pass


class Streaming(Session):
    async def data(self, message: Message, context: DataContext) -> None:
        async for chunk in message:
            print(len(chunk))


class Backend(LoginBackend):
    def login(self, connection: Connection, username: str, password: str) -> Maildrop:
        if password != "secret":
            raise auth_failed()
        print(connection.helo, connection.peer_host)
        return Maildrop()


class Careful(Filter):
    def header(self, header: Header) -> Reply | Accept | None:
        if header["Subject"] is None:
            return Reply(550, (5, 6, 0), "What is it about?")
        return Accept([("X-Seen", "yes")])

    async def end(self, size: int) -> Reply | None:
        return None


class Counting(Middleware):
    def session(self, session: SessionLike, connection: Connection) -> MiddlewareSession:
        return MiddlewareSession(session, connection)


class OwnSession:
    """A session without a base class, with VRFY."""

    supports = ()

    def mail(self, sender: str, options: MailOptions) -> None:
        pass

    async def rcpt(self, recipient: str, options: RcptOptions) -> Reply | None:
        return None

    def data(self, message: Message, context: DataContext) -> Deferred[str]:
        context.late = self.late
        return succeed("Stored")

    def late(self, recipient: str, outcome: Outcome) -> None:
        print(recipient, outcome)

    def reset(self) -> Deferred[None]:
        return succeed(None)

    async def logout(self) -> None:
        pass

    def verify(self, argument: str) -> list[str]:
        return [f"<{argument}@example.org>"]


class OwnBackend:
    """A backend without a base class."""

    def login(self, connection: Connection, username: str, password: str) -> Deferred[OwnSession]:
        return succeed(OwnSession())

    async def anonymous_login(self, connection: Connection) -> OwnSession:
        return OwnSession()


class Watching:
    """An observer without a base class."""

    def connected(self, connection: Connection) -> None:
        print(connection.peer_host, connection.tls)

    def secured(self, connection: Connection) -> None:
        pass

    def commanded(self, connection: Connection, verb: str) -> None:
        pass

    def replied(self, connection: Connection, reply: Reply) -> None:
        print(reply.code)

    def concluded(self, summary: Summary) -> None:
        print(summary.sender, summary.octets, summary.end, [reply.code for reply in summary.replies])

    def disconnected(self, connection: Connection, reason: Failure) -> None:
        pass


class Counted(Observer):
    def concluded(self, summary: Summary) -> None:
        print(summary.recipients)


class Greylisting(MiddlewareSession):
    def rcpt(self, recipient: str, options: RcptOptions) -> Eventual[Answer]:
        if self.connection.username is None:
            return Reply(451, (4, 7, 1), "Try again later")
        return super().rcpt(recipient, options)


class Scanning:
    """A filter without a base class."""

    def connected(self, connection: Connection) -> None:
        pass

    def hello(self, name: str) -> None:
        pass

    async def mail(self, sender: str, options: MailOptions) -> Reply | None:
        return None

    def recipient(self, address: str, options: RcptOptions) -> Discard:
        return Discard()

    def data(self, context: DataContext) -> Accept:
        return Accept(changes=[AddRecipient("archive@example.org")], results=[context.queue_id], final=True)

    def header(self, header: Header) -> None:
        pass

    async def chunk(self, octets: bytes) -> None:
        pass

    async def end(self, size: int) -> Accept:
        return Accept(changes=[DeleteHeader("X-Spam-Flag"), InsertHeader(0, "X-Size", str(size)), Quarantine("odd")])

    def reset(self) -> None:
        pass

    def close(self) -> None:
        pass


def scanner(connection: Connection) -> Scanning:
    return Scanning()


def parts(portal: Portal) -> list[BackendLike]:
    async def new_address(address: str) -> str | None:
        return address.lower()

    relay = RelayBackend(["tcp:mail.example.org:25", ("mx.example.org", 25)], domains={"example.org"}, tls_verify=False)
    held = FilterBackend(OwnBackend(), scanner, hold=True)
    renamed = RewriteBackend(held, sender=new_address, require=True)
    scored = FilterBackend(renamed, Spamd(reject_at=10))
    users = TeeBackend(PortalBackend(portal), OwnBackend())
    return [relay, LimitBackend(scored, 1, 60, clock=Clock()), users, RecordingBackend()]


def server() -> SMTPServerFactory:
    memory = MemoryBackend(100)

    def told(change: Change, received: Received) -> None:
        message: EmailMessage = received.message
        print(change, message["Subject"])

    memory.subscribe(told)
    backend = FilterBackend(RewriteBackend(memory, recipient={"@example.org": "@example.net"}), Careful)
    limited = LimitBackend(Counting(backend), 100, 3600, by="login", of="recipients")
    copied = TeeBackend(limited, OpenBackend(lambda connection: Streaming()), required=True)
    SMTPServerFactory(OwnBackend(), observers=[Watching(), Counted(), TransactionLog()], reactor=Clock())
    return SMTPServerFactory(copied, domain="example.org", max_message_bytes=10**6, outcome_policy=first_success)


def pieces() -> Iterator[bytes]:
    yield b"Hi"


async def later() -> AsyncIterator[bytes]:
    yield b"Hi"


async def client() -> Sequence[str]:
    result: Result = await send_mail("tcp:localhost:587", "a@example.org", ["b@example.net"], b"Hi", auth=("a", "b"))
    connection: SMTPClient = await connect("unix:/run/lmtp", lmtp=True, timeouts=Timeouts(connect=5))
    await connect(("mail.example.org", 587), auth=("a", "b"), auth_optional=True, tls_verify=False)
    await connect(MXEndpoint(reactor, "example.org"))
    await connect(PROXYEndpoint(HostnameEndpoint(reactor, "mail.example.org", 25)), reactor=reactor)
    await connect(TCP4ClientEndpoint(Clock(), "192.0.2.1", 25), reactor=Clock())
    sending: Deferred[Result] = connection.send("a@example.org", ["b@example.net"], EmailMessage())
    await sending
    with Path("message.eml").open("rb") as file:
        await connection.send("a@example.org", ["b@example.net"], file)
    await connection.send("a@example.org", ["b@example.net"], pieces())
    await connection.send("a@example.org", ["b@example.net"], later())
    await connection.quit()
    to = ("b@example.net", RcptOptions(orcpt=OriginalRecipient("rfc822", "c@example.net")))
    by = MailOptions(deliver_by=DeliverBy(3600, "N"), body="8BITMIME", size=10, ret="FULL", prdr=False)
    asked = RcptOptions(notify={"FAILURE", "DELAY"})
    await connection.send("a@example.org", [("e@example.net", asked)], b"Hi", MailOptions(hold_for=60))
    await connection.xclient(addr="192.0.2.7", port=25, login="")
    await connection.send("a@example.org", [to, "d@example.net"], b"Hi", by)
    await connect("tcp:mail.example.org:25", timeouts=30, without={"PIPELINING"})
    pool = SMTPPool("tcp:mail.example.org:25", timeouts=Timeouts(30, end=600.5), without=["CHUNKING"])
    pool.stopService()
    return [f"{recipient}: {reply.code} {reply.text}" for recipient, reply in result.accepted]


def tested() -> None:
    backend: RecordingBackend = Transcript("c <- 220 localhost ESMTP txsmtpx").play()
    print(backend.messages[0].sender)
    with MailServer(tls="starttls", users={"me": "secret"}) as mail_server:
        port: int = mail_server.port
        received: list[Received] = mail_server.messages
        print(port, received)
    print(Script(MAIL="550 5.7.1 No", offers=["SIZE"]).servers[0].lines)
    Conversation(OwnBackend(), max_recipients=2, lmtp=True).ask("LHLO client.example")
    Network.to(OwnBackend(), domain="example.org").greeted(lmtp=True)
    RecordingBackend(rcpt=[None, Reply(550, (5, 1, 1), "No")])
