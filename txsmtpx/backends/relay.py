"""
C{relay:ENDPOINT} and C{lmtp:ENDPOINT}: what we are given goes straight on to the next server.

Nothing is stored: the next server's 250 is ours, its refusals are ours, for each recipient where LMTP
allows it.  The message streams through, at the pace of the slower side; when either side goes away in the
middle the other is cut off, so that no part of a message is ever taken for the whole.

A connection there is taken at the first recipient that we relay to, so that who has none cannot keep others from it;
what the next server says to MAIL is the answer to that RCPT, if it is a refusal.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Literal

from twisted.internet.error import ConnectError, ConnectionClosed, DNSLookupError, TimeoutError
from twisted.logger import Logger, LogLevel

from txsmtpx.backends.relayed import Relayed, options_for
from txsmtpx.backends.session import OpenBackend, Session
from txsmtpx.dialog.connection import Connection
from txsmtpx.errors import NotOffered, ProtocolError, SMTPError
from txsmtpx.extensions.requiretls import REQUIRETLS
from txsmtpx.grammar import attributes, path, replies
from txsmtpx.grammar.domain import domain_key
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.grammar.reply import Reply
from txsmtpx.wire.client import SMTPClient
from txsmtpx.wire.connect import target
from txsmtpx.wire.description import fault
from txsmtpx.wire.pool import SMTPPool

log = Logger(__name__)

NAMED = 10
"""Recipients whose fates stand in the log line of a message."""

DOWN = 30.0
"""Seconds that a server which could not be reached is stepped around."""

Introduction = Literal["xforward", "xclient", "nothing"]
"""How the next server learns whom we speak for: for the logs, where it offers that; as if he spoke; or not at all."""

_UNREACHABLE = (ConnectError, ConnectionClosed, DNSLookupError, TimeoutError, ProtocolError)


class RelayBackend(OpenBackend):
    """
    Relays for those who have logged in, and for everybody to C{domains}.

    @ivar domains: to these mail is taken from anybody; as L{txsmtpx.domain_key} gives them.
    @ivar introduce: how the next server learns whom we speak for.
    @ivar logs_in: whether we log in there.
    """

    def __init__(
        self,
        endpoints: Sequence[Any],
        *,
        lmtp: bool = False,
        domains: Collection[str] = (),
        introduce: Introduction = "xforward",
        reactor: Any = None,
        **pool: Any,
    ) -> None:
        """
        @param endpoints: client endpoints or their strings: the next servers, over which messages are spread.
        @param lmtp: speak LMTP to them.
        @param introduce: "xforward" tells the next server who the client is, for its logs, where it offers that;
            "xclient" makes it treat us as the client, and mail waits while it does not offer that; or "nothing".
        @param pool: for L{SMTPPool} and L{txsmtpx.connect}.
        @raise ValueError: there is none, or one is wrong; or there is no such introduction.
        """
        if reactor is None:
            from twisted.internet import reactor
        if not endpoints:
            raise ValueError("relay needs an endpoint: relay:tcp:HOST:PORT")
        if introduce not in ("xforward", "xclient", "nothing"):
            raise ValueError(f"introduce is xforward, xclient or nothing, not {introduce!r}")
        for endpoint in endpoints:
            _check(reactor, endpoint)
        self.domains = frozenset(map(domain_key, domains))
        self.introduce = introduce
        self.logs_in = pool.get("auth") is not None
        self._reactor = reactor
        self._pools = [SMTPPool(endpoint, lmtp=lmtp, reactor=reactor, **pool) for endpoint in endpoints]
        self._down: dict[SMTPPool, float] = {}
        super().__init__(lambda connection: RelaySession(self, connection))
        # It can be passed on or refused.  For the others the next servers must be known to keep the promise.
        self.supports = (REQUIRETLS,)

    @property
    def pools(self) -> Sequence[SMTPPool]:
        """One for each server; services, to be stopped."""
        return tuple(self._pools)

    async def acquire(self, session_id: str = "") -> tuple[SMTPPool, SMTPClient]:
        """
        A connection to one of the servers, each in its turn, those that are down last.

        @param session_id: for whom, in the log.
        @raise SMTPError: 451 4.4.1, none can be reached.
        """
        self._pools.append(self._pools.pop(0))
        now = self._reactor.seconds()
        for pool in sorted(self._pools, key=lambda pool: self._down.get(pool, 0.0) > now):
            try:
                client = await pool.acquire()
            except (*_UNREACHABLE, NotOffered) as error:
                text = "session={session} the next server cannot be reached: {error}"
                log.warn(text, session=session_id, error=error)
                self._down[pool] = now + DOWN
            except SMTPError as error:
                text = "session={session} the next server does not take us: {error}"
                log.warn(text, session=session_id, error=error)
                self._down[pool] = now + DOWN
            else:
                self._down.pop(pool, None)
                return pool, client
        raise SMTPError.from_reply(replies.NO_NEXT_SERVER_451)

    def seconds(self) -> float:
        """Now."""
        return float(self._reactor.seconds())


class RelaySession(Session):
    """A transaction here is a transaction there."""

    def __init__(self, backend: RelayBackend, connection: Connection) -> None:
        self._backend = backend
        self._connection = connection
        self._pool: SMTPPool | None = None
        self._client: SMTPClient | None = None
        self._refusal: SMTPError | None = None
        self._queue_id = "-"  # which is not told before the data
        self._sender, self._options, self._since = "", MailOptions(), 0.0

    def mail(self, sender: str, options: MailOptions) -> None:
        """MAIL, which is said there when there is a recipient."""
        self._refusal = None
        self._sender, self._options, self._since = sender, options, self._backend.seconds()

    async def _open(self) -> SMTPClient:
        """
        MAIL, there.

        @raise SMTPError: what the next server says to it, the same to each RCPT; or 451 4.4.1, there is none.
        """
        if self._refusal is not None:
            raise SMTPError.from_reply(self._refusal.reply)  # one object for all RCPTs would gather their tracebacks
        try:
            self._pool, client = await self._backend.acquire(self._connection.session_id)
            self._client = client
            await self._introduce(client)
            passed = int(self._backend.seconds() - self._since)
            options = options_for(client, self._sender, self._options, passed, self._backend.logs_in)
            await self._told(client.mail(self._sender, options), options.requiretls)
        except BaseException as error:
            self._done()
            if isinstance(error, SMTPError):
                self._refusal = error
            raise
        return client

    async def _introduce(self, client: SMTPClient) -> None:
        """
        Tell the next server whom we speak for, before each transaction.

        @raise SMTPError: 451 4.4.1, it does not let us, and is not to take the client for us.
        """
        if self._backend.introduce == "xclient":
            try:
                await client.xclient(**_origin(self._connection) | _login(self._connection))
            except (NotOffered, SMTPError, *_UNREACHABLE) as error:
                self._log(LogLevel.error, "the next server takes no XCLIENT from us: {error}", error)
                raise SMTPError.from_reply(replies.NO_NEXT_SERVER_451) from error
        elif self._backend.introduce == "xforward" and client.extensions.get("XFORWARD"):
            try:
                # What one who is trusted has told us of the origin is not to be mixed with what we know of him.
                await client.xforward(**self._connection.xforward or _origin(self._connection) | {"SOURCE": "REMOTE"})
            except SMTPError as error:
                # It is for the logs there; here it stands in ours.
                self._log(LogLevel.warn, "the next server does not take XFORWARD: {error}", error)
            except _UNREACHABLE as error:
                raise SMTPError.from_reply(replies.NEXT_LOST_451) from error

    async def rcpt(self, recipient: str, options: RcptOptions) -> Any:
        """
        RCPT, there.

        @raise SMTPError: 550 5.7.1, we do not relay to everybody for everybody; what the next server says to MAIL.
        """
        if self._connection.username is None and not self._is_relayed_to(recipient):
            raise SMTPError.from_reply(replies.RELAYING_DENIED_550)
        client = self._client or await self._open()
        return await self._told(client.rcpt(recipient, options))

    def _is_relayed_to(self, recipient: str) -> bool:
        """Return whether mail to the domain of C{recipient} is taken from anybody."""
        domain = path.split(recipient)[1] or self._connection.domain
        try:
            return domain_key(domain) in self._backend.domains
        except ValueError:
            return False

    async def data(self, message: Any, context: Any) -> Reply | None:
        """The message, there."""
        client = self._client
        assert client is not None
        self._queue_id = context.queue_id
        body = Relayed(message, context)
        await body.look()
        binary = context.options.body == "BINARYMIME"
        outcomes = await self._told(client.transmit(body, len(context.recipients), binary))
        self._done()
        context.note(next="; ".join(reply.one_line for reply in outcomes[:NAMED]))
        if not client.lmtp and len(outcomes) == 1:  # more are those of PRDR
            return _ours(outcomes[0])
        for recipient, reply in zip(context.recipients, outcomes, strict=True):
            context.set_status(recipient, _ours(reply))
        return None

    def reset(self) -> None:
        """What is open there is given up."""
        self._queue_id = "-"
        self._done()

    async def _told(self, waiting: Any, requiretls: bool = False) -> Any:
        """What the next server says; where it says nothing, that."""
        try:
            said = await waiting
        except SMTPError as error:
            raise SMTPError.from_reply(_ours(error.reply)) from error
        except NotOffered as error:
            self._log(LogLevel.info, "the next server cannot take that: {error}", error)
            raise SMTPError.from_reply(replies.REQUIRETLS_550 if requiretls else replies.NEXT_CANNOT_550) from error
        except _UNREACHABLE as error:
            self._log(LogLevel.warn, "the next server was lost: {error}", error)
            raise SMTPError.from_reply(replies.NEXT_LOST_451) from error
        return _ours(said) if isinstance(said, Reply) else said

    def _log(self, level: Any, text: str, error: BaseException) -> None:
        text = f"session={{session}} queue={{queue}} {text}"
        log.emit(level, text, session=self._connection.session_id, queue=self._queue_id, error=error)

    def _done(self) -> None:
        pool, client = self._pool, self._client
        self._pool = self._client = None
        if pool is not None and client is not None:
            pool.release(client)  # which resets it before it is used again


def _origin(connection: Connection) -> dict[str, str]:
    """Where a transaction comes from, in the attributes that XCLIENT and XFORWARD share; "" for what is not known."""
    host, port = connection.peer_host, getattr(connection.peer, "port", 0)
    helo = connection.helo
    return {
        "NAME": connection.xclient.get("NAME", ""),
        "ADDR": host,
        "PORT": str(port) if host and port else "",
        "PROTO": "ESMTP" if connection.extended else "SMTP",
        "HELO": helo if helo.isprintable() and len(helo) <= attributes.MAX_VALUE else "",
    }


def _login(connection: Connection) -> dict[str, str]:
    """Who has logged in, "" for nobody: XCLIENT has to say it in any case."""
    return {"LOGIN": connection.username or ""}


def _ours(reply: Reply) -> Reply:
    """A reply of the next server as ours.  Its 421 ends that connection, not this one; a code of ours it may lack."""
    code = 451 if reply.code == 421 else reply.code
    return Reply(code, reply.enhanced_code or replies.default_enhanced_code(code), *reply.lines)


def _check(reactor: Any, endpoint: Any) -> None:
    """So that a wrong one is found at once."""
    try:
        target(reactor, endpoint)
    except Exception as error:  # each endpoint parser has its own
        raise ValueError(f"no endpoint: {endpoint} ({fault(error)})") from error


def relay(argument: str) -> RelayBackend:
    """C{relay:ENDPOINT,ENDPOINT...}"""
    return RelayBackend([each for each in argument.split(",") if each])


def relay_by_lmtp(argument: str) -> RelayBackend:
    """C{lmtp:ENDPOINT,ENDPOINT...}"""
    return RelayBackend([each for each in argument.split(",") if each], lmtp=True)
