"""The time-outs of a client, one for each phase: RFC 5321 §4.5.3.2."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields


@dataclass(frozen=True, init=False)
class Timeouts:
    """
    Seconds that a client waits in each phase (0: for ever).

    The defaults of ``greeting``, ``mail``, ``rcpt``, ``data``, ``block`` and ``end`` are the minimum of RFC 5321.

    Attributes:
        ready: For `txsmtpx.connect` as a whole: DNS, all addresses that are tried, greeting, EHLO, TLS and login.
        connect: For a connection to one address.
        greeting: For the first reply, including the TLS handshake if TLS begins with the first octet.
        command: For the reply to a command that has no time-out of its own, and for TLS after STARTTLS.
        mail: For the reply to MAIL.
        rcpt: For the reply to RCPT.
        data: For the reply to DATA.
        block: For the server to receive a piece of the body.
        end: For the reply to the message.
        quit: For the reply to QUIT, and for the end of the connection.

    Args:
        every: For each phase that is not named; None for its default.

    Raises:
        ValueError: A number is negative, infinite or not a number.
        TypeError: A value is no number.

    Example:
        >>> Timeouts(30, end=600).mail, Timeouts(30, end=600).end, Timeouts(end=0).mail
        (30, 600, 300)
    """

    ready: float = 900
    connect: float = 30
    greeting: float = 300
    command: float = 300
    mail: float = 300
    rcpt: float = 300
    data: float = 120
    block: float = 180
    end: float = 600
    quit: float = 10

    def __init__(
        self,
        every: float | None = None,
        *,
        ready: float | None = None,
        connect: float | None = None,
        greeting: float | None = None,
        command: float | None = None,
        mail: float | None = None,
        rcpt: float | None = None,
        data: float | None = None,
        block: float | None = None,
        end: float | None = None,
        quit: float | None = None,
    ) -> None:
        given = (ready, connect, greeting, command, mail, rcpt, data, block, end, quit)
        if every is not None:
            _check("every phase", every)
        for phase, seconds in zip(fields(self), given, strict=True):
            if seconds is not None:
                _check(phase.name, seconds)
            default = phase.default if every is None else every
            object.__setattr__(self, phase.name, default if seconds is None else seconds)

    @classmethod
    def of(cls, given: Timeouts | float | None) -> Timeouts:
        """
        Return time-outs in any of the forms in which a caller may give them.

        Args:
            given: `Timeouts`; a number of seconds for each phase; or None for the defaults.

        Returns:
            The time-outs.

        Raises:
            ValueError: A number is negative, infinite or not a number.
            TypeError: The value is none of these.
        """
        if isinstance(given, Timeouts):
            return given
        try:
            return cls(given)
        except (TypeError, ValueError) as error:
            kinds = "a Timeouts, or a number of seconds from 0, which is for ever"
            raise type(error)(f"timeouts is {kinds}, not {given!r}") from None

    @property
    def handshake(self) -> float:
        """Seconds for TLS after STARTTLS, the same as for a command."""
        return self.command


def _check(phase: str, seconds: float) -> None:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise TypeError(f"time-out of {phase}: a number of seconds, 0 for ever, not {seconds!r}")
    if not 0 <= seconds < math.inf:
        raise ValueError(f"time-out of {phase}: seconds from 0, which is for ever, not {seconds!r}")
