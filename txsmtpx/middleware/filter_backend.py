"""
Middleware that shows connections and messages to filters, before the backend behind it gets the messages.

The filters see each stage, from the connection to its end.  Until they have accepted the end of a message, the backend
has not received the end either.  So that backend cannot store a part of a message as a whole one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorTime
from zope.interface import alsoProvides

from txsmtpx.arguments import checked
from txsmtpx.dialog.outcome_reply import accepts, answer
from txsmtpx.errors import SMTPError
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import (
    Answer,
    BackendLike,
    ClientPolicy,
    Connection,
    DataContext,
    Discard,
    Eventual,
    FilterMaker,
    IClientPolicy,
    Message,
    OneProcessBackend,
    Outcome,
    Reactor,
    SessionLike,
    clock_of,
    provides,
)
from txsmtpx.middleware.filter import ConfiguredFilter
from txsmtpx.middleware.filter_chain import FilterChain
from txsmtpx.middleware.filtered_envelope import (
    EnvelopeContext,
    FilteredContext,
    FilteredEnvelope,
    log_not_added,
)
from txsmtpx.middleware.filtered_message import FilteredMessage
from txsmtpx.middleware.middleware import Middleware
from txsmtpx.middleware.middleware_session import MiddlewareSession
from txsmtpx.middleware.streamed_message import StreamedMessage
from txsmtpx.settling import FAILURES, deferred_call, settle, then


class FilterBackend(Middleware):
    """
    A backend that gets only the messages that filters accept, as they have changed them.

    Args:
        backend: The other backend.
        filters: The filters, in order.  Each is a subclass of `txsmtpx.Filter`, or a function of the
            `txsmtpx.Connection` that returns a filter, or a `txsmtpx.ConfiguredFilter`.
        hold: True holds each message until all filters have seen its end, a large one in a temporary file.  Then each
            filter may change the message at its end.  False passes the message on while it is received.  None: messages
            are held if a filter needs it (`txsmtpx.interfaces.IHoldingFilterMaker`), and only those filters may change
            them at their end.
        reactor: The reactor, for time-outs.  None: the global one.

    Attributes:
        filters: The filters with their settings, by their names in the log and in metrics.
        hold: True if messages are held.

    Raises:
        TypeError: An argument has the wrong type.

    Example:
        >>> from twisted.internet.task import Clock
        >>> from txsmtpx import ConfiguredFilter, Filter, MemoryBackend
        >>> backend = FilterBackend(
        ...     MemoryBackend(), Filter, ConfiguredFilter(Filter, "other", on_failure="accept"), reactor=Clock()
        ... )
        >>> list(backend.filters)
        ['Filter', 'other']
    """

    @checked
    def __init__(
        self,
        backend: BackendLike,
        *filters: FilterMaker | ConfiguredFilter,
        hold: bool | None = None,
        reactor: Reactor | None = None,
    ) -> None:
        super().__init__(backend)
        alsoProvides(self, IClientPolicy)
        self.filters: dict[str, ConfiguredFilter] = _named(filters)
        self.hold: bool = any(each.holds for each in self.filters.values()) if hold is None else hold
        self._all_hold = hold is True
        self._clock = cast(IReactorTime, clock_of(reactor))
        self._policy = backend if provides(backend, ClientPolicy) else None
        self._chains: dict[Connection, FilterChain] = {}

    @property
    def one_process(self) -> bool:
        """True if a filter, or the other backend, keeps its data in the memory of this process."""
        keepers = (self.backend, *(each.make for each in self.filters.values()))
        return any(provides(each, OneProcessBackend) and each.one_process for each in keepers)

    def session(self, session: SessionLike, connection: Connection) -> SessionLike:
        """
        Return a session that filters.

        Args:
            session: The session of the other backend.
            connection: The connection.

        Returns:
            The session.
        """
        chain = self._chains.get(connection)
        if chain is None:  # the server has not told this backend of the connection, as where it gets copies
            return _FilterSession(session, connection, self._chain(connection, shared=False), self.hold, self._clock)
        return _FilterSession(session, connection, chain, self.hold, self._clock)

    async def connected(self, connection: Connection) -> Reply | None:
        """
        Ask the filters about a new client (`IClientPolicy.connected`).

        Args:
            connection: The connection.

        Returns:
            None, or the reply that refuses the client.
        """
        chain = self._chains[connection] = self._chain(connection, shared=True)
        refusal = await chain.connected()
        if refusal is None and self._policy is not None:
            chain.passed_on = True
            return await deferred_call(self._policy.connected, connection)
        return refusal

    async def hello(self, connection: Connection, name: str) -> Reply | None:
        """
        Ask the filters about the name of a client (`IClientPolicy.hello`).

        Args:
            connection: The connection.
            name: The argument of HELO, EHLO or LHLO.

        Returns:
            None, or the reply that rejects the command.
        """
        chain = self._chains.get(connection)
        refusal = None if chain is None else await chain.hello(name)
        if refusal is None and self._policy is not None:
            return await deferred_call(self._policy.hello, connection, name)
        return refusal

    def disconnected(self, connection: Connection) -> object:
        """
        End the filters of a connection (`IClientPolicy.disconnected`).

        Args:
            connection: The connection.

        Returns:
            The result of the other backend.
        """
        chain = self._chains.pop(connection, None)
        if chain is None:
            return None
        chain.close()
        return self._policy.disconnected(connection) if self._policy is not None and chain.passed_on else None

    def _chain(self, connection: Connection, shared: bool) -> FilterChain:
        return FilterChain(self.filters.items(), connection, self._clock, shared, self._all_hold)


def _named(filters: Iterable[FilterMaker | ConfiguredFilter]) -> dict[str, ConfiguredFilter]:
    """Return filters by name; of two with one name, the second is "name-2"."""
    named: dict[str, ConfiguredFilter] = {}
    for each in filters:
        configured = each if isinstance(each, ConfiguredFilter) else ConfiguredFilter(each)
        name, count = configured.label, 1
        while name in named:
            count += 1
            name = f"{configured.label}-{count}"
        named[name] = configured
    return named


class _FilterSession(MiddlewareSession):
    """A session behind the filters of its connection.  `FilterBackend` creates it."""

    def __init__(
        self, inner: SessionLike, connection: Connection, chain: FilterChain, hold: bool, clock: IReactorTime
    ) -> None:
        """
        Create a session.

        Args:
            inner: The session of the other backend.
            connection: The connection.
            chain: The filters.
            hold: True if messages are held.
            clock: Limits deliveries to added recipients.
        """
        super().__init__(inner, connection)
        self._chain = chain
        self._hold = hold
        self._clock = clock
        self._known: list[bool] = []  # for each accepted recipient, whether the other session knows it
        self._look: FilteredMessage | None = None
        self._refusal: Reply | None = None  # of the client, where the server has not asked before

    async def mail(self, sender: str, options: MailOptions) -> Answer:
        """Handle MAIL: ask the filters, then the other session."""
        if not self._chain.begun:
            self._refusal = await self._chain.connected() or await self._chain.hello(self.connection.helo)
        try:
            refusal = self._refusal or await self._chain.mail(sender, options)
            result: Answer = refusal or await deferred_call(self.inner.mail, sender, options)
        except FAILURES:
            await self._chain.reset()
            raise
        if not accepts(result):  # then there is no transaction, and no reset
            await self._chain.reset()
        return result

    async def rcpt(self, recipient: str, options: RcptOptions) -> Answer:
        """Handle RCPT: ask the filters, then the other session."""
        verdict = await self._chain.recipient(recipient, options)
        if isinstance(verdict, Reply):
            return verdict
        if isinstance(verdict, Discard):
            self._known.append(False)
            return None
        result = await deferred_call(self.inner.rcpt, recipient, options)
        if accepts(result):
            self._known.append(True)
        return result

    async def data(self, message: Message, context: DataContext) -> Outcome:
        """Handle DATA: pass the message on as the filters have changed it, and as far as they accept it."""
        if self._chain.discards:
            return None
        known = self._known if len(self._known) == len(context.recipients) else [True] * len(context.recipients)
        envelope = FilteredEnvelope(context, known)
        seen = EnvelopeContext(context, envelope, self._chain.results)
        self._chain.begin(seen)
        look = self._look = FilteredMessage(message, self._chain, envelope, seen, self._hold)
        outcome: Outcome = None
        try:
            await look.examine()
            outcome = await self._pass_on(look, envelope, message, context)
        except FAILURES:
            if look.refusal is None:
                raise
        finally:
            self._chain.note(context)
        if look.refusal is not None:  # even if the session has ignored it, or has failed by it
            raise SMTPError.from_reply(look.refusal)
        return outcome

    async def _pass_on(
        self, look: FilteredMessage, envelope: FilteredEnvelope, message: Message, context: DataContext
    ) -> Outcome:
        """
        Give the message to the other session.

        Returns:
            Its outcome.

        Raises:
            SMTPError: The other session, or all verdicts about recipients, reject it.
        """
        if envelope.changed and envelope.places:
            await self._replay(envelope, context)
        for position, reply in envelope.rejected.items():
            context.set_status(position, reply)
        if not envelope.places:
            refusal = envelope.refusal
            if refusal is not None:
                raise SMTPError.from_reply(refusal)
            return None
        mine = FilteredContext(context, envelope, self._chain.results, self._clock)
        stream = StreamedMessage(message, look.chunks())
        outcome = await deferred_call(self.inner.data, stream, mine)
        if not mine.started:
            await stream.rest()
        await mine.added_delivered()
        return outcome

    async def _replay(self, envelope: FilteredEnvelope, context: DataContext) -> None:
        """
        Begin the transaction of the other session anew, with the envelope as the filters have changed it.

        Raises:
            SMTPError: The other session rejects the sender.
        """
        await deferred_call(self.inner.reset)
        refusal = await self._rejection("mail", deferred_call(self.inner.mail, envelope.sender, envelope.options))
        if refusal is not None:
            raise SMTPError.from_reply(refusal)
        for place in envelope.places:
            refusal = await self._rejection("rcpt", deferred_call(self.inner.rcpt, place.address, place.options))
            if refusal is not None:
                envelope.reject(place, refusal)
                if place.position is None:
                    log_not_added(context, place, refusal)

    async def _rejection(self, method: str, asked: Deferred[Answer]) -> Reply | None:
        """Return the reply with which the other session rejects; None if it accepts."""
        try:
            result = await asked
        except SMTPError as error:
            return error.reply
        return None if accepts(result) else answer(result, self.inner, method)

    def reset(self) -> object:
        """End the transaction, also that of the filters."""
        look, self._look = self._look, None
        if look is not None:
            look.close()
        self._known = []
        try:
            theirs = settle(self.inner.reset())
        except FAILURES:
            theirs = fail()  # the filters forget the transaction all the same
        mine: Eventual[None] = self._chain.reset()
        return then(mine, lambda _: theirs)

    def logout(self) -> object:
        """End the session; also the filters, if no other part of the server does."""
        if not self._chain.shared:
            self._chain.close()
        return self.inner.logout()
