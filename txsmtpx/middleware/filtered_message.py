"""
One message on its way through the filters: its header, its octets and its end.

Theory of operation.  The header is read first.  Each filter gets it as the filters before have changed it, and then the
octets, from the header on.  So what a filter sees at ``header`` and at ``chunk`` is the same message.

Without ``hold``, the octets go on to the backend while they come.  The backend gets the end of the message only after
all filters have accepted it.  With ``hold``, the message is stored until its end, and then a filter can change all of
it.  A filter behind one that holds has to see the changes.  So the filters are in groups: a group ends with a filter
that holds.  The first group gets the octets while they come, each other group gets them from the store.

Changes of the header work on whole fields (`txsmtpx.content.header_edit`).  All other octets stay as they are.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import AsyncIterator, Iterable
from typing import NoReturn

from txsmtpx.content import header as content_header
from txsmtpx.content.beginning import Beginning
from txsmtpx.content.header_edit import HeaderEdit, HeaderTooLong
from txsmtpx.dialog.server_transaction import queued_250
from txsmtpx.errors import SMTPError
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import (
    Accept,
    AddHeader,
    Change,
    DataContext,
    DeleteHeader,
    FilterStage,
    HeaderChange,
    InsertHeader,
    Message,
    Quarantine,
    ReplaceBody,
    ReplaceHeader,
    Verdict,
)
from txsmtpx.middleware.filter_chain import FilterChain
from txsmtpx.middleware.filtered_envelope import FilteredEnvelope
from txsmtpx.middleware.guarded_filter import GuardedFilter

HEADER = 256 * 1024
"""Octets in which the header has to end.  Of a longer header the filter sees so many."""

IN_MEMORY = 1024 * 1024
"""Octets of a held message in memory; the rest is in a temporary file."""

CHUNK = 64 * 1024
"""Octets of a held message that are passed on at a time."""

HEADER_TOO_LONG_552 = Reply(552, (5, 3, 4), "The header of the message is too long")
"""To the data, if a filter changes a header that is too long to be seen whole."""

_ENDS_EMPTY = re.compile(rb"(?:\A|\n)\r*\n\Z")


class FilteredMessage:
    """
    One message in front of the filters.  `txsmtpx.FilterBackend` creates it.

    Args:
        message: The message of the client.
        chain: The filters.
        envelope: The envelope, which the filters may change.
        context: The envelope as the filters see it.
        hold: True if the message is held.

    Attributes:
        refusal: The reply of the filters, a 2xx if they discard the message; None without one.
    """

    def __init__(
        self, message: Message, chain: FilterChain, envelope: FilteredEnvelope, context: DataContext, hold: bool
    ) -> None:
        self.refusal: Reply | None = None
        self._chunks = aiter(message)
        self._chain = chain
        self._envelope = envelope
        self._context = context
        self._hold = hold
        self._pending: list[HeaderChange | ReplaceBody] = []  # changes, until the header has been read
        self._known = False  # the header has been read
        self._header = b""
        self._whole = True  # _header is all of it
        self._rest = b""  # what has come behind the header
        self._ended = False
        self._views: dict[GuardedFilter, bytes] = {}  # the header that each filter of the group has seen
        self._sizes: dict[GuardedFilter, int] = {}
        self._file: tempfile.SpooledTemporaryFile[bytes] | None = None
        self._body: tempfile.SpooledTemporaryFile[bytes] | None = None  # the same, when it is complete
        self._body_size = 0

    async def examine(self) -> None:
        """
        Ask the filters as far as possible before the backend gets the message: up to its header; with ``hold``, all.

        Raises:
            SMTPError: The filters reject or discard the message.
        """
        self._change(self._chain.changes)
        for each in self._chain.filters:
            self._act(each, "data", await each.decide("data", self._context))
        await self._read_header()
        for group in self._chain.groups(self._hold):
            self._views = {}
            for each in group:
                self._views[each] = self._header
                header = content_header.read(self._header)
                self._act(each, "header", await each.decide("header", header))
            if self._hold:
                await self._store()
                await self._at_end()

    async def chunks(self) -> AsyncIterator[bytes]:
        """
        Iterate over the message as the filters have changed it.  The iteration ends only if they accept it.

        Yields:
            The octets.
        """
        first = self._header
        source = self._stored() if self._hold else self._behind_header()
        async for chunk in source:
            yield first + chunk if first else chunk
            first = b""
        if first:
            yield first
        if not self._hold:
            await self._at_end()

    def close(self) -> None:
        """Delete what is held."""
        if self._file is not None:
            self._file.close()

    async def _read_header(self) -> None:
        beginning = Beginning(HEADER)
        while not beginning.complete and not self._ended:
            try:
                beginning.add(await anext(self._chunks))
            except StopAsyncIteration:
                self._ended = True
        octets = bytes(beginning.octets)
        seen = octets[:HEADER]
        size = content_header.read(seen).size
        self._whole = size < len(seen) or _ENDS_EMPTY.search(seen) is not None or len(octets) < HEADER
        self._header, self._rest = octets[:size], octets[size:]
        self._known = True
        self._change(())

    async def _behind_header(self) -> AsyncIterator[bytes]:
        """Iterate over the octets behind the header, each after the filters of the group have seen it."""
        chunks = self._chunks if self._body is None else self._stored()
        for each, view in self._views.items():
            await self._give(each, view + self._rest)
        if self._rest:
            yield self._rest
        if self._body is not None or not self._ended:
            async for chunk in chunks:
                for each in self._views:
                    await self._give(each, chunk)
                yield chunk

    async def _give(self, filter: GuardedFilter, octets: bytes) -> None:
        self._sizes[filter] = self._sizes.get(filter, 0) + len(octets)
        if octets:
            self._act(filter, "chunk", await filter.decide("chunk", octets))

    async def _store(self) -> None:
        """Show the octets to the filters of the group; the first time, store what is behind the header."""
        if self._body is not None:
            async for _ in self._behind_header():
                pass
            return
        file = self._file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115  # which close() closes
        async for chunk in self._behind_header():
            file.write(chunk)
            self._body_size += len(chunk)
        self._body, self._rest = file, b""

    async def _stored(self) -> AsyncIterator[bytes]:
        assert self._body is not None
        self._body.seek(0)
        while chunk := self._body.read(CHUNK):
            yield chunk

    async def _at_end(self) -> None:
        for each in self._views:
            may_change = self._hold and each.holds
            self._act(each, "end", await each.decide("end", self._sizes[each], may_change=may_change))

    def _act(self, filter: GuardedFilter, stage: FilterStage, verdict: Verdict) -> None:
        """
        Act on a verdict.

        Raises:
            SMTPError: The verdict rejects or discards the message.
        """
        if isinstance(verdict, Accept):
            self._change(self._chain.keep(verdict))
        elif verdict is not None:
            self._chain.decided(filter.name, stage, verdict)
            self._refuse(verdict if isinstance(verdict, Reply) else queued_250(self._context.queue_id))

    def _refuse(self, reply: Reply) -> NoReturn:
        """
        End the message.

        Raises:
            SMTPError: The reply.
        """
        self.refusal = reply
        raise SMTPError.from_reply(reply)

    def _change(self, changes: Iterable[Change]) -> None:
        """
        Change the envelope now, and the message as soon as its header has been read.

        Raises:
            SMTPError: The header is too long to be changed.
        """
        for change in changes:
            if isinstance(change, AddHeader | InsertHeader | ReplaceHeader | DeleteHeader | ReplaceBody):
                self._pending.append(change)
            elif not isinstance(change, Quarantine):
                self._envelope.apply(change)
        if self._known and self._pending:
            pending, self._pending = self._pending, []
            body_follows = bool(self._rest) or not self._ended if self._body is None else self._body_size > 0
            try:
                self._header = edited(self._header, pending, body_follows=body_follows, whole=self._whole)
            except HeaderTooLong:
                self._refuse(HEADER_TOO_LONG_552)
            self._chain.changed(pending)
            for change in pending:
                if isinstance(change, ReplaceBody):
                    self._replace_body(change.body)

    def _replace_body(self, body: bytes) -> None:
        assert self._body is not None  # since it is a change of end()
        self._body.seek(0)
        self._body.truncate()
        self._body.write(body)
        self._body_size = len(body)
        if body and _ENDS_EMPTY.search(self._header) is None:
            self._header += b"\r\n" if self._header.endswith(b"\n") or not self._header else b"\r\n\r\n"


def edited(header: bytes, changes: Iterable[HeaderChange | ReplaceBody], *, body_follows: bool, whole: bool) -> bytes:
    """
    Apply changes to a header.

    Args:
        header: The octets of the header, the empty line included.
        changes: The changes.  `ReplaceBody` changes nothing here.
        body_follows: As `HeaderEdit` has it.
        whole: As `HeaderEdit` has it.

    Returns:
        The new header.

    Raises:
        HeaderTooLong: The header is too long for a change.
    """
    edit = HeaderEdit(header, body_follows=body_follows, whole=whole)
    for change in changes:
        if isinstance(change, InsertHeader):
            edit.insert(change.index, change.encoded)
        elif isinstance(change, AddHeader):
            edit.add(change.encoded)
        elif isinstance(change, ReplaceHeader):
            edit.replace(change.name, change.index, change.encoded)
        elif isinstance(change, DeleteHeader):
            edit.delete(change.name, change.index)
    return edit.octets
