"""
The policy for clients: what the program and the backend decide before the greeting, and at HELO, EHLO and LHLO.

Theory of operation.  The dialog asks before its greeting (RFC 5321 §3.1), at each HELO, EHLO and LHLO, and after
XCLIENT, which names another client.  While an answer is pending, the dialog waits as it does for a backend.  So what
the client sends meanwhile waits too.  The wait has a limit (`LIMIT`), and a lost connection cancels it.  STARTTLS asks
nothing, since the client sends EHLO again (RFC 3207 §4.2).

A server without a policy has none of this: `Settings.policy` is None.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from txsmtpx.dialog.extension import Answer, Extension, Verb
from txsmtpx.dialog.observer import Notifier
from txsmtpx.dialog.outcome_reply import complete, fits
from txsmtpx.dialog.state import CLOSED
from txsmtpx.errors import SMTPError
from txsmtpx.grammar import replies
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import BackendLike, ClientPolicy, Connection, Policy, Results, provides
from txsmtpx.setting import shown
from txsmtpx.settling import deferred_call, settle, then

if TYPE_CHECKING:
    from txsmtpx.dialog.server import ServerDialog

log = Logger(__name__)

LIMIT = 240.0
"""Seconds that a decision may take.  A client waits 300 for the greeting (RFC 5321 §4.5.3.2.1)."""

GREETING_ERROR_421 = Reply(421, (4, 3, 0), "Local error in processing")
"""Instead of the greeting, if the policy has failed."""

_Decision = Reply | Deferred[Reply | None] | None


class ClientPolicies:
    """
    The function of the program, and the backend.  The factory creates it, `policies_of`, for all connections.

    Args:
        function: The function of the program; None without one.
        backend: The backend, if it is an `IClientPolicy`; None otherwise.
        clock: Limits the decisions.
        filtered: Notifies the observers of the verdicts of filters.
    """

    def __init__(
        self, function: Policy | None, backend: ClientPolicy | None, clock: IReactorTime, filtered: Notifier
    ) -> None:
        self._function = function
        self._backend = backend
        self._clock = clock
        self._filtered = filtered
        self._connected: set[Connection] = set()  # those that the backend knows

    def connected(self, dialog: ServerDialog) -> _Decision:
        """
        Ask about a client.

        Args:
            dialog: The client's dialog.

        Returns:
            None, or the reply that refuses the client; or a Deferred of either.
        """
        dialog.connection.filtered = self._filtered
        dialog.connection.results = Results()  # after XCLIENT, those of another client were there
        return self._limited(dialog, self._on_connect(dialog.connection), "before the greeting", GREETING_ERROR_421)

    def hello(self, dialog: ServerDialog, name: str) -> _Decision:
        """
        Ask about the name of a client.

        Args:
            dialog: The client's dialog.
            name: The argument of HELO, EHLO or LHLO.

        Returns:
            None, or the reply that rejects the command; or a Deferred of either.
        """
        return self._limited(dialog, self._on_hello(dialog.connection, name), "at HELO", replies.LOCAL_ERROR_451)

    def disconnected(self, connection: Connection) -> Deferred[None] | None:
        """
        Tell the backend that a client has gone, if the backend knows the client.

        Args:
            connection: The client's connection.

        Returns:
            A Deferred that fires when the backend's `disconnected` is done; None if the backend does not know the
            client.
        """
        if self._backend is None or connection not in self._connected:
            return None
        self._connected.remove(connection)
        informed = deferred_call(self._backend.disconnected, connection)
        return informed.addErrback(_disconnect_failed, connection).addCallback(lambda _: None)

    async def _on_connect(self, connection: Connection) -> Reply | None:
        reply: object = None if self._function is None else await deferred_call(self._function, connection)
        if reply is None and self._backend is not None:
            self._connected.add(connection)
            reply = await deferred_call(self._backend.connected, connection)
        return _rejection(reply)

    async def _on_hello(self, connection: Connection, name: str) -> Reply | None:
        return None if self._backend is None else _rejection(await deferred_call(self._backend.hello, connection, name))

    def _limited(
        self, dialog: ServerDialog, decision: Awaitable[Reply | None], stage: str, failed: Reply
    ) -> _Decision:
        """Return the result of a decision; `failed` if it fails, or takes too long."""

        def too_late(result: object, seconds: float) -> Reply:
            text = "session={session} the policy {stage} has not decided in {seconds} seconds"
            log.warn(text, session=dialog.connection.session_id, stage=stage, seconds=seconds)
            return failed

        def failure(failure: Failure) -> Reply:
            error = failure.value
            if isinstance(error, SMTPError) and fits(error.reply) and not error.reply.positive:
                return complete(error.reply)
            if dialog.link is not CLOSED:  # it is not the lost connection that has cancelled the decision
                text = "session={session} the policy {stage} failed"
                log.failure(text, failure=failure, session=dialog.connection.session_id, stage=stage)
            return failed

        try:
            settled: _Decision = settle(decision)
        except BaseException:
            return failure(Failure())
        if isinstance(settled, Deferred):
            settled.addTimeout(LIMIT, self._clock, onTimeoutCancel=too_late)
            return settled.addErrback(failure)
        return settled


def policies_of(
    function: Policy | None, backend: BackendLike, clock: IReactorTime, filtered: Notifier
) -> ClientPolicies | None:
    """
    Return the policy of a server.

    Args:
        function: The function of the program; None without one.
        backend: The backend.
        clock: Limits the decisions.
        filtered: Notifies the observers of the verdicts of filters.

    Returns:
        The policy; None if nothing is to be asked.
    """
    asked = backend if provides(backend, ClientPolicy) else None
    return None if function is None and asked is None else ClientPolicies(function, asked, clock, filtered)


def greet(dialog: ServerDialog) -> Answer:
    """
    Greet a client, or refuse it; also the client that XCLIENT has named.

    Args:
        dialog: The client's dialog.

    Returns:
        The greeting; None if the connection is closed instead; or a Deferred of either.
    """
    greeting = dialog.settings.greeting
    policy = dialog.settings.policy
    if policy is None:
        return greeting

    def decided(refusal: Reply | None) -> Reply | None:
        if refusal is None:
            return greeting
        dialog.say_goodbye(instead_of_greeting(refusal))
        return None

    answer: Answer = then(policy.connected(dialog), decided)
    return answer


def instead_of_greeting(reply: Reply) -> Reply:
    """
    Return a rejection as a client understands it where it expects the greeting.

    Args:
        reply: 4xx or 5xx.

    Returns:
        The reply with the code 421, 521 or 554 (RFC 5321 §3.1 and §3.8, RFC 7504).

    Example:
        >>> instead_of_greeting(Reply(550, (5, 7, 1), "Not from your address"))
        Reply(554, (5, 7, 1), 'Not from your address')
    """
    if reply.code == 521:
        return reply
    return Reply(421 if reply.temporary else 554, reply.enhanced_code, *reply.lines)


@cache
def asking(protocol: Extension) -> Extension:
    """
    Return a protocol for servers with a policy.  A server without one does not even ask whether there is a policy.

    Args:
        protocol: `txsmtpx.extensions.smtp.SMTP` or `txsmtpx.extensions.lmtp.LMTP`.

    Returns:
        The same, with a HELO, EHLO or LHLO that the policy accepts first.
    """
    verbs = (_asking(verb) if verb.name in ("HELO", "EHLO", "LHLO") else verb for verb in protocol.verbs)
    return replace(protocol, verbs=tuple(verbs))


def _asking(hello: Verb[ServerDialog]) -> Verb[ServerDialog]:
    def run(dialog: ServerDialog, argument: str) -> Answer:
        connection, policy = dialog.connection, dialog.settings.policy
        if not argument or policy is None:
            return hello.run(dialog, argument)  # the first is a syntax error

        def decided(refusal: Reply | None) -> Answer:
            if refusal is None:
                return hello.run(dialog, argument)
            connection.closing = connection.closing or refusal.code == 521  # RFC 7504
            return refusal

        name = connection.xclient.get("HELO") or argument.partition(" ")[0]
        answer: Answer = then(policy.hello(dialog, name), decided)
        return answer

    return replace(hello, run=run)


def _rejection(reply: object) -> Reply | None:
    """
    Return a decision, which is one.

    Returns:
        The decision, with an enhanced code.

    Raises:
        TypeError: It is none.
    """
    if reply is None:
        return None
    if isinstance(reply, Reply) and fits(reply) and not reply.positive:
        return complete(reply)
    raise TypeError(f"a policy must return None or a Reply of 4xx or 5xx, not {shown(reply)}")


def _disconnect_failed(failure: Failure, connection: Connection) -> None:
    if failure.check(CancelledError, asyncio.CancelledError):
        return  # a drain cancels it at its deadline
    log.failure("session={session} disconnected() failed", failure=failure, session=connection.session_id)
