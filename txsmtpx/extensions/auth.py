"""
RFC 4954: AUTH, the verb, the exchange, and the parameter of MAIL.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from txsmtpx.dialog.result import settle
from txsmtpx.errors import SMTPError
from txsmtpx.extensions.extension import Extension, State, Verb
from txsmtpx.grammar import path, replies, xtext
from txsmtpx.grammar.options import MailOptions, Parameter
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import ICredentialsBackend, ISASLServer

if TYPE_CHECKING:
    from txsmtpx.dialog.server import ServerDialog

log = Logger()


def _announce(dialog: ServerDialog) -> str | None:
    return " ".join(mechanism.name for mechanism in dialog.offered) or None


def auth(dialog: ServerDialog, argument: str) -> Any:
    """§4."""
    if dialog.connection.username is not None:
        return replies.AUTHENTICATED_503
    name, _, initial = argument.partition(" ")
    if not name:
        return replies.syntax_501(_VERB.syntax)
    mechanism = next((each for each in dialog.settings.mechanisms if each.name == name.upper()), None)
    if mechanism is None:
        return replies.UNKNOWN_MECHANISM_504
    if mechanism not in dialog.offered:
        return replies.TLS_FOR_MECHANISM_538
    exchange = Exchange(dialog, mechanism.server(dialog.connection))
    if not initial:
        return exchange.step(None)
    return exchange.line(b"" if initial == "=" else initial.encode())  # §4: "=" is an empty response


class Exchange:
    """One exchange: challenges and responses until there are credentials, and what becomes of them."""

    def __init__(self, dialog: ServerDialog, server: ISASLServer) -> None:
        self._dialog = dialog
        self._server = server

    def line(self, line: bytes) -> Any:
        """A response, in base64; or the client gives up."""
        self._dialog.end_exchange()
        if line == b"*":
            return replies.NO_MORE_CREDENTIALS_501
        try:
            response = base64.b64decode(line, validate=True)
        except binascii.Error:
            return replies.BAD_BASE64_501
        return self.step(response)

    def step(self, response: bytes | None) -> Any:
        """The mechanism's turn."""
        try:
            answer = self._server.next(response)
        except ValueError:
            return replies.BAD_RESPONSE_501
        except SMTPError:
            return self._failed(Failure())
        return self._dialog.ask(answer, self._answered)

    def _answered(self, answer: Any) -> Any:
        if isinstance(answer, bytes):
            self._dialog.converse(self.line)
            return replies.challenge_334(base64.b64encode(answer).decode("ascii"))
        username = answer.username.decode("utf-8")
        try:
            session = settle(_log_in(self._dialog, answer))
        except Exception:
            return self._failed(Failure())
        if isinstance(session, Deferred):
            return session.addCallbacks(self._entered, self._failed, callbackArgs=(username,))
        return self._entered(session, username)

    def _entered(self, session: Any, username: str) -> Reply:
        self._dialog.enter_session(session, username)
        session_id = self._dialog.connection.session_id
        log.info("{username!r} logged in ({session_id})", username=username, session_id=session_id)
        return replies.AUTHENTICATED_235

    def _failed(self, failure: Failure) -> Any:
        """
        Refused: counted, and answered the later the oftener it happens, so that nobody guesses for long.

        @raise Exception: it was no refusal but a failure of the backend's own.
        """
        if failure.check(UnauthorizedLogin):
            reply = replies.BAD_CREDENTIALS_535
        elif isinstance(failure.value, SMTPError):
            reply = failure.value.reply
        else:
            failure.raiseException()
        dialog = self._dialog
        dialog.failed_logins += 1
        log.info(
            "login refused ({session_id}, [{peer}], the {count}. time)",
            session_id=dialog.connection.session_id,
            peer=dialog.connection.peer_host,
            count=dialog.failed_logins,
        )
        return self._slowly(reply)

    def _slowly(self, reply: Reply) -> Deferred[Reply | None]:
        dialog = self._dialog
        timer: IDelayedCall
        answered: Deferred[Reply | None] = Deferred(lambda _: timer.cancel())
        delay = dialog.settings.auth_failure_delay * dialog.failed_logins
        timer = dialog.settings.clock.callLater(delay, answered.callback, reply)
        if dialog.failed_logins < dialog.settings.max_auth_failures:
            return answered

        def last(reply: Reply | None) -> Reply:
            assert reply is not None
            dialog.reply(reply)
            return replies.TOO_MANY_FAILED_LOGINS_421

        return answered.addCallback(last)


def _log_in(dialog: ServerDialog, credentials: Any) -> Any:
    backend = dialog.settings.backend
    if ICredentialsBackend.providedBy(backend):
        return backend.authenticate(dialog.connection, credentials)
    username, password = credentials.username.decode("utf-8"), credentials.password.decode("utf-8", "replace")
    return backend.login(dialog.connection, username, password)


def _decode(text: str | None) -> str:
    """§5: who first submitted the message, "" for <>."""
    if not text:
        raise ValueError("takes an address in xtext, or <>")
    return "" if text == "<>" else path.parse_mailbox(xtext.decode(text))


def _encode(address: str) -> str:
    return xtext.encode(address) if address else "<>"


def _check(dialog: ServerDialog, options: MailOptions) -> Reply | None:
    """Not announced, as in the clear, is not accepted."""
    return replies.unknown_parameter_555("AUTH") if options.auth is not None and not dialog.offered else None


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
    read=lambda text: frozenset(text.upper().split()),
    mail=(Parameter("AUTH", "auth", _decode, _encode, "AUTH=address in xtext, or AUTH=<>"),),
    check_mail=_check,
    verbs=(_VERB,),
)
