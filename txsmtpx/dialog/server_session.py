"""
What a client has with the backend: its session, which begins with a login or the first MAIL, and its transactions.

The functions here take the dialog, as those of verbs do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from txsmtpx.dialog.extension import Answer
from txsmtpx.dialog.message import MessageAborted
from txsmtpx.dialog.state import CLOSED, READY, START
from txsmtpx.interfaces import SessionLike
from txsmtpx.interfaces.connection import NO_ATTRIBUTES
from txsmtpx.sasl.mechanism import Mechanism
from txsmtpx.setting import shown
from txsmtpx.settling import settle, then

if TYPE_CHECKING:
    from txsmtpx.dialog.server import ServerDialog
    from txsmtpx.dialog.server_transaction import Transaction

log = Logger(__name__)

NO_DOMAINS: frozenset[str] = frozenset()  # one for all, since an empty set takes 216 octets


def offered(dialog: ServerDialog) -> tuple[Mechanism, ...]:
    """
    Return the SASL mechanisms that the client may use now.

    Args:
        dialog: The client's dialog.

    Returns:
        The mechanisms; none in the clear, unless `Settings.allow_insecure_auth` is set.
    """
    connection, settings = dialog.connection, dialog.settings
    if connection.tls is None and not settings.allow_insecure_auth:
        return ()
    return tuple(each for each in settings.mechanisms if each.available(connection))


def with_session(dialog: ServerDialog, use: Callable[[SessionLike], Answer]) -> Answer:
    """
    Use the backend's session, which the backend is asked for at the first MAIL.

    Args:
        dialog: The client's dialog.
        use: Gets the session.

    Returns:
        What `use` returns, or a Deferred of it.
    """
    if dialog.session is not None:
        return use(dialog.session)

    def got(session: SessionLike) -> Answer:
        enter_session(dialog, session, dialog.connection.username)  # XCLIENT may have set it
        return None if dialog.link is CLOSED else use(session)

    answer: Answer = then(dialog.settings.backend.anonymous_login(dialog.connection), got)
    return answer


def no_session(session: object, backend: object) -> TypeError:
    """
    Return the error for a backend that has returned something else than a session.

    Args:
        session: What the backend has returned for a login.
        backend: The backend.

    Returns:
        The error.
    """
    name = type(backend).__qualname__
    return TypeError(f"the backend {name} must return a session (ISession), not {shown(session)}")


def enter_session(dialog: ServerDialog, session: SessionLike, username: str | None) -> None:
    """
    Begin a session of the backend, and end the one before it.

    Args:
        dialog: The client's dialog.
        session: What the backend has returned for a login.
        username: The user; None for an anonymous login.

    Raises:
        TypeError: It is no session.
    """
    if not hasattr(session, "logout") or isinstance(session, type):
        raise no_session(session, dialog.settings.backend)
    end_session(dialog)
    dialog.session = session
    if dialog.link is CLOSED:  # the client has gone while the backend made the session
        end_session(dialog)
    dialog.connection.username = username
    dialog.table = dialog.settings.tables.supporting(session)
    dialog.enter(dialog.state)


def end_session(dialog: ServerDialog) -> Deferred[None] | None:
    """
    Abort the transaction, and log out, once each.

    Args:
        dialog: The client's dialog.

    Returns:
        A Deferred that fires when `reset` and `logout` are done; None if they are.
    """
    session = dialog.session

    def log_out() -> Answer:
        return None if session is None else inform(dialog, session.logout)

    ending = abort_transaction(dialog, log_out)
    dialog.session = None
    dialog.table = dialog.settings.tables.usual
    return cast(Deferred[None] | None, ending)


def end_connection(dialog: ServerDialog) -> Deferred[None] | None:
    """
    End the session, and tell the policy that the client has gone.

    Args:
        dialog: The client's dialog.

    Returns:
        A Deferred that fires when `reset`, `logout` and the `disconnected` of the policy are done; None if they are.
    """
    ending = end_session(dialog)
    policy = dialog.settings.policy
    informed = None if policy is None else policy.disconnected(dialog.connection)
    if ending is None or informed is None:
        return ending if informed is None else informed
    return ending.addCallback(lambda _: informed)


def forget_hello(dialog: ServerDialog) -> None:
    """
    Forget all that the client has sent (RFC 3207 §4.2).

    Args:
        dialog: The client's dialog.
    """
    end_session(dialog)
    dialog.end_exchange()
    dialog.connection.forget()
    dialog.authenticated = False
    dialog.state = START


def abort_transaction(dialog: ServerDialog, go_on: Callable[[], Answer]) -> Answer:
    """
    Abort the transaction, if one is open.

    Args:
        dialog: The client's dialog.
        go_on: Called when the backend's `reset` is done.

    Returns:
        What `go_on` returns, or a Deferred of it.
    """
    transaction = dialog.transaction
    if transaction is None:
        if dialog.state is not START:
            dialog.go_on(READY)
        return go_on()
    transaction.abort(MessageAborted("the client has aborted the message"))
    waiting = leave_transaction(dialog, transaction)
    return go_on() if waiting is None else waiting.addCallback(lambda _: go_on())


def leave_transaction(dialog: ServerDialog, transaction: Transaction) -> Deferred[None] | None:
    """
    Leave a transaction that is over: observers get its summary, and the backend's session is reset.

    Args:
        dialog: The client's dialog.
        transaction: The open transaction.

    Returns:
        A Deferred that fires when `reset` is done; None if it is.
    """
    dialog.transaction = None
    if dialog.state is not START:
        dialog.go_on(READY)
    concluded = dialog.observers.concluded
    if concluded is not None:
        concluded(transaction.summary(dialog.link is CLOSED))
    dialog.connection.xforward = NO_ATTRIBUTES  # which was about this one
    return None if dialog.session is None else inform(dialog, dialog.session.reset)


def inform(dialog: ServerDialog, method: Callable[[], object]) -> Deferred[None] | None:
    """
    Call `reset` or `logout` of a session.  If it fails, the log says so, and the client does not notice.

    Args:
        dialog: The client's dialog.
        method: `reset` or `logout` of the session.

    Returns:
        A Deferred that fires when the method is done; None if it is.
    """
    try:
        result = method()
        if result is None:
            return None
        result = settle(result)
    except BaseException:
        _failed(Failure(), dialog, method)
        return None
    if not isinstance(result, Deferred):
        return None
    return result.addErrback(_failed, dialog, method).addCallback(_done)


def _failed(failure: Failure, dialog: ServerDialog, method: Callable[[], object]) -> None:
    if dialog.link is CLOSED and failure.check(CancelledError, asyncio.CancelledError):
        return  # the dialog cancels it if the connection is lost, and a drain at its deadline
    name, session_id = getattr(method, "__name__", "a method"), dialog.connection.session_id
    log.failure("session={session} {method} failed", failure=failure, session=session_id, method=name)


def _done(result: object) -> None:
    """Whatever the method has returned is ignored."""
