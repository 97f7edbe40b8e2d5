"""
The login of a web site: a name and a password (Basic, RFC 7617), or a token (Bearer, RFC 6750).

Theory of operation: a browser sends the password with each request, and a check of it may take a tenth of a second.  So
a password that was accepted is remembered for `REMEMBERED` seconds, by a keyed hash.  Attempts that are not remembered
are counted by the address of the client.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections import OrderedDict
from ipaddress import ip_address

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.server import Request

from txsmtpx.grammar import asciitext
from txsmtpx.grammar.host import counted_address
from txsmtpx.stores.memory_store import MemoryStore
from txsmtpx.web.api_tokens import ApiTokens
from txsmtpx.web.site_name import SiteName
from txsmtpx.web.site_request import address_of, set_login
from txsmtpx.wire.http_site import values_of

log = Logger(__name__)

ATTEMPTS = 10
"""Attempts of a client in `SECONDS`; after that, 429."""

SECONDS = 60
"""Seconds in which a client has `ATTEMPTS`."""

REMEMBERED = 300
"""Seconds for which an accepted password is not checked again."""

MOST = 1000
"""Accepted passwords that are remembered."""

AT_A_TIME = 16
"""Passwords that are checked at the same time.  A further request gets 503."""

TIMEOUT = 30
"""Seconds for the check of a password."""

Refusal = tuple[int, str]
"""A status code, and one line for the client."""

_WRONG: Refusal = (401, "The name or the password is wrong.")
_BUSY: Refusal = (503, "The login cannot be checked now. Try again later.")


class WebLogin:
    """
    Check the login of each request.  `CheckedSite` uses one if there is one.

    Args:
        site: The name of the site.
        checker: It checks names and passwords: the credentials are `twisted.cred.credentials.IUsernamePassword`.
        tokens: The tokens of programs; None for none.
        clock: It keeps the time.
    """

    def __init__(
        self, site: SiteName, checker: ICredentialsChecker, tokens: ApiTokens | None, clock: IReactorTime
    ) -> None:
        self._site = site
        self._checker = checker
        self._tokens = tokens
        self._clock = clock
        self._attempts = MemoryStore(reactor=clock)
        self._key = secrets.token_bytes(32)
        self._accepted: OrderedDict[bytes, float] = OrderedDict()
        self._checking = 0

    def check(self, request: Request) -> Refusal | Deferred[Refusal | None] | None:
        """
        Check a request.

        Args:
            request: The request.

        Returns:
            None if the login is accepted, otherwise the error.  Or a Deferred of these, which does not fail.
        """
        address = address_of(request)
        if address.scheme != "https" and not is_this_host(address.client):
            needs = f"{self._site.beginning} has a login, so it needs HTTPS."
            return 403, f"{needs} Use https:, or a proxy that is a {self._site.named('proxy')}."
        values = values_of(request, b"Authorization")
        if len(values) != 1:
            return self._challenge(request, (401, f"{self._site.beginning} needs a login."))
        scheme, _, value = values[0].partition(" ")
        kind = asciitext.lower(scheme)
        if kind == "bearer" and self._tokens:
            token = self._tokens.name_of(value.strip(" ").encode("latin-1"))
            if token:
                set_login(request, token)
                return None
        credentials = _credentials(value) if kind == "basic" else None
        if credentials is not None:
            set_login(request, credentials.username.decode("utf-8", "backslashreplace"))
        hashed = hmac.digest(self._key, values[0].encode("latin-1"), hashlib.sha256)
        if self._accepted.get(hashed, 0.0) > self._clock.seconds():
            return None
        wait = self._attempts.take(counted_address(address.client), ATTEMPTS, SECONDS)
        if wait:
            request.setHeader("Retry-After", str(int(wait) + 1))
            return 429, "There were too many attempts to log in. Try again later."
        if credentials is None:
            return self._challenge(request, _WRONG)
        if self._checking >= AT_A_TIME:
            return _BUSY
        self._checking += 1
        found = maybeDeferred(self._checker.requestAvatarId, credentials).addTimeout(TIMEOUT, self._clock)
        attempt = (request, credentials.username, address.client)
        refusal = found.addCallbacks(self._accept, self._refuse, (hashed,), {}, attempt, {})
        return refusal.addBoth(self._checked)

    def _accept(self, user: object, hashed: bytes) -> None:
        self._accepted[hashed] = self._clock.seconds() + REMEMBERED
        while len(self._accepted) > MOST:
            self._accepted.popitem(last=False)

    def _refuse(self, failure: Failure, request: Request, name: bytes, client: str) -> Refusal:
        if failure.check(UnauthorizedLogin):
            text = name[:100].decode("utf-8", "backslashreplace")
            log.warn(
                "web {site}: the login of {name!r} from {client} was rejected",
                site=self._site.name,
                name=text,
                client=client or "unix",
            )
            return self._challenge(request, _WRONG)
        log.failure("web {site}: a login cannot be checked", failure, site=self._site.name)
        return _BUSY

    def _checked(self, refusal: Refusal | None) -> Refusal | None:
        self._checking -= 1
        return refusal

    def _challenge(self, request: Request, refusal: Refusal) -> Refusal:
        request.setHeader("WWW-Authenticate", f'Basic realm="{self._site.name}", charset="UTF-8"')
        return refusal


def is_this_host(client: str) -> bool:
    """
    Return whether a client is on this host, so that its requests do not cross a network.

    Args:
        client: The address of the client; "" for a UNIX socket.

    Returns:
        True for a loopback address and for a UNIX socket.

    Example:
        >>> is_this_host("127.0.0.1"), is_this_host("192.0.2.1")
        (True, False)
    """
    try:
        return client == "" or ip_address(client).is_loopback
    except ValueError:
        return False


def _credentials(value: str) -> UsernamePassword | None:
    try:
        name, colon, password = base64.b64decode(value.strip(" "), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return None
    return UsernamePassword(name, password) if colon else None
