"""
Mistakes of applications.  mypy reports the lines that end in ``# E: CODES``, with these codes, and no others.
"""

from __future__ import annotations

from txsmtpx import (
    Connection,
    DataContext,
    DeliverBy,
    Filter,
    FilterBackend,
    LimitBackend,
    LoginBackend,
    MailOptions,
    MemoryBackend,
    Message,
    Observer,
    OpenBackend,
    RcptOptions,
    RelayBackend,
    Reply,
    RewriteBackend,
    Session,
    SMTPClient,
    SMTPError,
    SMTPPool,
    SMTPServerFactory,
    SMTPService,
    TeeBackend,
    Timeouts,
    connect,
    send_mail,
)
from txsmtpx.testing import Conversation, MailServer, RecordingBackend, Script, Transcript

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
FilterBackend(MemoryBackend(), Filter, True)  # E: arg-type
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
MailOptions(sise=1)  # E: call-arg
MailOptions(size="10")  # E: arg-type
MailOptions(hold_for="x")  # E: arg-type
MailOptions(smtputf8="zzz")  # E: arg-type
MailOptions(body="8BIT")  # E: arg-type
MailOptions(ret="ALL")  # E: arg-type
MailOptions(deliver_by=(60, "R"))  # E: arg-type
MailOptions(deliver_by=DeliverBy(60, "X"))  # E: arg-type
MailOptions("7BIT")  # E: arg-type, call-arg
RcptOptions(notify=["ALWAYS"])  # E: list-item
RcptOptions(notify="SUCCESS")  # E: arg-type
RcptOptions(orcpt="rfc822;a@example.org")  # E: arg-type
MailServer(tls="sometimes")  # E: arg-type
MailServer(users=["me"])  # E: arg-type
MailServer(max_mesage_bytes=10)  # E: call-arg
MailServer(max_message_bytes="10")  # E: arg-type
Conversation(max_recipients="2")  # E: arg-type
Script(offer=["SIZE"])  # E: call-arg
RecordingBackend(rctp=None)  # E: call-arg
RelayBackend(["tcp:localhost:25"], trust_root="ca.pem")  # E: call-arg
RelayBackend(["tcp:localhost:25"], size="10")  # E: arg-type
RelayBackend(25)  # E: arg-type
OpenBackend(Session)  # E: arg-type
TeeBackend(MemoryBackend(), Session())  # E: arg-type
LimitBackend(MemoryBackend, 1, 60)  # E: arg-type
SMTPServerFactory(42)  # E: arg-type
SMTPServerFactory(MemoryBackend(), observers=[Session()])  # E: list-item
Transcript(b"c <- 220")  # E: arg-type


class Mistaken(Session):
    def mail(self, sender: bytes, options: MailOptions) -> None:  # E: override
        pass

    def rcpt(self, recipient: str) -> None:  # E: override
        print(RcptOptions().notifications)  # E: attr-defined


class Half:
    """A backend without ``anonymous_login``."""

    def login(self, connection: Connection, username: str, password: str) -> Session:
        return Session()


class Odd:
    """A backend whose session is none."""

    def login(self, connection: Connection, username: str, password: str) -> str:
        return ""

    def anonymous_login(self, connection: Connection) -> str:
        return ""


class Judging(Filter):
    def end(self, size: int) -> bool:  # E: override
        return True


class Watching(Observer):
    def concluded(self, summary: str) -> None:  # E: override
        pass


RewriteBackend(Half())  # E: arg-type
RewriteBackend(Odd())  # E: arg-type
RewriteBackend(MemoryBackend(), sender=1)  # E: arg-type
FilterBackend(MemoryBackend(), Session)  # E: arg-type


class Backend(LoginBackend):
    def login(self, connection: Connection, username: str) -> Session:  # E: override
        print(connection.hello)  # E: attr-defined
        return Session()


async def client(connected: SMTPClient) -> None:
    await connect(("localhost", 25), tls_verify="no")  # E: arg-type
    await connect("tcp:localhost:25", tls="startls")  # E: arg-type
    await connect("tcp:localhost:25", extensions=["SIZE"])  # E: list-item
    await connect("tcp:localhost:25", tls_verfy=False)  # E: call-arg
    await connect(42)  # E: arg-type
    await send_mail("tcp:localhost:25", "a@example.org", ["b@example.net"], 42)  # E: arg-type
    await send_mail("tcp:localhost:25", "a@example.org", ["b@example.net"], b"Hi", trust_root="ca.pem")  # E: call-arg
    SMTPPool("tcp:localhost:25", size="5")  # E: arg-type
    SMTPPool("tcp:localhost:25", trust_root="ca.pem")  # E: call-arg
    await connected.xclient(adr="192.0.2.7")  # E: call-arg
    await connected.xforward(ident=7)  # E: arg-type
    connected.dataReceived(b"250 ok")  # E: attr-defined
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
