"""
The backends ``relay:ENDPOINT`` and ``lmtp:ENDPOINT``: they send each message on to a next server, without storing it.

The reply of the next server is the reply of the relay, for each recipient where LMTP allows it.  The message is sent on
while it is received, at the pace of the slower side.  If one side is lost, the other is aborted, so that no part of a
message is taken for the whole.  `txsmtpx.backends.next_transaction` has the theory of operation.
"""

from __future__ import annotations

from collections.abc import Iterable

from twisted.internet.ssl import PrivateCertificate

from txsmtpx.arguments import checked_except
from txsmtpx.backends import next_reply
from txsmtpx.backends.introduction import Introduction
from txsmtpx.backends.next_reply import for_recipient, shortened
from txsmtpx.backends.next_servers import TIMEOUTS, NextServers, check
from txsmtpx.backends.next_transaction import NextTransaction, RelayPolicy
from txsmtpx.backends.relay_times import HOLD, WAIT
from txsmtpx.backends.relayed import Relayed
from txsmtpx.backends.session import OpenBackend, Session
from txsmtpx.dialog.demands import EightBit, check_eight_bit
from txsmtpx.dialog.extension import Extension
from txsmtpx.errors import NotOffered, SMTPError
from txsmtpx.extensions.requiretls import REQUIRETLS
from txsmtpx.grammar import path
from txsmtpx.grammar.domain import domain_key
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import Connection, DataContext, Endpoint, Message, Reactor, clock_of
from txsmtpx.wire.client_settings import EXTENSIONS, SETTINGS, WITHOUT, Auth, ClientSettings, TLSMode
from txsmtpx.wire.client_tls import TrustRoots
from txsmtpx.wire.description import check_number
from txsmtpx.wire.pool import SMTPPool
from txsmtpx.wire.timeouts import Timeouts
from txsmtpx.wire.transcript_recorder import Transcript

NAMED = 10
"""Recipients whose outcomes are in the log line of a message."""


class RelayBackend(OpenBackend):
    """
    A backend that relays mail of authenticated users, and mail of any client to `domains`.

    Args:
        endpoints: The next servers, over which messages are spread; each as for `txsmtpx.connect`.
        lmtp: True to use LMTP.
        domains: The domains to which any client may send.
        introduce: "xforward" names the client to the next server for its logs, if that offers XFORWARD.  "xclient"
            makes it treat the relay as the client; without XCLIENT, mail waits.  "nothing" does neither.
        size: Connections to each next server at a time.
        wait: Seconds that a client waits for a connection while all are in use; 0: for ever.
        hold: Seconds for which a message keeps its connection although another client waits for one; 0: for ever.
        timeouts: The time-outs for next servers, or one number of seconds for each phase.
        eight_bit: "refuse" rejects messages with octets above 127 by 554 5.6.3 if the next server does not offer
            8BITMIME.  "send" sends them as they are.
        max_messages: Messages that a connection sends before it is closed; 0: no limit.
        idle: Seconds that an unused connection is kept.
        tls: The TLS mode; see `txsmtpx.connect`, also for the arguments that follow.
        auth: The user name and the password, a SASL mechanism, or `txsmtpx.OAuth2`.
        auth_optional: True to authenticate only if the next server offers it.
        hostname: The name to verify in the certificate.
        domain: The name of the relay in EHLO.
        trust_roots: The trusted authorities.
        tls_verify: False to accept any certificate.
        client_certificate: The certificate of the relay.
        allow_insecure_auth: True to authenticate without TLS.
        transcript: True to log every line.
        extensions: Extensions of the caller.
        without: Keywords of extensions that are not used.
        reactor: The reactor.  None: the global one.

    Attributes:
        domains: As in the arguments, in the form of `txsmtpx.domain_key`.
        pools: A pool of connections for each next server; services, to be stopped.
        next_servers: The next servers.
        eight_bit: As in the arguments.
        supports: REQUIRETLS, which can be relayed or rejected.  For other extensions the next servers have to be known.

    Raises:
        TypeError: An argument is unknown or has the wrong type, or ``endpoints`` is one endpoint.
        ValueError: There is no endpoint, or a value cannot be used.

    Example:
        Accept mail for a domain, and send it on to two servers in turn::

            backend = RelayBackend(["tcp:mx1.example.org:25", "tcp:mx2.example.org:25"], domains=["example.org"])

        >>> RelayBackend(["tcp:mail.example.org:25"], trust_root="ca.pem")
        Traceback (most recent call last):
        TypeError: RelayBackend has no argument trust_root; did you mean trust_roots?
    """

    @checked_except("endpoints", "timeouts", *SETTINGS)
    def __init__(
        self,
        endpoints: Iterable[Endpoint],
        *,
        lmtp: bool = ClientSettings.lmtp,
        domains: Iterable[str] = (),
        introduce: Introduction = "xforward",
        size: int = 10,
        wait: float = WAIT,
        hold: float = HOLD,
        timeouts: Timeouts | float = TIMEOUTS,
        eight_bit: EightBit = "refuse",
        max_messages: int = 100,
        idle: float = 60,
        tls: TLSMode | None = ClientSettings.tls,
        auth: Auth | None = ClientSettings.auth,
        auth_optional: bool = ClientSettings.auth_optional,
        hostname: str = ClientSettings.hostname,
        domain: str = ClientSettings.domain,
        trust_roots: TrustRoots | None = ClientSettings.trust_roots,
        tls_verify: bool = ClientSettings.tls_verify,
        client_certificate: PrivateCertificate | None = ClientSettings.client_certificate,
        allow_insecure_auth: bool = ClientSettings.allow_insecure_auth,
        transcript: Transcript | bool = ClientSettings.transcript,
        extensions: Iterable[Extension] = ClientSettings.extensions,
        without: Iterable[str] = ClientSettings.without,
        reactor: Reactor | None = None,
    ) -> None:
        if not isinstance(endpoints, Iterable):
            raise TypeError(f"endpoints is a list of endpoints, not {endpoints!r}")
        if not isinstance(endpoints, str):
            endpoints = tuple(endpoints)  # which are read more than once
        if isinstance(endpoints, str) or list(map(type, endpoints)) == [str, int]:
            raise TypeError(f"the next servers are a list of endpoints: write [{endpoints!r}]")
        clock = clock_of(reactor)
        check(clock, endpoints)
        check_eight_bit(eight_bit)
        check_number("wait", wait)
        check_number("hold", hold)
        self.eight_bit = eight_bit
        domains = tuple(domains)
        if not all(isinstance(each, str) for each in domains):
            raise TypeError(f"domains is a list of text, not {domains!r}")
        self.domains: frozenset[str] = frozenset(map(_domain, domains))
        extensions, without = EXTENSIONS.items(extensions), WITHOUT.items(without)  # for each pool
        self.pools: tuple[SMTPPool, ...] = tuple(
            SMTPPool(
                endpoint,
                size=size,
                max_messages=max_messages,
                idle=idle,
                lmtp=lmtp,
                tls=tls,
                auth=auth,
                auth_optional=auth_optional,
                hostname=hostname,
                domain=domain,
                timeouts=Timeouts.of(timeouts),
                trust_roots=trust_roots,
                tls_verify=tls_verify,
                client_certificate=client_certificate,
                allow_insecure_auth=allow_insecure_auth,
                transcript=transcript,
                extensions=extensions,
                without=without,
                eight_bit="send",  # the session has looked at what is sent
                reactor=clock,
            )
            for endpoint in endpoints
        )
        self.next_servers: NextServers = NextServers(clock, self.pools, wait)
        self._policy = RelayPolicy(self.next_servers, clock, introduce, hold)
        super().__init__(lambda connection: RelaySession(self, connection, self._policy))
        self.supports: tuple[Extension, ...] = (REQUIRETLS,)

    @property
    def introduce(self) -> Introduction:
        """How the next servers learn the client."""
        return self._policy.introduce

    @property
    def hold(self) -> float:
        """Seconds for which a message keeps its connection although another client waits; for ever if it is 0."""
        return self._policy.hold

    def set_limits(self, size: int, wait: float, hold: float) -> None:
        """
        Change the limits, before the first connection is opened.

        Args:
            size: Connections to each next server at a time.
            wait: Seconds that a client waits for a connection; 0: for ever.
            hold: Seconds for which a message keeps its connection although another client waits; 0: for ever.

        Raises:
            ValueError: ``size`` is less than 1.
        """
        for pool in self.pools:
            pool.size = size
        self.next_servers.wait, self._policy.hold = wait, hold


def _domain(text: str) -> str:
    """Return the key of a domain of the argument ``domains``."""
    try:
        path.check_domain_part(text)
        return domain_key(text)
    except ValueError:
        raise ValueError(f"domains must be domains, such as example.org, not {text!r}") from None


class RelaySession(Session):
    """
    A session whose transactions are transactions with a next server.

    Args:
        backend: The backend.
        connection: The connection of the client.
        policy: What the transactions of the backend share.
    """

    def __init__(self, backend: RelayBackend, connection: Connection, policy: RelayPolicy) -> None:
        self._backend = backend
        self._connection = connection
        self._options = MailOptions()
        self._next = NextTransaction(policy, connection)

    def mail(self, sender: str, options: MailOptions) -> None:
        """
        Handle MAIL.  It is sent on when there is a recipient.

        Args:
            sender: The address.
            options: The parameters.
        """
        self._options = options
        self._next.begin(sender, options)

    async def rcpt(self, recipient: str, options: RcptOptions) -> Reply:
        """
        Handle RCPT: send it on.

        Args:
            recipient: The address.
            options: The parameters.

        Returns:
            The reply of the next server.

        Raises:
            SMTPError: 550 5.7.1 if the client may not send to this recipient; 451 4.4.2 if the next server was lost
                too often; the reply of the next server to MAIL or RCPT.
        """
        if self._connection.username is None and not self._is_relayed_to(recipient):
            raise SMTPError.from_reply(next_reply.RELAYING_DENIED_550)
        return await self._next.rcpt(recipient, options)

    def _is_relayed_to(self, recipient: str) -> bool:
        """Return whether any client may send to the domain of a recipient."""
        domain = path.split(recipient)[1] or self._connection.domain
        try:
            return domain_key(domain) in self._backend.domains
        except ValueError:
            return False

    async def data(self, message: Message, context: DataContext) -> Reply | None:
        """
        Handle DATA: send the message on.

        A message of up to `txsmtpx.backends.relayed.AHEAD` octets is read before it needs a connection.

        Args:
            message: The message.
            context: The envelope, and the outcomes.

        Returns:
            The reply of the next server; None if there is one for each recipient.

        Raises:
            SMTPError: The next server rejects the message, cannot get it, or is lost.
        """
        self._next.queue_id = context.queue_id
        body = Relayed(message, context)
        await body.look()
        client = await self._next.ready()
        try:
            body.demand(client, self._options, self._backend.eight_bit)
        except NotOffered as error:
            raise self._next.unsendable(error) from error
        binary = context.options.body == "BINARYMIME"
        outcomes = await self._next.transmit(client, body, len(context.recipients), binary)
        self._next.release()
        context.note(next="; ".join(map(shortened, outcomes[:NAMED])))
        answers = [for_recipient(outcome) for outcome in outcomes]
        if not client.lmtp and len(answers) == 1:  # more are those of PRDR
            return answers[0]
        for recipient, reply in zip(context.recipients, answers, strict=True):
            context.set_status(recipient, reply)
        return None

    def reset(self) -> None:
        """End the transaction with the next server."""
        self._next.end()


def relay(argument: str) -> RelayBackend:
    """
    Return the backend of ``relay:ENDPOINT,ENDPOINT...``.

    Args:
        argument: The endpoints.

    Returns:
        The backend.
    """
    return RelayBackend(_endpoints(argument))


def relay_by_lmtp(argument: str) -> RelayBackend:
    """
    Return the backend of ``lmtp:ENDPOINT,ENDPOINT...``.

    Args:
        argument: The endpoints.

    Returns:
        The backend.
    """
    return RelayBackend(_endpoints(argument), lmtp=True)


def _endpoints(argument: str) -> list[str]:
    """
    Return the endpoints of an argument.

    Returns:
        The endpoints; none if the argument is empty.

    Raises:
        ValueError: One of several is empty.
    """
    found = argument.split(",") if argument else []
    if "" in found:
        raise ValueError(f"endpoint {found.index('') + 1} of {len(found)} is empty; write one, or leave out a comma")
    return found
