"""
What users write, and what a type checker has nothing against; nobody runs this.
"""

from __future__ import annotations

from collections.abc import Sequence
from email.message import EmailMessage

from twisted.internet.defer import Deferred, succeed

from txsmtpx import (
    Accept,
    Connection,
    DeliverBy,
    Filter,
    FilterBackend,
    Header,
    LimitBackend,
    LoginBackend,
    MailOptions,
    MemoryBackend,
    Middleware,
    MiddlewareSession,
    OpenBackend,
    OriginalRecipient,
    RcptOptions,
    Reply,
    Result,
    RewriteBackend,
    Session,
    SMTPClient,
    SMTPError,
    SMTPPool,
    SMTPServerFactory,
    TeeBackend,
    Timeouts,
    connect,
    first_success,
    send_mail,
)
from txsmtpx.backends.memory import Change, Received
from txsmtpx.errors import auth_failed
from txsmtpx.interfaces import DataContext, Message
from txsmtpx.testing import MailServer, RecordingBackend, Script, Transcript


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
    def session(self, session: object, connection: Connection) -> MiddlewareSession:
        return MiddlewareSession(session, connection)


def server() -> SMTPServerFactory:
    memory = MemoryBackend(100)

    def told(change: Change, received: Received) -> None:
        message: EmailMessage = received.message
        print(change, message["Subject"])

    memory.subscribe(told)
    backend = FilterBackend(RewriteBackend(memory, recipient={"@example.org": "@example.net"}), Careful)
    limited = LimitBackend(Counting(backend), 100, 3600, by="login", of="recipients")
    copied = TeeBackend(limited, OpenBackend(lambda connection: Streaming()), required=True)
    return SMTPServerFactory(copied, domain="example.org", max_message_bytes=10**6, outcome_policy=first_success)


async def client() -> Sequence[str]:
    result: Result = await send_mail("tcp:localhost:587", "a@example.org", ["b@example.net"], b"Hi", auth=("a", "b"))
    connection: SMTPClient = await connect("unix:/run/lmtp", lmtp=True, timeouts=Timeouts(connect=5))
    await connect(("mail.example.org", 587), auth=("a", "b"), auth_optional=True, tls_verify=False)
    sending: Deferred[Result] = connection.send("a@example.org", ["b@example.net"], EmailMessage())
    await sending
    await connection.quit()
    to = ("b@example.net", RcptOptions(orcpt=OriginalRecipient("rfc822", "c@example.net")))
    by = MailOptions(deliver_by=DeliverBy(3600, "N"))
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
    print(Script(MAIL="550 5.7.1 No").servers[0].lines)
