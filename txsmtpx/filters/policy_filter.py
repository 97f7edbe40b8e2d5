"""The filter of one connection that asks a policy server: the stages, and what becomes of each answer."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from twisted.logger import Logger

from txsmtpx.filters.access_action import Action, Word, parse
from txsmtpx.filters.policy_message import encode
from txsmtpx.filters.policy_pool import PolicyPool
from txsmtpx.filters.policy_request import Envelope, State, attributes
from txsmtpx.filters.reverse_name import ReverseName
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import (
    Accept,
    AddRecipient,
    Change,
    Connection,
    DataContext,
    DeleteRecipient,
    Discard,
    Quarantine,
    Verdict,
)
from txsmtpx.middleware.filter import Filter

log = Logger(__name__)

KINDS: Mapping[State, str] = {
    "CONNECT": "Client host",
    "EHLO": "Helo command",
    "MAIL": "Sender address",
    "RCPT": "Recipient address",
    "DATA": "Data command",
    "END-OF-MESSAGE": "End-of-data",
}
"""What a reply of Postfix names at each stage."""

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


class PolicyFilter(Filter):
    """
    The filter of one connection.  `txsmtpx.filters.policy_server.PolicyServer` creates it.

    Args:
        connection: The connection of the client.
        pool: The connections to the server.
        stages: The stages at which the server is asked.
        context: The value of the attribute "policy_context".
    """

    def __init__(self, connection: Connection, pool: PolicyPool, stages: Collection[State], context: str) -> None:
        super().__init__(connection)
        self._pool = pool
        self._stages = stages
        self._policy_context = context
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
        verdict = await self._ask("RCPT", address)
        return verdict if isinstance(verdict, Reply) else next(iter(self._deferrals.values()), verdict)

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
        return self._with_actions(await self._ask("DATA", "DATA"), context)

    async def end(self, size: int) -> Verdict:
        """
        Ask at the end of the message.

        Args:
            size: The octets of the message.

        Returns:
            The verdict.
        """
        self._envelope = replace(self._envelope, size=size)
        return self._with_actions(await self._ask("END-OF-MESSAGE", "END-OF-MESSAGE"), self.context)

    def reset(self) -> None:
        """Forget the transaction."""
        self._begin()

    async def _ask(self, stage: State, subject: str) -> Reply | Accept | None:
        """
        Ask at a stage, if that is wanted.

        Returns:
            The reply to the client; or the result without one.  An action on the message is kept for `_with_actions`.
        """
        connection = self.connection
        if stage not in self._stages:
            return None
        name = connection.results.get(ReverseName)
        request = attributes(connection, stage, self._envelope, name, self._policy_context)
        if stage == "EHLO":  # which the connection does not have yet
            request["helo_name"] = subject
        action = parse(await self._pool.ask(encode(request)))
        answer = PolicyAnswer(stage, action.word, action.text)
        reply = self._reply(action, stage, subject) if action.code else None
        if reply is not None:
            connection.results.add([answer])
            return reply
        if action.word in ("INFO", "WARN"):
            write = log.warn if action.word == "WARN" else log.info
            write("session={session} policy server: {text}", session=connection.session_id, text=action.text)
        elif action.word in _OF_MESSAGES:
            self._keep(action, stage)
        return Accept(results=[answer])

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
        reply = action.reply(subject, KINDS[stage])
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

    def _with_actions(self, verdict: Reply | Accept | None, context: DataContext | None) -> Verdict:
        """
        Add the actions on the message that were kept.  Then they are done.

        Returns:
            The verdict with them.
        """
        actions, self._actions = self._actions, []
        if isinstance(verdict, Reply) or not actions or context is None:
            return verdict
        of = {action.word: action for action in actions}  # the last one of each word counts
        results = () if verdict is None else verdict.results
        if "DISCARD" in of:
            self.connection.results.add(results)
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
        return Accept(fields, tuple(changes), results)
