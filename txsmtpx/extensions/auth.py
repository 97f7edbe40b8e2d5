"""
AUTH (RFC 4954): the command, the SASL exchange, and the parameter of MAIL.

The server counts the failed logins of a connection.  It delays each 535 by ``auth_failure_delay`` times their number,
and closes the connection after ``max_auth_failures``.  Postfix delays each error by a second
(``smtpd_error_sleep_time``); Dovecot delays failures by two (``auth_failure_delay``).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import cast

from twisted.cred.credentials import IAnonymous
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from txsmtpx.dialog.extension import Answer, Extension, Verb
from txsmtpx.dialog.outcome_reply import complete, fits
from txsmtpx.dialog.refusals import log_refused_login, refuse
from txsmtpx.dialog.secrets import HIDDEN, Secrets
from txsmtpx.dialog.server import ServerDialog
from txsmtpx.dialog.server_session import enter_session, offered
from txsmtpx.dialog.state import State
from txsmtpx.errors import SMTPError
from txsmtpx.grammar import asciitext, path, replies, xtext
from txsmtpx.grammar.esmtp_parameter import Parameter
from txsmtpx.grammar.malformed import Malformed
from txsmtpx.grammar.options import MailOptions
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import (
    Authorization,
    DelayedFailures,
    ICredentialsBackend,
    RefusalChallenge,
    SASLServerLike,
    SessionLike,
    Username,
    UsernamePasswordLike,
    provides,
)
from txsmtpx.sasl.mechanism import Mechanism
from txsmtpx.settling import Eventual, settle

log = Logger(__name__)

AUTHENTICATED_235 = Reply(235, (2, 7, 0), "Authentication succeeded")
"""To AUTH, if the login is accepted."""
TOO_MANY_FAILED_LOGINS_421 = Reply(421, (4, 7, 0), "Too many failed logins, closing the connection")
"""After `max_auth_failures` failed logins. The connection is closed."""
NO_MORE_CREDENTIALS_501 = Reply(501, (5, 7, 0), "Authentication cancelled")
"""To `*`, with which a client cancels AUTH."""
SERVER_FIRST_501 = Reply(501, (5, 7, 0), "That mechanism has no initial response")
"""To AUTH with an initial response, if the mechanism begins with a challenge."""
BAD_BASE64_501 = Reply(501, (5, 5, 2), "Not base64")
"""To a response of AUTH that is not base64."""
BAD_RESPONSE_501 = Reply(501, (5, 5, 2), "Malformed response for that mechanism")
"""To a response of AUTH that breaks the syntax of the mechanism."""
AUTHENTICATED_503 = Reply(503, (5, 5, 1), "Already authenticated")
"""To AUTH after a login."""
UNKNOWN_MECHANISM_504 = Reply(504, (5, 5, 4), "Authentication mechanism not offered")
"""To AUTH with a mechanism that the server does not offer."""
TLS_FOR_MECHANISM_538 = Reply(538, (5, 7, 11), "Encryption required for that authentication mechanism")
"""To AUTH without TLS, if the server offers the mechanism within TLS only."""


def challenge_334(text: str) -> Reply:
    """
    Return the reply to AUTH that asks for a response (RFC 4954 §4).

    Args:
        text: The challenge in base64.

    Returns:
        334.
    """
    return Reply(334, None, text)


def _announce(dialog: ServerDialog) -> str | None:
    return " ".join(mechanism.name for mechanism in offered(dialog)) or None


def auth(dialog: ServerDialog, argument: str) -> Answer:
    """
    Answer AUTH (§4).

    Args:
        dialog: The dialog of the client.
        argument: The name of a mechanism, and an initial response.

    Returns:
        A reply, None, or a Deferred of either.
    """
    if dialog.authenticated or dialog.connection.username is not None:
        return AUTHENTICATED_503
    name, _, initial = argument.partition(" ")
    if not name:
        return replies.syntax_501(_VERB.syntax)
    mechanism = next((each for each in dialog.settings.mechanisms if each.name == asciitext.upper(name)), None)
    if mechanism is None:
        return UNKNOWN_MECHANISM_504
    mechanisms = offered(dialog)
    if not mechanisms:
        return TLS_FOR_MECHANISM_538
    if mechanism not in mechanisms:  # within TLS, EXTERNAL still needs a certificate
        return UNKNOWN_MECHANISM_504 if dialog.connection.tls is not None else TLS_FOR_MECHANISM_538
    if initial and mechanism.server_first:
        return SERVER_FIRST_501
    exchange = Exchange(dialog, mechanism)
    if not initial:
        return exchange.step(None)
    initial = initial.lstrip(" ")
    return exchange.line(b"" if initial == "=" else initial.encode())  # §4: "=" is an empty response


class Exchange:
    """
    One exchange: challenges and responses until there are credentials, then the login.  `auth` creates it.

    An exchange that the client cancels counts as a failed login.  So does one that ends in a malformed response after a
    response that the mechanism has accepted: the work for that, such as a look-up, has been done.

    Args:
        dialog: The dialog of the client.
        mechanism: The mechanism.
    """

    def __init__(self, dialog: ServerDialog, mechanism: Mechanism) -> None:
        self._dialog = dialog
        self._mechanism = mechanism.name
        self._server: SASLServerLike = mechanism.server(dialog.connection, dialog.settings.backend)
        self._username: object = b""
        self._secrets = Secrets()
        self._taken = 0  # responses that the mechanism has accepted

    def line(self, line: bytes) -> Answer:
        """
        Handle a line of the client.

        Args:
            line: A response in base64; ``b"*"`` cancels the exchange.

        Returns:
            A reply, None, or a Deferred of either.
        """
        self._dialog.end_exchange()
        if line == b"*":
            return self._refuse(NO_MORE_CREDENTIALS_501)
        self._secrets.add(line)
        try:
            response = base64.b64decode(line, validate=True)
        except binascii.Error:
            return self._malformed(BAD_BASE64_501)
        if len(line) != 4 * -(-len(response) // 3):  # Python accepts padding behind padding (RFC 4648 §4)
            return self._malformed(BAD_BASE64_501)
        return self.step(response)

    def _malformed(self, reply: Reply) -> Answer:
        return self._refuse(reply) if self._taken else reply

    def step(self, response: bytes | None) -> Answer:
        """
        Pass a response to the mechanism.

        Args:
            response: The response; None if the client has sent no initial response.

        Returns:
            A reply, None, or a Deferred of either.
        """
        try:
            answer = settle(self._server.next(response))
        except BaseException:
            return self._stopped(Failure())
        if isinstance(answer, Deferred):
            return answer.addCallbacks(self._answered, self._stopped, callbackArgs=(response,))
        return self._answered(answer, response)

    def _stopped(self, failure: Failure) -> Answer:
        return self._malformed(BAD_RESPONSE_501) if failure.check(ValueError) else self._failed(failure)

    def _answered(self, answer: object, response: bytes | None) -> Answer:
        if isinstance(answer, bytes):
            self._taken += response is not None
            return self._challenge(answer, self.line)
        self._username = _username_of(answer)
        try:
            session = settle(_log_in(self._dialog, answer))
        except BaseException:
            return self._refused(Failure())
        if isinstance(session, Deferred):
            return session.addCallbacks(self._entered, self._refused, callbackArgs=(answer,))
        return self._entered(session, answer)

    def _challenge(self, octets: bytes, then: Callable[[bytes], Answer]) -> Reply:
        self._dialog.converse(then)
        return challenge_334(base64.b64encode(octets).decode("ascii"))

    def _entered(self, session: SessionLike, credentials: object) -> Reply:
        username = None
        if not IAnonymous.providedBy(credentials):
            acting_as = credentials.authorization if provides(credentials, Authorization) else ""
            username = acting_as or cast(Username, credentials).username.decode("utf-8")
        enter_session(self._dialog, session, username)
        connection = self._dialog.connection
        connection.mechanism, self._dialog.authenticated = self._mechanism, True
        log.info("session={session} {user!r} logged in", session=connection.session_id, user=username or "anonymous")
        return AUTHENTICATED_235

    def _refused(self, failure: Failure) -> Answer:
        """Reject the credentials.  Some mechanisms have a challenge before the reply."""
        wrong = failure.check(UnauthorizedLogin) or (isinstance(failure.value, SMTPError) and failure.value.code == 535)
        if not provides(self._server, RefusalChallenge) or not wrong:
            return self._failed(failure)
        reply = failure.value.reply if isinstance(failure.value, SMTPError) else replies.BAD_CREDENTIALS_535
        self._count(reply)

        def acknowledged(line: bytes) -> Answer:
            self._dialog.end_exchange()
            return self._slowly(NO_MORE_CREDENTIALS_501 if line == b"*" else reply)

        return self._challenge(self._server.refusal, acknowledged)

    def _failed(self, failure: Failure) -> Answer:
        """
        Reject the login.

        Returns:
            As `_refuse`.

        Raises:
            Exception: The backend has failed; it has not rejected the login.
        """
        if failure.check(UnauthorizedLogin):
            reply = replies.BAD_CREDENTIALS_535
        elif isinstance(failure.value, SMTPError) and fits(failure.value.reply) and not failure.value.reply.positive:
            reply = complete(failure.value.reply)
        else:
            failure.raiseException()
        return self._refuse(reply)

    def _refuse(self, reply: Reply) -> Answer:
        self._count(reply)
        return self._slowly(reply)

    def _count(self, reply: Reply) -> None:
        dialog = self._dialog
        dialog.failed_logins += 1
        username = self._username or _username_of(self._server)
        name = username.decode("utf-8", "backslashreplace") if isinstance(username, bytes) else str(username)
        shown = reply.one_line
        if self._secrets.within(shown, name):
            shown = str(Reply(reply.code, reply.enhanced_code, HIDDEN))
        log_refused_login(dialog.connection, self._mechanism, name, dialog.failed_logins, shown)

    def _slowly(self, reply: Reply) -> Deferred[None]:
        dialog = self._dialog
        answered: Deferred[None] = Deferred(lambda _: timer.cancel())
        delayed = provides(self._server, DelayedFailures) and self._server.failure_delayed
        delay = 0 if delayed else dialog.settings.auth_failure_delay * dialog.failed_logins
        timer = dialog.settings.clock.callLater(delay, answered.callback, None)

        def answer(_: None) -> None:
            if dialog.failed_logins < dialog.settings.max_auth_failures:
                refuse(dialog, reply, logged=True)
            else:
                dialog.reply(reply)
                dialog.say_goodbye(TOO_MANY_FAILED_LOGINS_421)

        return answered.addCallback(answer)


def _username_of(subject: object) -> object:
    """Return the user name of credentials or of a mechanism.  That of an application may be anything."""
    return getattr(subject, "username", b"") if provides(subject, Username) else b""


def _log_in(dialog: ServerDialog, credentials: object) -> Eventual[SessionLike]:
    backend = dialog.settings.backend
    if ICredentialsBackend.providedBy(backend):
        session: Eventual[SessionLike] = backend.authenticate(dialog.connection, credentials)
    else:
        given = cast(UsernamePasswordLike, credentials)
        name, password = given.username.decode("utf-8"), given.password.decode("utf-8", "replace")
        session = backend.login(dialog.connection, name, password)
    return session


def _decode(text: str | None) -> str:
    """
    Decode the user who first submitted the message (§5); "" for <>.

    curl writes the address in angle brackets, and does not encode it.  Others encode the brackets too.

    Returns:
        The address.
    """
    if not text:
        raise Malformed("takes an address in xtext, or <>")
    if not _bracketed(text):
        text = xtext.decode(text)
        return _mailbox(text[1:-1] if _bracketed(text) else text)
    try:
        return _mailbox(xtext.decode(text[1:-1]))
    except Malformed:
        return _mailbox(text[1:-1])


def _bracketed(text: str) -> bool:
    return text.startswith("<") and text.endswith(">")


def _mailbox(text: str) -> str:
    return path.parse_mailbox(text) if text else ""


def _encode(address: str) -> str:
    return xtext.encode(address) if address else "<>"


def _check(dialog: ServerDialog, options: MailOptions) -> Reply | None:
    """Reject the parameter while AUTH is not advertised, as on a connection without TLS."""
    return replies.unknown_parameter_555("AUTH") if options.auth is not None and not offered(dialog) else None


_VERB = Verb(
    "AUTH",
    auth,
    "AUTH mechanism [initial-response]",
    frozenset({State.READY}),
    misplaced=replies.NOT_IN_TRANSACTION_503,
    before_auth=True,
)

AUTH = Extension(
    "AUTH",
    "RFC 4954",
    announce=_announce,
    read=lambda text: frozenset(asciitext.words(asciitext.upper(text))),
    lists=True,
    mail=(Parameter("AUTH", "auth", _decode, _encode, "AUTH=address in xtext, or AUTH=<>"),),
    check_mail=_check,
    verbs=(_VERB,),
)
