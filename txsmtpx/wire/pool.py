"""
Connections that are kept: `SMTPPool`.

Theory of operation.  A `Capacity` counts the connections that are being opened, in use, or being closed.  A caller
waits for the capacity.  Then it gets a kept connection, which must have answered RSET, or a new one.  So a server that
has closed a kept connection is noticed before anything is sent, and nothing is ever sent twice.  `ServerLimit` lowers
the capacity if the server accepts fewer connections than the pool may have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectError, ConnectionClosed
from twisted.internet.ssl import PrivateCertificate

from txsmtpx.arguments import checked_except
from txsmtpx.dialog.addressing import Recipients, check_message
from txsmtpx.dialog.client_body import ClientBody
from txsmtpx.dialog.client_result import Result
from txsmtpx.dialog.demands import EightBit, check_eight_bit
from txsmtpx.dialog.extension import Extension
from txsmtpx.dialog.submission import repeatable
from txsmtpx.errors import SMTPError
from txsmtpx.grammar.options import MailOptions
from txsmtpx.interfaces import Endpoint, Reactor
from txsmtpx.interfaces.loop_deferred import explained
from txsmtpx.wire.capacity import Capacity, PoolBusy, Ticket
from txsmtpx.wire.client import SMTPClient
from txsmtpx.wire.client_settings import SETTINGS, Auth, ClientSettings, TLSMode
from txsmtpx.wire.client_tls import TrustRoots
from txsmtpx.wire.connecting import chosen_reactor, connect_with
from txsmtpx.wire.description import check_number, name_of
from txsmtpx.wire.dkim_signer import DKIMSigner, signed_by
from txsmtpx.wire.kept_connections import KeptConnections
from txsmtpx.wire.pending_work import PendingWork
from txsmtpx.wire.server_limit import ServerLimit
from txsmtpx.wire.target import target
from txsmtpx.wire.timeouts import Timeouts
from txsmtpx.wire.transcript_recorder import Transcript


class SMTPPool(Service):
    """
    A limited number of connections to one server, for any number of messages.

    It is a service.  When it stops, messages in progress are finished, and kept connections are closed.

    Attributes:
        server: The endpoint, for the log: its string, how it describes itself, or the name of its class.
        queue_changed: Called when the number of callers that wait for a connection has changed.

    Example:
        >>> pool = SMTPPool("tcp:localhost:25", size=5)
        >>> async def example(message: bytes) -> None:
        ...     await pool.send("one@example.org", ["two@example.org"], message)
        ...     await pool.stopService()

    Args:
        endpoint: The endpoint of the server.  `txsmtpx.connect` describes this argument, and those from ``lmtp`` on.
        size: Connections at a time; fewer if the server accepts fewer.
        max_messages: Messages that a connection sends before it is closed; 0 for any number.
        idle: Seconds that an unused connection is kept.
        wait: Seconds that a message waits for a connection while all are in use; 0 for no limit.
        lmtp: Use LMTP.
        tls: The mode of TLS.
        auth: (username, password), a mechanism, or `txsmtpx.OAuth2`.
        auth_optional: Log in only if the server offers it.
        hostname: The name to verify in the certificate.
        domain: The name of the client in EHLO.
        timeouts: Seconds for each phase.
        trust_roots: The authorities for the certificate of the server.
        tls_verify: False accepts any certificate.
        client_certificate: The certificate of the client.
        allow_insecure_auth: Log in without TLS.
        transcript: True logs every line.
        extensions: More extensions that the client understands.
        without: Keywords of extensions that are not used.
        eight_bit: The treatment of octets above 127 that the server does not accept: "refuse" or "send".
        dkim: Signs each message of `send`; None for no signature.
        reactor: The reactor; None for the global one.

    Raises:
        ValueError: ``size`` is less than 1, or another value cannot be used.
        TypeError: A value has the wrong type, or there is no such argument.
    """

    @checked_except("endpoint", "size", "max_messages", "idle", "wait", "dkim", "reactor", *SETTINGS)
    def __init__(
        self,
        endpoint: Endpoint,
        *,
        size: int = 10,
        max_messages: int = 100,
        idle: float = 60,
        wait: float = 600,
        lmtp: bool = ClientSettings.lmtp,
        tls: TLSMode | None = ClientSettings.tls,
        auth: Auth | None = ClientSettings.auth,
        auth_optional: bool = ClientSettings.auth_optional,
        hostname: str = ClientSettings.hostname,
        domain: str = ClientSettings.domain,
        timeouts: Timeouts | float | None = ClientSettings.timeouts,
        trust_roots: TrustRoots | None = ClientSettings.trust_roots,
        tls_verify: bool = ClientSettings.tls_verify,
        client_certificate: PrivateCertificate | None = ClientSettings.client_certificate,
        allow_insecure_auth: bool = ClientSettings.allow_insecure_auth,
        transcript: Transcript | bool = ClientSettings.transcript,
        extensions: Iterable[Extension] = ClientSettings.extensions,
        without: Iterable[str] = ClientSettings.without,
        eight_bit: EightBit = ClientSettings.eight_bit,
        dkim: DKIMSigner | None = None,
        reactor: Reactor | None = None,
    ) -> None:
        self._dkim = dkim
        self._reactor = chosen_reactor(reactor)
        check_number("max_messages", max_messages, whole=True)
        check_number("idle", idle)
        check_number("wait", wait)
        self._endpoint = endpoint
        self.server: str = name_of(endpoint)
        self._max_messages = max_messages
        self._wait = wait
        self.settings = ClientSettings(
            lmtp=lmtp,
            tls=tls,
            auth=auth,
            auth_optional=auth_optional,
            hostname=hostname,
            domain=domain,
            timeouts=timeouts,
            trust_roots=trust_roots,
            tls_verify=tls_verify,
            client_certificate=client_certificate,
            allow_insecure_auth=allow_insecure_auth,
            transcript=transcript,
            extensions=extensions,
            without=without,
            eight_bit=eight_bit,
        )
        self.queue_changed: Callable[[], object] = lambda: None
        self._capacity = Capacity(self._reactor, size, lambda: self.queue_changed())
        self.size = size
        self._limit = ServerLimit(self._reactor, self._capacity)
        self._opening = 0
        self._kept = KeptConnections(self._reactor, idle, self._leave)
        self._sent: dict[SMTPClient, int] = {}  # messages of each connection that is established
        self._work = PendingWork()
        self._stopping = False

    @property
    def settings(self) -> ClientSettings:
        """The settings of each connection; to be set before the first is opened."""
        return self._settings

    @settings.setter
    def settings(self, settings: ClientSettings) -> None:
        target(self._reactor, self._endpoint).tls_mode(settings)  # which raise an error now if they are wrong
        self._settings = settings

    @property
    def size(self) -> int:
        """Connections at a time; to be set before the first is opened."""
        return self._capacity.size

    @size.setter
    def size(self, size: int) -> None:
        check_number("size", size, whole=True)
        self._capacity.set_size(size)

    @property
    def busy(self) -> bool:
        """True if all connections are in use, so that another caller has to wait."""
        return not self._capacity.tokens

    @property
    def waiting(self) -> int:
        """Callers that wait because all connections are in use."""
        return self._capacity.waiting

    def send(
        self,
        sender: str,
        recipients: Recipients,
        body: ClientBody,
        options: MailOptions | None = None,
        *,
        eight_bit: EightBit | None = None,
    ) -> Deferred[Result]:
        """
        Send one message.

        Args:
            sender: An address, "" for the null reverse-path.
            recipients: Addresses, or (address, its options).
            body: The message.
            options: The options of MAIL.
            eight_bit: As for `SMTPClient.send`.  None: as for the pool.

        Returns:
            A Deferred of a `Result`, if at least one recipient was accepted.

        Raises:
            PoolBusy: All connections were in use for too long.
            DeliveryError: As for `SMTPClient.send`.
        """
        if eight_bit is not None:
            check_eight_bit(eight_bit)
        sending = partial(self._send, sender, recipients, options, eight_bit)
        return explained(self._work.add(signed_by(self._dkim, body, options, sending)))

    async def _send(
        self,
        sender: str,
        recipients: Recipients,
        options: MailOptions | None,
        eight_bit: EightBit | None,
        body: ClientBody,
    ) -> Result:
        sender, recipients = check_message(sender, recipients, body, options)
        from_start = repeatable(body)
        ticket = self._capacity.ticket(self._wait)
        while True:
            client = await self._acquire(ticket)
            try:
                given = body if from_start is None else from_start()
                return await client.send(sender, recipients, given, options, eight_bit=eight_bit)
            except SMTPError as error:
                another = self.note_421(client, error)
                if not another:
                    self._limit.pause_after(error)
                # Before the server has accepted anything of the message, another connection may be used.
                if not another or from_start is None or error.command not in ("MAIL", "RCPT"):
                    raise
            finally:
                self.release(client)

    def acquire(self, wait: float | None = None) -> Deferred[SMTPClient]:
        """
        Get a connection for the exclusive use of the caller, ready for MAIL.  The caller returns it by `release`.

        Args:
            wait: Seconds to wait while all connections are in use (0: no limit).  None: the ``wait`` of the pool.

        Returns:
            A Deferred of the connection.

        Raises:
            PoolBusy: All connections were in use for too long.
            DeliveryError: As for `txsmtpx.connect`.
        """
        ticket = self._capacity.ticket(self._wait if wait is None else wait)
        return explained(self._work.add(self._acquire(ticket)))

    async def _acquire(self, ticket: Ticket) -> SMTPClient:
        refusal: Exception | None = None
        while True:
            self._limit.grow()
            await self._capacity.acquire(ticket, refusal)
            try:
                return await self._reused() or await self._new(ticket)
            except (SMTPError, ConnectError, ConnectionClosed) as error:
                others = len(self._sent) + self._opening
                if isinstance(error, PoolBusy) or not self._limit.rejected(error, others):
                    self._capacity.release()
                    raise
                refusal = error
                self._capacity.release()
            except BaseException:
                self._capacity.release()
                raise

    async def _reused(self) -> SMTPClient | None:
        while client := self._kept.take():
            usable = False
            try:
                usable = await self._kept.answers(client)
            finally:
                if not usable:
                    del self._sent[client]
            if usable:
                return client
        return None

    async def _new(self, ticket: Ticket) -> SMTPClient:
        await self._limit.pause(ticket)
        self._opening += 1
        try:
            client = await connect_with(self.settings, self._endpoint, self._reactor)
        finally:
            self._opening -= 1
        self._sent[client] = 0
        return client

    def note_421(self, client: SMTPClient, error: Exception) -> bool:
        """
        Note an error of a transaction.  421 is about the connection, not about the message.

        Args:
            client: The connection.  The caller must still return it by `release`.
            error: The error, of any class.

        Returns:
            True if another connection may be used for the message.
        """
        return self._limit.note_421(error, self._sent.get(client, 0), len(self._sent) - 1 + self._opening)

    def release(self, client: SMTPClient) -> None:
        """
        Return a connection to the pool.  If it is usable, it is kept for up to ``idle`` seconds.

        Args:
            client: The connection.
        """
        self._sent[client] += 1
        worn = self._max_messages and self._sent[client] >= self._max_messages
        if client.usable:
            self._limit.accepted()
        if client.usable and not worn and not client.spent and not self._stopping:
            self._kept.add(client)
            self._limit.release()
        else:
            self._leave(client).addBoth(lambda _: self._limit.release())  # until then it counts for the server

    def _leave(self, client: SMTPClient) -> Deferred[None]:
        del self._sent[client]
        return self._work.add(client.quit()).addBoth(lambda _: self._limit.closed())

    def startService(self) -> None:
        """Accept messages.  No connection is opened before it is needed."""
        Service.startService(self)
        self._stopping = False

    def stopService(self) -> Deferred[None]:
        """
        Let messages that are being sent finish, and close kept connections.

        Returns:
            A Deferred that fires when all connections are closed.
        """
        Service.stopService(self)
        self._stopping = True
        while client := self._kept.take():
            self._leave(client)
        if not self._work:
            return succeed(None)
        return self._work.over().addCallback(lambda _: self.stopService())
