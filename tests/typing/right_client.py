"""
Clients of applications, annotated as far as strict type checkers require.  It is not run.
"""

from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path

from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import HostnameEndpoint, UNIXClientEndpoint
from twisted.internet.interfaces import IReactorTime, IReactorUNIX
from twisted.internet.task import react
from twisted.python.failure import Failure

from txsmtpx import (
    AllServersFailed,
    BodyFailed,
    CommandCancelled,
    ConnectionAborted,
    CramMD5,
    DeliveryError,
    DNSFailed,
    EightBitContent,
    External,
    Fault,
    MailOptions,
    MessageTooBig,
    MXEndpoint,
    NetworkError,
    NoSuchDomain,
    NotOffered,
    NullMX,
    OAuthBearer,
    Plain,
    PoolBusy,
    ProtocolError,
    PROXYEndpoint,
    RcptOptions,
    RecipientsRefused,
    Reply,
    Result,
    Scram,
    SMTPClient,
    SMTPError,
    SMTPPool,
    Timeouts,
    TLSFailed,
    XOAuth2,
    connect,
    send_mail,
)


def letter() -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "me@example.org", "you@example.net", "Hello"
    made.set_content("Hey <3\n")
    return made


def told(error: DeliveryError) -> str:
    fault: Fault = error.fault
    temporary: bool = error.temporary
    if isinstance(error, SMTPError):
        reply: Reply = error.reply
        return f"{error.code} {error.enhanced_code} {error.message} {reply.lines} {error.command} {fault} {temporary}"
    return f"{error} {error.delivered} {fault}"


async def one(reactor: IReactorTime) -> list[str]:
    try:
        result: Result = await send_mail("tcp:localhost:25", "me@example.org", ["you@example.net"], letter())
    except RecipientsRefused as error:
        return [f"{recipient}: {told(refused)}" for recipient, refused in error.refused]
    except (SMTPError, NotOffered, EightBitContent, MessageTooBig, BodyFailed) as error:
        return [told(error)]
    except (TLSFailed, DNSFailed, NoSuchDomain, NullMX, AllServersFailed, ProtocolError) as error:
        return [str(error), told(error)]
    except (CommandCancelled, ConnectionAborted, PoolBusy, NetworkError) as error:
        return [str(error)]
    accepted = [f"{recipient}: {reply.code} {reply.text}" for recipient, reply in result.accepted]
    return accepted + [f"{recipient}: {told(refused)}" for recipient, refused in result.refused]


async def several(client: SMTPClient, directory: Path) -> None:
    for path in directory.glob("*.eml"):
        with path.open("rb") as file:
            to = [("you@example.net", RcptOptions(notify=["FAILURE"]))]
            result = await client.send("me@example.org", to, file, MailOptions(size=9))
        print(result.accepted, result.refused)
    offered = client.extensions.get("SIZE")
    print(offered, client.server_name, client.tls)
    replies: Reply = await client.command("NOOP")
    print(replies.code)
    await client.reset()
    await client.quit()
    client.abort()


async def mechanisms() -> None:
    scram = Scram("SHA-256", "me", "secret")
    for auth in (scram, Plain("me", "secret"), CramMD5("me", "secret"), External("me"), XOAuth2("me", "token")):
        client = await connect("tls:mail.example.org:465", auth=auth)
        await client.quit()
    await connect(("mail.example.org", 587), tls="required", auth=OAuthBearer("me", "token"))


async def endpoints(reactor: IReactorUNIX) -> None:
    await connect(MXEndpoint(global_reactor, "example.org", timeout=10), tls="opportunistic", domain="me.example")
    await connect(PROXYEndpoint(HostnameEndpoint(reactor, "mail.example.org", 25), version=2))
    await connect(UNIXClientEndpoint(reactor, "/run/lmtp.sock"), lmtp=True, timeouts=Timeouts(connect=5, end=600))


def pooled(pool: SMTPPool) -> Deferred[list[Result]]:
    def failed(failure: Failure) -> Failure:
        print(failure.getErrorMessage())
        return failure

    sendings = [pool.send("me@example.org", [f"{name}@example.net"], letter()) for name in ("one", "two")]
    return gatherResults([sending.addErrback(failed) for sending in sendings], consumeErrors=True)


async def main(reactor: IReactorTime) -> None:
    pool = SMTPPool("tcp:mail.example.org:25", size=5, idle=30, tls="required", without=["PIPELINING"])
    pool.startService()
    for result in await pooled(pool):
        print(result.accepted)
    await pool.stopService()
    print(await one(reactor))


if __name__ == "__main__":
    react(main)
