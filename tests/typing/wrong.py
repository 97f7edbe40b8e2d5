"""
What a type checker has to object to: at the lines that end in ``# E: CODES``, with these codes, and nowhere else.
"""

from __future__ import annotations

from txsmtpx import (
    Connection,
    Filter,
    FilterBackend,
    LimitBackend,
    LoginBackend,
    MailOptions,
    MemoryBackend,
    OpenBackend,
    RcptOptions,
    Reply,
    Session,
    SMTPClient,
    SMTPError,
    SMTPServerFactory,
    SMTPService,
    TeeBackend,
    Timeouts,
    connect,
    send_mail,
)
from txsmtpx.interfaces import DataContext, Message
from txsmtpx.testing import MailServer, Transcript

SMTPError("550", (5, 1, 1), "No")  # E: arg-type
SMTPError(550, "5.1.1", "No")  # E: arg-type
Reply(250, (2, 0), "Ok")  # E: arg-type
Reply(250, (2, 0, 0), b"Ok")  # E: arg-type
MemoryBackend("100")  # E: arg-type
MemoryBackend().get("1")  # E: arg-type
print(MemoryBackend().messages[0].subject)  # E: attr-defined
MemoryBackend().subscribe(lambda received: None)  # E: arg-type, misc
OpenBackend(Session())  # E: arg-type
LimitBackend(MemoryBackend(), 1, 1, by="weather")  # E: arg-type
LimitBackend(MemoryBackend(), 1)  # E: call-arg
FilterBackend(MemoryBackend(), Filter, True)  # E: call-arg
TeeBackend(MemoryBackend())  # E: call-arg
SMTPServerFactory(MemoryBackend(), domain=5)  # E: arg-type
SMTPServerFactory(MemoryBackend(), lmtp="yes")  # E: arg-type
SMTPServerFactory(42)  # E: arg-type
SMTPServerFactory(MemoryBackend)  # E: arg-type
SMTPServerFactory(MemoryBackend(), max_mesage_bytes=10)  # E: call-arg
SMTPServerFactory(MemoryBackend(), max_message_bytes="10")  # E: arg-type
SMTPServerFactory(MemoryBackend(), extensions=["SIZE"])  # E: list-item
SMTPServerFactory(MemoryBackend(), tls="startls")  # E: arg-type
SMTPServerFactory(MemoryBackend(), observers=[print])  # E: list-item
SMTPServerFactory(MemoryBackend(), bare_newlines="ignore")  # E: arg-type
SMTPService(SMTPServerFactory(MemoryBackend()), "tcp:25")  # E: arg-type
Timeouts(conect=5)  # E: call-arg
MailServer(tls="sometimes")  # E: arg-type
MailServer(users=["me"])  # E: arg-type
Transcript(b"c <- 220")  # E: arg-type


class Mistaken(Session):
    def mail(self, sender: bytes, options: MailOptions) -> None:  # E: override
        pass

    def rcpt(self, recipient: str) -> None:  # E: override
        print(RcptOptions().notifications)  # E: attr-defined


class Backend(LoginBackend):
    def login(self, connection: Connection, username: str) -> Session:  # E: override
        print(connection.hello)  # E: attr-defined
        return Session()


async def client(connected: SMTPClient) -> None:
    await connect(("localhost", 25), tls_verify="no")  # E: arg-type
    await send_mail("tcp:localhost:25", "a@example.org", [b"b@example.net"], b"Hi")  # E: list-item
    sending = connected.send("a@example.org", ["b@example.net"], b"Hi")
    print(sending.accepted)  # E: attr-defined
    result = await sending
    print(result.failed)  # E: attr-defined
    print(result.accepted[0].code)  # E: attr-defined
    await connected.send("a@example.org", ["b@example.net"])  # E: call-arg


async def read(message: Message, context: DataContext) -> None:
    print(message.contents())  # E: attr-defined
    print(await message.content("10"))  # E: arg-type
    context.set_status(b"b@example.net")  # E: arg-type
    context.sender = "me@example.org"  # E: misc
