"""
The filters of one connection, in order, and what they have decided so far.

Theory of operation.  `FilterChain` asks its filters at each stage, one after the other.  The first `Reply` or `Discard`
is the decision of all.  `Accept` goes on with the next filter.  Its changes are kept until the message comes: those of
``connected`` and ``hello`` for each message of the connection, those of ``mail`` and ``recipient`` for one message.
The results of a transaction are those of the connection, and those found since MAIL.

The stages of a message are in `txsmtpx.middleware.filtered_message`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txsmtpx.dialog.fields import clipped
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import (
    Accept,
    AddedFields,
    Change,
    Connection,
    DataContext,
    Discard,
    FilterStage,
    Results,
    Verdict,
)
from txsmtpx.middleware.filter import ConfiguredFilter
from txsmtpx.middleware.filter_verdict import changes_of, name_of, results_of
from txsmtpx.middleware.guarded_filter import GuardedFilter

log = Logger(__name__)

MOST = 10
"""Lines in the log that the rejections of one connection may cause; see `txsmtpx.dialog.refusals.MOST`."""


class FilterChain:
    """
    The filters of one connection.  `txsmtpx.FilterBackend` creates it.

    Args:
        filters: The makers and settings of the filters, by their names.
        connection: The connection.
        clock: Limits the calls.
        shared: True if results are in ``connection.results``.  False: only the backend behind finds them, since another
            chain may serve the connection.
        all_hold: True if each filter may change a message at its end.

    Attributes:
        filters: The filters, in order.
        shared: As in the arguments.
        passed_on: True if the backend behind was asked about the client.
        results: What filters have found in the present transaction and on the connection.
        discards: True if the present message is discarded.
        begun: True after `connected`.
    """

    def __init__(
        self,
        filters: Iterable[tuple[str, ConfiguredFilter]],
        connection: Connection,
        clock: IReactorTime,
        shared: bool = True,
        all_hold: bool = False,
    ) -> None:
        self.filters: Sequence[GuardedFilter] = [
            GuardedFilter(configured, name, connection, clock) for name, configured in filters
        ]
        for each in self.filters:
            each.holds = each.holds or all_hold
        self._connection = connection
        self.shared = shared
        self.passed_on: bool = False
        self._of_connection = connection.results if shared else Results(connection.results)
        self.results: Results = self._of_connection
        self.begun: bool = False
        self.discards: bool = False
        self._discards_all = False
        self._on_connect: list[Change] = []
        self._on_hello: list[Change] = []
        self._hello_results: list[object] = []
        self._on_envelope: list[Change] = []
        self._facts: dict[str, str] = {}  # of the decision about the message
        self._lines = 0

    @property
    def changes(self) -> list[Change]:
        """The changes of the stages before the message."""
        return [*self._on_connect, *self._on_hello, *self._on_envelope]

    async def connected(self) -> Reply | None:
        """
        Ask about the client.

        Returns:
            None, or the reply that refuses the client.
        """
        self.begun = True
        verdict = await self._ask("connected", self._on_connect, self._connection)
        self._discards_all = isinstance(verdict, Discard)
        return verdict if isinstance(verdict, Reply) else None

    async def hello(self, name: str) -> Reply | None:
        """
        Ask about the name of the client.

        Args:
            name: The argument of HELO, EHLO or LHLO.

        Returns:
            None, or the reply that rejects the command.
        """
        if self._discards_all:
            return None
        changes: list[Change] = []
        earlier = self._hello_results
        self._of_connection.remove(earlier)
        known = len(self.results)
        verdict = await self._ask("hello", changes, name)
        found = list(self.results)[known:]
        if isinstance(verdict, Reply):  # the name before is still that of the client
            self._of_connection.add(earlier)
            self._hello_results = found + earlier
            return verdict
        if self.results is not self._of_connection:  # within a transaction, which is about to end
            self._of_connection.add(found)
        self._on_hello, self._hello_results = changes, found
        self._discards_all = isinstance(verdict, Discard)
        return None

    async def mail(self, sender: str, options: MailOptions) -> Reply | None:
        """
        Begin a transaction, and ask about the sender.

        Args:
            sender: The address of MAIL.
            options: The parameters.

        Returns:
            None, or the reply that rejects the command.
        """
        if not self.shared:
            self.results = Results(self._of_connection)
        elif self._connection.results is self._of_connection:
            self.results = self._connection.results = Results(self._of_connection)
        else:  # another chain has begun the transaction
            self.results = self._connection.results
        self.discards = self._discards_all
        verdict = None if self.discards else await self._ask("mail", self._on_envelope, sender, options)
        self.discards = self.discards or isinstance(verdict, Discard)
        return verdict if isinstance(verdict, Reply) else None

    async def recipient(self, address: str, options: RcptOptions) -> Reply | Discard | None:
        """
        Ask about a recipient.

        Args:
            address: The address of RCPT.
            options: The parameters.

        Returns:
            None; the reply that rejects the recipient; or `Discard` if the recipient is to get nothing.
        """
        return None if self.discards else await self._ask("recipient", self._on_envelope, address, options)

    def groups(self, hold: bool) -> Sequence[Sequence[GuardedFilter]]:
        """
        Return the filters in groups.  The filters of a group see the octets of a message at the same time.

        Args:
            hold: True if the message is held.  Then a group ends with a filter that may change the message.

        Returns:
            The groups, at least one.
        """
        groups: list[list[GuardedFilter]] = [[]]
        for each in self.filters:
            groups[-1].append(each)
            if hold and each.holds and each is not self.filters[-1]:
                groups.append([])
        return groups

    def begin(self, context: DataContext) -> None:
        """
        Begin a message.

        Args:
            context: Its envelope, as the filters see it.
        """
        for each in self.filters:
            each.begin(context)

    def keep(self, verdict: Accept) -> list[Change]:
        """
        Keep the results of a verdict.

        Args:
            verdict: The verdict.

        Returns:
            Its changes.
        """
        self.results.add(results_of(verdict))
        return changes_of(verdict)

    def changed(self, changes: Iterable[Change]) -> None:
        """
        Keep the new header fields of the message as a result, which the log and the inbox show.

        Args:
            changes: The changes of the message that were made.
        """
        earlier = self.results.get(AddedFields)
        added = (earlier or AddedFields()).after(changes)
        if added.fields and added is not earlier:
            self.results.remove([] if earlier is None else [earlier])
            self.results.add([added])

    def decided(self, name: str, stage: FilterStage, verdict: Reply | Discard) -> None:
        """
        Keep the decision about a message for its line in the log.

        Args:
            name: The name of the filter.
            stage: Its stage.
            verdict: The decision.
        """
        self._facts = {"filter": name, "stage": stage, "verdict": name_of(verdict)}

    def note(self, context: DataContext) -> None:
        """
        Add the results, and the decision of a filter, to the line of the message in the log.

        Args:
            context: The envelope of the message.
        """
        facts = {**self.results.facts(), **self._facts}
        if facts:
            context.note(**facts)

    async def reset(self) -> None:
        """End the transaction.  The second time changes nothing."""
        if self.shared and self._connection.results is self.results:
            self._connection.results = self._of_connection
        self.results = self._of_connection
        self._on_envelope.clear()
        self._facts = {}
        for waiting in [each.reset() for each in self.filters]:
            if waiting is not None:
                await waiting

    def close(self) -> None:
        """End all filters, since the connection has ended."""
        for each in self.filters:
            each.close()

    async def _ask(self, stage: FilterStage, keep: list[Change], *args: object) -> Reply | Discard | None:
        """Ask the filters in order, up to the first that rejects or discards."""
        for each in self.filters:
            verdict: Verdict = await each.decide(stage, *args)
            if isinstance(verdict, Accept):
                keep.extend(self.keep(verdict))
            elif verdict is not None:
                self._log(each.name, stage, verdict)
                return verdict
        return None

    def _log(self, name: str, stage: FilterStage, verdict: Reply | Discard) -> None:
        """Log a decision before there is a message, whose line could show it."""
        self._lines += 1
        if self._lines <= MOST:
            log.info(
                "session={session} queue=- filter {filter} decided at {stage}: {verdict}",
                session=self._connection.session_id,
                filter=name,
                stage=stage,
                verdict="discard" if isinstance(verdict, Discard) else clipped(verdict.one_line),
            )
