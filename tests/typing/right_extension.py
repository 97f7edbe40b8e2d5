"""
Extensions, mechanisms, filters and middleware of applications, annotated as far as strict type checkers require.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from twisted.internet.defer import Deferred, succeed

from txsmtpx import (
    Accept,
    Connection,
    DataContext,
    Extension,
    Filter,
    FilterBackend,
    Header,
    IBackendPlugin,
    MailOptions,
    Malformed,
    MemoryBackend,
    Message,
    Middleware,
    MiddlewareContext,
    MiddlewareSession,
    Observer,
    OpenBackend,
    Parameter,
    RcptOptions,
    Reply,
    Session,
    SMTPServerFactory,
    State,
    Summary,
    Verb,
    connect,
)
from txsmtpx.dialog.server import ServerDialog
from txsmtpx.interfaces import Eventual, Outcome, SessionLike

COLOURS = ("RED", "GREEN", "BLUE")


def decode(text: str | None) -> str:
    if text is None or text.upper() not in COLOURS:
        raise Malformed("takes one of " + ", ".join(COLOURS))
    return text.lower()


def encode(colour: str) -> str:
    return colour.upper()


def announce(dialog: ServerDialog) -> str | None:
    return " ".join(COLOURS) if dialog.connection.tls is None else None


def list_colours(dialog: ServerDialog, argument: str) -> Reply:
    if argument:
        return Reply(501, (5, 5, 4), "No argument is expected")
    print(dialog.state is State.READY, dialog.connection.helo)
    return Reply(250, (2, 0, 0), *COLOURS)


def later(dialog: ServerDialog, argument: str) -> Deferred[Reply]:
    return succeed(Reply(250, (2, 0, 0), argument))


def check(dialog: ServerDialog, options: MailOptions) -> Reply | None:
    return Reply(555, (5, 5, 4), "Too big") if options.size else None


XCOLOUR = Extension(
    keyword="XCOLOUR",
    rfc="none yet",
    announce=announce,
    read=str.split,
    mail=(Parameter("XCOLOUR", field="colour", decode=decode, encode=encode, syntax="XCOLOUR=colour"),),
    check_mail=check,
    verbs=(
        Verb("XCOLOURS", list_colours, "XCOLOURS"),
        Verb("XLATER", later, "XLATER word", states=frozenset({State.READY}), misplaced=Reply(503, (5, 5, 1), "No")),
    ),
    requires=frozenset({"SIZE"}),
    wanted=lambda options: getattr(options, "colour", None) is not None,
)


class Coloured(Session):
    supports = (XCOLOUR,)

    def mail(self, sender: str, options: MailOptions) -> None:
        print(getattr(options, "colour", None))


class Backend(MemoryBackend):
    supports = (XCOLOUR,)


class Tagging(Filter):
    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self.size = 0

    def header(self, header: Header) -> Accept:
        subjects: Sequence[str] = header.get_all("Subject")
        return Accept([("X-Hello", self.connection.helo), ("X-Subjects", str(len(subjects)))])

    def chunk(self, octets: bytes) -> None:
        self.size += len(octets)

    async def end(self, size: int) -> Reply | None:
        return Reply(550, (5, 7, 1), "No") if size != self.size else None


class UpperSession(MiddlewareSession):
    async def rcpt(self, recipient: str, options: RcptOptions) -> Reply | None:
        answer = super().rcpt(recipient.upper(), options)
        print(isinstance(answer, Awaitable))
        return Reply(450, (4, 7, 1), "Later") if self.connection.username is None else None

    def data(self, message: Message, context: DataContext) -> Eventual[Outcome]:
        return super().data(message, MiddlewareContext(context))


class Upper(Middleware):
    def session(self, session: SessionLike, connection: Connection) -> UpperSession:
        return UpperSession(session, connection)


class Counting(Observer):
    def __init__(self) -> None:
        self.seen: dict[str, int] = {}

    def commanded(self, connection: Connection, verb: str) -> None:
        self.seen[verb] = self.seen.get(verb, 0) + 1

    def concluded(self, summary: Summary) -> None:
        print(summary.sender, summary.octets)


def made(plugin: IBackendPlugin) -> SMTPServerFactory:
    backend = FilterBackend(Upper(OpenBackend(lambda connection: Coloured())), Tagging)
    SMTPServerFactory(Backend(), extensions=[XCOLOUR], observers=[Counting()])
    return SMTPServerFactory(backend, observers=[Counting()])


async def client() -> None:
    connected = await connect("tcp:localhost:1025", tls="none", extensions=[XCOLOUR])
    print((await connected.command("XCOLOURS")).lines, connected.extensions["XCOLOUR"])
    await connected.quit()
