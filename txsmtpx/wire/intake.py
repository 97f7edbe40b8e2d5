"""
What a peer has sent and the dialog has not dealt with: lines and octets of messages out of segments (RFC 5321 §2.3.8).

All of it is either handed to the dialog at once or held in one buffer, while the dialog or the reader of a message
or the peer's own slowness asks for it; when the buffer passes its bound, the transport is paused.  There is no
other queue.
"""

from __future__ import annotations

from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from txsmtpx.dialog.server import ServerDialog
from txsmtpx.wire.transcript import Recorder

log = Logger(__name__)

HELD_INPUT = 64 * 1024
"""Octets of input held back before the transport is paused."""

TURN = 100
"""Commands, or pieces of a message, after which the other connections have theirs."""

TURN_SECONDS = 0.02
"""
Seconds after which the others have theirs too.  Most commands take microseconds, but one with an internationalized
domain takes up to three milliseconds, and one of a backend as long as it likes.
"""

LOOK = 5
"""Commands after each of which the clock is looked at, so that most turns are over before."""

# Why nothing is handed to the dialog just now: bits, and not an IntFlag, whose arithmetic costs more than all the rest.
DIALOG = 1
"""It waits for a backend, or for the reader of a message."""
PEER = 2
"""It does not read what we have written."""
OTHERS = 4
"""It is the turn of the others."""


class IFlow(Protocol):
    """What the intake asks of its connection."""

    @property
    def deaf(self) -> bool:
        """Whether what has come is nobody's business: all is said, or TLS begins."""

    def worked(self, moved: bool) -> None:
        """
        What there was has been handed over, as far as it goes.

        Args:
            moved: Whether that was anything.
        """

    def pause(self) -> None:
        """Read no more."""

    def abort(self) -> None:
        """Hang up now."""


class Intake:
    """
    The buffer of one connection.

    Attributes:
        octets: What is held.
        held: Why, see `DIALOG`; 0 where nothing is in the way.
        busy: Whether it is being handed over right now.
    """

    __slots__ = (
        "_clock", "_connection", "_dialog", "_next_turn", "_recorder", "_too_long", "busy", "held", "octets",
    )  # fmt: skip

    def __init__(
        self, dialog: ServerDialog, connection: IFlow, clock: IReactorTime, recorder: Recorder | None
    ) -> None:
        self._dialog = dialog
        self._connection = connection
        self._clock = clock
        self._recorder = recorder
        self.octets = b""
        self.held = 0
        self.busy = False
        self._too_long: bytes | None = None  # the beginning of a line that is thrown away
        self._next_turn: IDelayedCall | None = None

    def take(self, data: bytes) -> None:
        """A segment, however the peer's octets were cut."""
        self.octets = self.octets + data if self.octets else data
        if self.held:
            self.bound()
        elif not self.busy:
            self._work()

    def hold(self, reason: int) -> None:
        """Hand nothing over, for ``reason``."""
        self.held |= reason

    def release(self, reason: int) -> None:
        """``reason`` is gone."""
        self.held &= ~reason
        if not self.held and not self.busy and not self._connection.deaf:
            self._work()

    def bound(self) -> None:
        """Read no more, where more is held than is good."""
        if len(self.octets) > HELD_INPUT:
            self._connection.pause()

    def clear(self) -> None:
        """Nothing will be handed over any more."""
        self.octets = b""
        if self._next_turn is not None:
            self._next_turn.cancel()
            self._next_turn = None

    def _work(self) -> None:
        """Hand over what there is, until something must be waited for; more may come meanwhile."""
        dialog, connection = self._dialog, self._connection
        self.busy = True
        at, turn, until = 0, TURN, 0.0
        while at < len(self.octets) and not self.held:
            taken = self._line(dialog, at) if dialog.body is None else self._body(dialog, at)
            if taken < 0 or connection.deaf:
                break
            at = taken
            turn -= 1
            if turn % LOOK or at >= len(self.octets):
                continue
            now = self._clock.seconds()
            until = until or now + TURN_SECONDS
            if not turn or now >= until:
                self.held |= OTHERS
                self._next_turn = self._clock.callLater(0, self._go_on)
        self.octets = b"" if connection.deaf else self.octets[at:]
        self.busy = False
        connection.worked(connection.deaf or (at > 0 and self._too_long is None))  # a piece of a line is nothing yet

    def _go_on(self) -> None:
        self._next_turn = None
        self.release(OTHERS)

    def _line(self, dialog: ServerDialog, at: int) -> int:
        """Hand over the line at ``at``; the index behind it, -1 where it has no end yet."""
        data = self.octets
        end = data.find(b"\n", at)
        if (end + 1 or len(data)) - at > dialog.line_limit or self._too_long is not None:
            return self._throw_away(data, at, end)
        if end < 0:
            return -1
        bare = end == at or data[end - 1] != 0x0D
        line = data[at:end] if bare else data[at : end - 1]
        if self._recorder is not None:
            self._recorder.client(line, dialog.secret)
        waiting = dialog.line_received(line, bare)
        if waiting is not None:
            self._wait_for(waiting)
        return end + 1

    def _throw_away(self, data: bytes, at: int, end: int) -> int:
        """A line is too long, whether or not it has come to its end; its beginning is remembered."""
        beginning = self._too_long or data[at : at + 16]
        if end < 0:
            self._too_long = beginning
            return len(data)
        self._too_long = None
        self._dialog.line_too_long(beginning)
        return end + 1

    def _body(self, dialog: ServerDialog, at: int) -> int:
        """Hand over octets of a message; the index behind it, or behind all there is."""
        data = self.octets
        end, waiting = dialog.body_received(data, at)
        if waiting is not None:
            self._wait_for(waiting)
        if end < 0:
            end = len(data)
        if self._recorder is not None:
            self._recorder.message(end - at)
        return end

    def _wait_for(self, waiting: Deferred[None]) -> None:
        self.held |= DIALOG
        waiting.addBoth(self._resume)

    def _resume(self, result: object) -> None:
        if isinstance(result, Failure) and not self._connection.deaf:
            session_id = self._dialog.connection.session_id
            log.failure("session={session} the dialog broke", failure=result, session=session_id)
            self._connection.abort()
        self.release(DIALOG)
