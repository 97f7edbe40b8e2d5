"""
Logins that Dovecot checks, by its authentication protocol: the users are those of Dovecot, wherever it has them.

The server passes each response of a client on to Dovecot, and each challenge back, octet for octet.  So it offers the
mechanisms that Dovecot offers, SCRAM included, and knows nothing of passwords and their hashes.  Postfix and Exim do
the same (``smtpd_sasl_type = dovecot``).

Dovecot delays failures, and delays a client of many failures further.  So the server adds no delay of its own, and only
counts.  Whatever goes wrong between the server and Dovecot is a temporary failure, 454 4.7.0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from twisted.application.service import Service
from twisted.cred.checkers import ICredentialsChecker
from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from txsmtpx.arguments import checked
from txsmtpx.interfaces import ClientEndpoint, Connection, Reactor, Username, clock_of
from txsmtpx.logins.dovecot_client import DovecotClient
from txsmtpx.logins.dovecot_exchange import DovecotServer, IDovecotLogin
from txsmtpx.logins.dovecot_lines import DovecotError, OfferedMechanism
from txsmtpx.sasl.mechanism import Mechanism
from txsmtpx.sasl.mechanisms import MECHANISMS, ChangingMechanisms
from txsmtpx.sasl.plain import PLAIN
from txsmtpx.wire.service_endpoint import service_endpoint

TIMEOUT = 30.0
"""Seconds for an answer.  Dovecot itself delays one by up to 17 seconds for a client with many failures."""

HIDDEN_FLAGS = frozenset({"private", "anonymous"})
"""
Mechanisms with one of these are not offered.  A private one is between Dovecot's own processes.  An anonymous login
would authenticate anyone; Postfix refuses it too (``smtpd_sasl_security_options = noanonymous``).
"""

def _is_for_clients(mechanism: OfferedMechanism) -> bool:
    """Version 1.2 of the protocol has no channel binding, without which -PLUS is of no use."""
    return not mechanism.flags & HIDDEN_FLAGS and not mechanism.name.endswith("-PLUS")


_KNOWN = {each.name: each for each in MECHANISMS}


@implementer(ICredentialsChecker)
class DovecotChecker(Service):
    """
    A checker whose users are those of Dovecot.

    It connects at the first use, or when it is started as a service, and again after the connection was lost.  One
    connection carries all logins.

    Args:
        endpoint: The endpoint of Dovecot's socket ``auth-client``, or its string.
        timeout: Seconds for each answer.
        reactor: The reactor.  None: the global one.

    Attributes:
        mechanisms: The mechanisms that Dovecot offers; before the first connection PLAIN and LOGIN.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The endpoint or the time cannot be used.

    Example:
        ::

            checker = DovecotChecker("unix:/run/dovecot/auth-client")
            backend = PortalBackend(Portal(BackendRealm(MemoryBackend()), [checker]))
    """

    credentialInterfaces: tuple[type[IDovecotLogin]] = (IDovecotLogin,)

    @checked
    def __init__(
        self, endpoint: ClientEndpoint | str, *, timeout: float = TIMEOUT, reactor: Reactor | None = None
    ) -> None:
        if not 0 < timeout < math.inf:
            raise ValueError(f"timeout must be a number of seconds greater than 0, not {timeout!r}")
        clock = clock_of(reactor)
        self._name = f"dovecot {endpoint}" if isinstance(endpoint, str) else "dovecot"
        self._client = DovecotClient(service_endpoint(clock, endpoint), self._name, timeout, clock)
        self._known: Sequence[OfferedMechanism] | None = None
        self._made: tuple[Mechanism, ...] = ()
        self.mechanisms: Sequence[Mechanism] = ChangingMechanisms(self._offered)

    def _offered(self) -> tuple[Mechanism, ...]:
        offered = self._client.offered
        if offered is not self._known:
            self._known = offered
            self._made = tuple([self._mechanism(each.name) for each in offered if _is_for_clients(each)])
        return self._made

    def _mechanism(self, name: str) -> Mechanism:
        known = _KNOWN.get(name, PLAIN)  # of which no rule is known, as of PLAIN

        def server(connection: Connection, backend: object) -> DovecotServer:
            return DovecotServer(name, self._client, connection)

        def available(connection: Connection) -> bool:
            self._client.connect()  # here is a client, so the reactor runs
            return known.available(connection)

        return Mechanism(name, IDovecotLogin, server, known.server_first, available)

    def requestAvatarId(self, credentials: Username) -> Deferred[bytes | tuple[()]]:
        """
        Return the user name, which Dovecot has accepted.

        Args:
            credentials: The user name.

        Returns:
            The user name.
        """
        return succeed(credentials.username)

    def startService(self) -> None:
        """Connect, so that the first client finds all mechanisms."""
        super().startService()  # type: ignore[no-untyped-call]
        self._client.connect()

    def stopService(self) -> None:
        """Close the connection."""
        super().stopService()  # type: ignore[no-untyped-call]
        self._client.close()

    async def check(self) -> str:
        """
        Connect, for ``twistd smtpx --check``.

        Returns:
            What Dovecot offers.

        Raises:
            DovecotError: It cannot be used.
        """
        try:
            await self._client.usable()
        except DovecotError as error:
            raise DovecotError(f"{self._name}: {error}; name the socket auth-client of a Dovecot that runs") from error
        self._client.close()
        return f"it offers {' '.join(each.name for each in self.mechanisms)}"
