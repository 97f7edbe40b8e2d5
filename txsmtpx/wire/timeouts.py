"""
How long a client waits: RFC 5321 §4.5.3.2, a time for each phase.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Timeouts:
    """
    Seconds, 0 for ever; where the RFC has a least one it is the default.

    @ivar ready: for L{txsmtpx.connect} as a whole: DNS, all addresses that are tried, greeting, EHLO, TLS and login.
    @ivar connect: for a connection to one address.
    @ivar greeting: for the first 220, where TLS comes first that included.
    @ivar command: for the reply to a command that has no time of its own, and for TLS after STARTTLS.
    @ivar mail: for the reply to MAIL.
    @ivar rcpt: for the reply to RCPT.
    @ivar data: for the 354.
    @ivar block: for the server to take a piece of the body.
    @ivar end: for the reply to the message.
    @ivar quit: for a farewell, and for the end of a connection.
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

    @property
    def handshake(self) -> float:
        """Seconds for TLS after STARTTLS: those of a command."""
        return self.command
