"""A filter that asks a policy server of Postfix, such as postgrey or policyd-spf (SMTPD_POLICY_README)."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txsmtpx.arguments import checked
from txsmtpx.filters.access_action import Action, Word, parse
from txsmtpx.filters.policy_message import encode
from txsmtpx.filters.policy_pool import PolicyPool
from txsmtpx.filters.policy_request import Envelope, State, attributes
from txsmtpx.filters.reverse_name import ReverseName
from txsmtpx.filters.service_endpoint import service_endpoint
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import (
    Accept,
    AddRecipient,
    Change,
    ClientEndpoint,
    Connection,
    DataContext,
    DeleteRecipient,
    Discard,
    Quarantine,
    Reactor,
    Verdict,
    clock_of,
)
from txsmtpx.middleware.filter import Filter

log = Logger(__name__)

_KINDS: Mapping[State, str] = {
    "CONNECT": "Client host",
    "EHLO": "Helo command",
    "MAIL": "Sender address",
    "RCPT": "Recipient address",
    "DATA": "Data command",
    "END-OF-MESSAGE": "End-of-data",
}
"""What a reply of Postfix names at each stage."""

_STAGES: tuple[State, ...] = ("RCPT",)
"""The stages at which a server is asked by default."""

_OF_MESSAGES: Collection[Word] = ("BCC", "DISCARD", "HOLD", "PREPEND", "REDIRECT")
"""Actions on a message.  Postfix ignores them at the stages before MAIL."""


@dataclass(frozen=True)
class PolicyAnswer:
    """
    The answer of a policy server.

    Attributes:
        stage: The stage, such as "RCPT".
        action: The action, such as "DUNNO".
        text: The text of the action.

    Example:
        >>> PolicyAnswer("RCPT", "DEFER_IF_PERMIT", "Greylisted").facts()
        {'policy': 'DEFER_IF_PERMIT'}
    """

    stage: State
    action: Word
    text: str

    def facts(self) -> Mapping[str, str | int | float]:
        """
        Return the facts for the log.

        Returns:
            The action.
        """
        return {"policy": self.action}


class PolicyServer:
    """
    A maker of filters for `txsmtpx.FilterBackend`, which ask a policy server.

    If the server cannot be reached, or its answer cannot be used, the filter fails.

    Args:
        endpoint: The endpoint of the server, or its string, such as ``"unix:/run/postgrey.sock"``.
        stages: The stages at which the server is asked.  Most servers answer at "RCPT" only.
        context: The value of the attribute "policy_context".
        timeout: Seconds for an answer, with the time to connect.  The default is Postfix's.
        connections: The most connections at a time.  Further requests wait.
        idle: Seconds after which a connection without a request is closed.
        reactor: The reactor.  None: the global one.

    Attributes:
        holds: True if the server is asked at the end of the message.  Then it can change the message.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A value cannot be used.

    Example:
        >>> from twisted.internet import reactor
        >>> from txsmtpx import FilterBackend, MemoryBackend
        >>> backend = FilterBackend(MemoryBackend(), PolicyServer("unix:/run/postgrey.sock", reactor=reactor))
    """

    @checked
    def __init__(
        self,
        endpoint: ClientEndpoint | str,
        *,
        stages: Sequence[State] = _STAGES,
        context: str = "",
        timeout: float = 100,
        connections: int = 20,
        idle: float = 60,
        reactor: Reactor | None = None,
    ) -> None:
        if not stages:
            raise ValueError(f"stages has none; name one or more of {', '.join(_KINDS)}")
        if connections < 1:
            raise ValueError(f"connections is a number from 1, not {connections!r}")
        for name, seconds in (("timeout", timeout), ("idle", idle)):
            if not 0 < seconds < math.inf:
                raise ValueError(f"{name} is a number of seconds above 0, not {seconds!r}")
        clock = clock_of(reactor)
        self.stages: frozenset[State] = frozenset(stages)
        self.holds: bool = "END-OF-MESSAGE" in stages
        self.context = context
        self.pool = PolicyPool(service_endpoint(clock, endpoint), cast(IReactorTime, clock), timeout, connections, idle)

    def __call__(self, connection: Connection) -> PolicyFilter:
        """Return the filter for a connection."""
        return PolicyFilter(connection, self)

    async def check(self) -> str:
        """
        Connect to the server, for ``twistd smtpx --check``.  The protocol has no request without an effect.

        Returns:
            What the server does, and the stages at which it is asked.

        Raises:
            PolicyError: The server cannot be reached.
        """
        await self.pool.check()
        return f"accepts connections, and is asked at {', '.join(each for each in _KINDS if each in self.stages)}"


class PolicyFilter(Filter):
    """
    The filter of one connection.  `PolicyServer` creates it.

    Args:
        connection: The connection of the client.
        server: The maker, with its settings.
    """

    def __init__(self, connection: Connection, server: PolicyServer) -> None:
        super().__init__(connection)
        self._server = server
        self._transactions = 0
        self._deferrals: dict[State, Reply] = {}
        self._begin()

    def _begin(self) -> None:
        """Forget the transaction."""
        self._envelope = Envelope(f"{self.connection.session_id}.{self._transactions}")
        self._actions: list[Action] = []
        self._deferrals.pop("MAIL", None)

    async def connected(self, connection: Connection) -> Verdict:
        """
        Ask at CONNECT.

        Args:
            connection: The connection.

        Returns:
            The verdict.
        """
        name = connection.results.get(ReverseName)
        host = f"{(name.confirmed if name else '') or 'unknown'}[{connection.peer_host or '127.0.0.1'}]"
        self._deferrals.clear()
        return await self._ask("CONNECT", host)

    async def hello(self, name: str) -> Verdict:
        """
        Ask at EHLO or HELO.

        Args:
            name: The argument of the command.

        Returns:
            The verdict.
        """
        self._deferrals.pop("EHLO", None)
        return await self._ask("EHLO", name)

    async def mail(self, sender: str, options: MailOptions) -> Verdict:
        """
        Ask at MAIL.

        Args:
            sender: The address.
            options: The parameters.

        Returns:
            The verdict.
        """
        self._transactions += 1
        self._begin()
        self._envelope = replace(self._envelope, sender=sender, options=options, size=options.size or 0)
        return await self._ask("MAIL", sender)

    async def recipient(self, address: str, options: RcptOptions) -> Verdict:
        """
        Ask at RCPT.

        Args:
            address: The address.
            options: The parameters.

        Returns:
            The verdict.
        """
        self._envelope = replace(self._envelope, recipient=address)
        reply = await self._ask("RCPT", address)
        return reply or next(iter(self._deferrals.values()), None)

    async def data(self, context: DataContext) -> Verdict:
        """
        Ask at DATA.

        Args:
            context: The envelope.

        Returns:
            The verdict.  It has the actions on the message of the stages so far.
        """
        number = len(context.recipients)
        recipient = context.recipients[0] if number == 1 else ""
        self._envelope = replace(
            self._envelope, recipient=recipient, recipients=number, queue_id=context.queue_id, sender=context.sender
        )
        return await self._ask("DATA", "DATA") or self._taken(context)

    async def end(self, size: int) -> Verdict:
        """
        Ask at the end of the message.

        Args:
            size: The octets of the message.

        Returns:
            The verdict.
        """
        self._envelope = replace(self._envelope, size=size)
        verdict = await self._ask("END-OF-MESSAGE", "END-OF-MESSAGE")
        return verdict if verdict is not None or self.context is None else self._taken(self.context)

    def reset(self) -> None:
        """Forget the transaction."""
        self._begin()

    async def _ask(self, stage: State, subject: str) -> Reply | None:
        """
        Ask at a stage, if that is wanted.

        Returns:
            The reply to the client, if there is one.  An action on the message is kept for `_taken`.
        """
        server, connection = self._server, self.connection
        if stage not in server.stages:
            return None
        name = connection.results.get(ReverseName)
        action = parse(
            await server.pool.ask(encode(attributes(connection, stage, self._envelope, name, server.context)))
        )
        connection.results.add([PolicyAnswer(stage, action.word, action.text)])
        if action.code:
            return self._reply(action, stage, subject)
        if action.word in ("INFO", "WARN"):
            write = log.warn if action.word == "WARN" else log.info
            write("session={session} policy server: {text}", session=connection.session_id, text=action.text)
        elif action.word in _OF_MESSAGES:
            self._keep(action, stage)
        return None

    def _reply(self, action: Action, stage: State, subject: str) -> Reply | None:
        """
        Handle an action that has a reply.

        As in Postfix, DEFER_IF_PERMIT before RCPT takes effect at RCPT.  DEFER_IF_REJECT has no effect here: it is for
        the other restrictions of Postfix at the same stage.

        Returns:
            The reply; None if it has no effect at this stage.
        """
        if action.word == "DEFER_IF_REJECT":
            return None
        reply = action.reply(subject, _KINDS[stage])
        if action.word == "DEFER_IF_PERMIT" and stage in ("CONNECT", "EHLO", "MAIL"):
            self._deferrals[stage] = reply
            return None
        return reply

    def _keep(self, action: Action, stage: State) -> None:
        late = action.word == "PREPEND" and stage == "END-OF-MESSAGE"
        if late or stage in ("CONNECT", "EHLO"):
            text = "session={session} the policy server answers {word} at {stage}, which has no effect there"
            log.warn(text, session=self.connection.session_id, word=action.word, stage=stage)
        else:
            self._actions.append(action)

    def _taken(self, context: DataContext) -> Verdict:
        """Return the verdict of the actions on the message that were kept, which are then done."""
        actions, self._actions = self._actions, []
        of = {action.word: action for action in actions}  # the last one of each word counts
        if "DISCARD" in of:
            return Discard()
        changes: list[Change] = []
        if "HOLD" in of:
            changes.append(Quarantine(of["HOLD"].text))
        if "REDIRECT" in of:
            changes += map(DeleteRecipient, dict.fromkeys(context.recipients))
            changes.append(AddRecipient(of["REDIRECT"].text))
        if "BCC" in of:
            changes.append(AddRecipient(of["BCC"].text))
        fields = tuple(action.added_field for action in actions if action.word == "PREPEND")
        return Accept(fields, tuple(changes)) if fields or changes else None
