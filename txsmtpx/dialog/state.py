"""
The states of a session, and what stands in front of them.

Theory of operation.  A command is legal by two facts: the state of the session and its gate.

    START --EHLO, HELO, LHLO--> READY --MAIL--> MAIL --RCPT--> RCPT --DATA, or the last BDAT--> READY
                                                                RCPT --first BDAT--> CHUNK --last BDAT--> READY

EHLO and RSET lead from every state but START to READY.  STARTTLS and XCLIENT lead back to START, since the client has
to say EHLO again (RFC 3207 §4.2).  A refused command leaves the state as it is.

The gate is TLS while the server waits for STARTTLS, AUTH while it waits for a login, and OPEN after both.  What each
verb is answered for each gate and state is compiled once into a `Table` (`txsmtpx.dialog.table`).
"""

from __future__ import annotations

import enum


class State(enum.Enum):
    """Where a session stands (RFC 5321 §4.1.4)."""

    START = "no hello yet"
    READY = "no transaction"
    MAIL = "sender known"
    RCPT = "recipients known"
    CHUNK = "message coming by BDAT"

    __hash__ = object.__hash__  # there is one of each; Enum's own hashes the name, in Python, for each look-up

    def __repr__(self) -> str:
        """As Python reads it, so that Sphinx understands signatures in which it is a default."""
        return f"State.{self.name}"


ANY = frozenset(State)
GREETED = ANY - {State.START}


class Gate(enum.Enum):
    """What the client must do before anything else."""

    OPEN = "nothing"
    TLS = "STARTTLS first"
    AUTH = "AUTH first"
