"""
The login of POP3 clients: USER with PASS, and APOP (RFC 1939 §7).

Theory of operation: without a checker, each name and password is accepted, from this host only.  With one, a client of
another host needs TLS.  Failures are counted by the address of the client.  Logins that succeed are not counted, since
a test may look for its mail each second.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernameHashedPassword, UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from txsmtpx.grammar.host import counted_address
from txsmtpx.stores.memory_store import MemoryStore
from txsmtpx.web.web_login import AT_A_TIME, ATTEMPTS, MOST, SECONDS, TIMEOUT, is_this_host

log = Logger(__name__)

NOT_HERE = "[AUTH] without --web-auth, only clients on the host of the server can log in"
NEEDS_TLS = "[AUTH] the login needs TLS"
WRONG = "[AUTH] the name or the password is wrong"
TOO_MANY = "[SYS/TEMP] there were too many wrong logins; try again later"
BUSY = "[SYS/TEMP] the login cannot be checked now; try again later"


@implementer(IUsernameHashedPassword)
class ApopCredentials:
    """
    The digest of a password (RFC 1939 §7).

    Those of `twisted.mail.pop3` compare octets with text, so they accept no password.

    Args:
        challenge: The timestamp of the greeting.
        username: The user name.
        digest: The MD5 of the challenge and the password, in hexadecimal.
    """

    def __init__(self, challenge: bytes, username: bytes, digest: bytes) -> None:
        self.username = username
        self._challenge = challenge
        self._digest = digest

    def checkPassword(self, password: bytes) -> bool:
        """
        Compare the digest with a password.

        Args:
            password: The password.

        Returns:
            True if the client has used this password.
        """
        found = hashlib.md5(self._challenge + password, usedforsecurity=False).hexdigest()
        return hmac.compare_digest(found.encode("ascii"), self._digest)


class Pop3Login:
    """
    Check the logins of all connections of a port.  `Pop3Factory` has one.

    Attributes:
        apop: True if APOP can be checked.

    Args:
        checker: It checks names and passwords; None to accept each from this host.
        clock: It keeps the time.
    """

    def __init__(self, checker: ICredentialsChecker | None, clock: IReactorTime) -> None:
        self.apop: bool = checker is None or IUsernameHashedPassword in checker.credentialInterfaces
        self._checker = checker
        self._clock = clock
        self._attempts = MemoryStore(reactor=clock)
        self._blocked: OrderedDict[str, float] = OrderedDict()
        self._checking = 0

    def refusal(self, client: str, in_tls: bool) -> str:
        """
        Return why a client cannot log in.

        Args:
            client: The address of the client; "" for a UNIX socket.
            in_tls: True if the connection has TLS.

        Returns:
            The text for the client; "" if the client may try.
        """
        if is_this_host(client):
            return ""
        if self._checker is None:
            return NOT_HERE
        return "" if in_tls else NEEDS_TLS

    def check(self, credentials: UsernamePassword | ApopCredentials, client: str, in_tls: bool) -> Deferred[str]:
        """
        Check a login.

        Args:
            credentials: The name and the password, or the digest.
            client: The address of the client; "" for a UNIX socket.
            in_tls: True if the connection has TLS.

        Returns:
            A Deferred of the text that rejects the login; "" if it is accepted.  It does not fail.
        """
        refusal = self.refusal(client, in_tls)
        if refusal or self._checker is None:
            return succeed(refusal)
        if self._blocked.get(counted_address(client), 0.0) > self._clock.seconds():
            return succeed(TOO_MANY)
        if self._checking >= AT_A_TIME:
            return succeed(BUSY)
        self._checking += 1
        found = maybeDeferred(self._checker.requestAvatarId, credentials).addTimeout(TIMEOUT, self._clock)
        refusals = found.addCallbacks(lambda _: "", self._refuse, (), {}, (credentials.username, client), {})
        return refusals.addBoth(self._checked)

    def _refuse(self, failure: Failure, name: bytes, client: str) -> str:
        if not failure.check(UnauthorizedLogin):
            log.failure("pop3: a login cannot be checked", failure)
            return BUSY
        text = name[:100].decode("utf-8", "backslashreplace")
        log.warn("pop3: the login of {name!r} from {client} was rejected", name=text, client=client or "unix")
        address = counted_address(client)
        wait = self._attempts.take(address, ATTEMPTS, SECONDS)
        if wait:
            self._blocked[address] = self._clock.seconds() + wait
            self._blocked.move_to_end(address)
            while len(self._blocked) > MOST:
                self._blocked.popitem(last=False)
        return WRONG

    def _checked(self, refusal: str) -> str:
        self._checking -= 1
        return refusal
