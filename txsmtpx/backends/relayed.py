"""
What a relay passes on: the message with our Received before it (RFC 5321 §4.4), and the options of its MAIL.
"""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator
from typing import Any

from txsmtpx.content import header
from txsmtpx.content.beginning import Beginning
from txsmtpx.errors import SMTPError
from txsmtpx.extensions.deliverby import LONGEST_AGO
from txsmtpx.grammar import replies
from txsmtpx.grammar.options import MailOptions
from txsmtpx.wire.client import SMTPClient

MAX_HOPS = 100
"""Received headers that show a message to be going round and round (RFC 5321 §6.3)."""

HEADER = 256 * 1024
"""Octets in which they are counted."""


AHEAD = 64 * 1024
"""Octets of a message that are read before a connection to the next server is needed.  Most messages are smaller."""


class Relayed:
    """
    A message with our Received before it; its header is looked at before anything of it is sent on.

    @ivar complete: whether the client has sent all of it.
    """

    def __init__(self, message: Any, context: Any) -> None:
        self.complete = False
        self._message = message
        self._context = context
        self._beginning = Beginning(HEADER)

    async def look(self) -> None:
        """
        Read the header, and up to L{AHEAD} octets of the message.

        @raise SMTPError: 554 5.4.6, it has been round too often.
        """
        while not self._beginning.complete or len(self._beginning.octets) < AHEAD:
            try:
                self._beginning.add(await self._message.__anext__())
            except StopAsyncIteration:
                self.complete = True
                break
        if header.count(bytes(self._beginning.octets), b"received") >= MAX_HOPS:
            raise SMTPError.from_reply(replies.LOOP_554)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._context.received()
        yield bytes(self._beginning.octets)
        if not self.complete:
            async for chunk in self._message:
                yield chunk
            self.complete = True


def options_for(client: SMTPClient, sender: str, given: MailOptions, passed: int, logged_in: bool) -> MailOptions:
    """
    The options of MAIL as the next server is to have them.

    @param passed: seconds since they were given to us.
    @param logged_in: whether it knows us.
    @raise SMTPError: 555 5.4.7, there is no time left to deliver it.
    """
    options = copy.copy(given)
    # RFC 4954 §5: who wrote it we do not believe anybody; to a server that believes us that has to be said.
    options.auth = "" if logged_in else None
    if not sender and "REQUIRETLS" not in client.extensions:
        options.requiretls = False  # RFC 8689 §5: better a report without it than none
    if given.deliver_by is not None:  # RFC 2852 §4.1.4: what is left
        left = max(given.deliver_by.seconds - passed, LONGEST_AGO)
        options.deliver_by = by = given.deliver_by._replace(seconds=left)
        if by.mode == "R" and by.seconds <= 0:
            raise SMTPError.from_reply(replies.TOO_SOON_555)
    if given.hold_for is not None:
        options.hold_for = given.hold_for - passed if given.hold_for > passed else None
    return options
