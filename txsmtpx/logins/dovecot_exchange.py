"""The server's half of a mechanism that Dovecot offers: responses go to Dovecot, and challenges come back."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Mapping

from twisted.cred.credentials import ICredentials
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import Attribute, implementer

from txsmtpx.errors import SMTPError
from txsmtpx.extensions.auth import UNKNOWN_MECHANISM_504
from txsmtpx.grammar import replies
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import Connection, ISASLServer
from txsmtpx.logins.dovecot_client import DovecotClient
from txsmtpx.logins.dovecot_connection import DovecotConnection
from txsmtpx.logins.dovecot_lines import Accepted, Answer, Challenge, DovecotError, Refused, read_base64
from txsmtpx.sasl.external import EXTERNAL

log = Logger(__name__)

MAX_FIELD = 200
"""Characters of Dovecot's reason in a reply, and of a name in a certificate."""

USER_DISABLED_525 = Reply(525, (5, 7, 13), "User account disabled")
"""To AUTH, if Dovecot reports that the account of the user is disabled (RFC 5248 §2.4)."""

_TIMED_OUT = "Authentication request timed out"  # Dovecot's own words, for a client that has waited too long


class IDovecotLogin(ICredentials):
    """
    Dovecot has accepted the login of ``username``.

    Only the server's half of a mechanism that Dovecot offers creates these credentials.
    """

    username: bytes = Attribute("The user name that Dovecot has returned, in UTF-8.")


@implementer(IDovecotLogin)
class DovecotLogin:
    """
    The credentials.  See `IDovecotLogin`.

    Args:
        username: The user name.
    """

    def __init__(self, username: bytes) -> None:
        self.username = username

    def __repr__(self) -> str:
        return f"<DovecotLogin {self.username!r}>"


@implementer(ISASLServer)
class DovecotServer:
    """
    The server's half of a mechanism that Dovecot offers.

    Attributes:
        username: The user name that Dovecot has rejected; ``b""`` before that.
        failure_delayed: True if Dovecot has rejected the login, which it does after a delay.

    Args:
        mechanism: The name of the mechanism.
        client: The client of Dovecot.
        connection: The connection of the client that logs in.
    """

    def __init__(self, mechanism: str, client: DovecotClient, connection: Connection) -> None:
        self.username: bytes = b""
        self.failure_delayed: bool = False
        self._mechanism = mechanism
        self._client = client
        self._peer = connection
        self._dovecot: DovecotConnection | None = None
        self._number = 0
        self._outcome: Accepted | Refused | None = None  # known before the client has answered the last challenge

    def next(self, response: bytes | None) -> bytes | Deferred[bytes | DovecotLogin]:
        """
        Pass a response on to Dovecot.

        Args:
            response: The response; None if the client has sent none yet.

        Returns:
            The next challenge, or the credentials.

        Raises:
            SMTPError: Dovecot has rejected the login, or cannot be asked: 454 4.7.0.  The Deferred fails.
            ValueError: The response is too long for Dovecot; the Deferred fails.
        """
        if response is None and self._mechanism == EXTERNAL.name:
            return b""  # the response selects a name of the certificate, which Dovecot gets at the beginning
        return Deferred.fromCoroutine(self._ask(response))

    async def _ask(self, response: bytes | None) -> bytes | DovecotLogin:
        try:
            if self._outcome is not None:
                return self._end(self._outcome)
            answer = await (await self._sent(response))
            if isinstance(answer, Challenge):
                return answer.octets
            if "resp" in answer.fields:  # SMTP has no data with its last reply
                self._outcome = answer
                return read_base64(answer.fields["resp"])
            return self._end(answer)
        except DovecotError as error:
            text = "session={session} no answer of Dovecot to AUTH {mechanism}: {error}"
            log.error(text, session=self._peer.session_id, mechanism=self._mechanism, error=str(error))
            raise SMTPError.from_reply(replies.TEMPORARY_LOGIN_FAILURE_454) from error

    async def _sent(self, response: bytes | None) -> Awaitable[Answer]:
        if self._dovecot is None:
            self._dovecot = await self._client.usable()
            if self._mechanism not in self._dovecot.mechanisms:
                raise SMTPError.from_reply(UNKNOWN_MECHANISM_504)
            parameters = _parameters(self._peer, response or b"")
            self._number, answer = self._dovecot.begin(self._mechanism, parameters, response)
            return answer
        if not self._dovecot.usable:
            raise DovecotError("it has closed the connection within the exchange")
        return self._dovecot.go_on(self._number, response or b"")

    def _end(self, outcome: Accepted | Refused) -> DovecotLogin:
        fields = outcome.fields
        username = fields.get("user", "").encode("utf-8", "surrogateescape")
        if isinstance(outcome, Refused):
            self.username = username
            self.failure_delayed = True
            raise SMTPError.from_reply(_refusal(fields))
        if not username or not fields["user"].isprintable():  # a surrogate stands for an octet that is not UTF-8
            raise DovecotError("the answer OK names no user in printable UTF-8")
        if {"proxy", "nopassword"} <= fields.keys():
            raise DovecotError("the password is unchecked, since the user is one of another server (proxy, nopassword)")
        if "nologin" in fields:
            self.username = username
            raise SMTPError.from_reply(_refusal({**fields, "code": "user_disabled"}))
        return DovecotLogin(username)


def _refusal(fields: Mapping[str, str]) -> Reply:
    """Return the reply to a login that Dovecot has refused, with the reason that Dovecot gives to the user."""
    code = fields.get("code", "")
    if code == "temp_fail" or "temp" in fields or fields.get("reason") == _TIMED_OUT:
        reply = replies.TEMPORARY_LOGIN_FAILURE_454
    elif code == "user_disabled" or "user_disabled" in fields:
        reply = USER_DISABLED_525
    else:
        reply = replies.BAD_CREDENTIALS_535
    reason = re.sub("[^!-~]+", " ", fields.get("reason", "")).strip(" ")[:MAX_FIELD]
    if not reason and (code == "pass_expired" or "pass_expired" in fields):
        reason = "Password expired"
    return Reply(reply.code, reply.enhanced_code, reason) if reason else reply


def _parameters(connection: Connection, response: bytes) -> Mapping[str, str]:
    """Return what Dovecot is told of the client: for its log, its delays, its rules, and for EXTERNAL."""
    parameters = {"service": "smtp"}
    if connection.tls is not None:
        parameters["secured"] = "tls"
        if EXTERNAL.available(connection):
            names = [each for each in connection.tls.peer_names if len(each) <= MAX_FIELD]  # a part is another name
            wanted = response.decode("utf-8", "replace")
            parameters["valid-client-cert"] = ""
            if names:  # Dovecot uses it if auth_ssl_username_from_cert is set
                parameters["cert_username"] = wanted if wanted in names else names[0]
    parameters["session"] = connection.session_id
    for prefix, address in (("l", connection.host), ("r", connection.peer)):
        if isinstance(address, IPv4Address | IPv6Address):
            parameters[f"{prefix}ip"] = address.host
            parameters[f"{prefix}port"] = str(address.port)
    return parameters
