"""
The states of a session, of its connection and of its message, and what may follow what.

Theory of operation.  A command is legal by two facts: the state of the session (`State`) and its gate (`Gate`).

    START --EHLO, HELO, LHLO--> READY --MAIL--> MAIL --RCPT--> RCPT --DATA, or BDAT LAST--> READY
                                                               RCPT --first BDAT--> CHUNK --BDAT LAST--> READY

EHLO and RSET lead from every state but START to READY.  STARTTLS and XCLIENT lead back to START, since the client has
to send EHLO again (RFC 3207 §4.2).  A refused command leaves the state as it is.

The gate is TLS while the server waits for STARTTLS, AUTH while it waits for a login, and OPEN after both.  What each
verb is answered for each gate and state is compiled once into a `Table` (`txsmtpx.dialog.table`).

An accepted MAIL creates a `Transaction` (`txsmtpx.dialog.server_transaction`), which is one message from its envelope
to its replies.  `MessageState` is where it stands:

    ENVELOPE --DATA, or the first BDAT--> CONTENT --CRLF.CRLF, or BDAT LAST--> DELIVERY --last reply--> ANSWERED
        |                                    |                                    |
        +---------- RSET, EHLO, QUIT, STARTTLS, or the loss of the connection ----+-------------------> ABORTED

    ENVELOPE   RCPT adds recipients.  There is no message yet, and the backend's `data` has not been called.
    CONTENT    `data` runs.  Octets come, and what `data` does not read is held.  Outcomes may arrive already; if all
               have arrived, the rest of the message is discarded.
    DELIVERY   The message is complete.  Each outcome is written as soon as it and those before it are known (LMTP,
               PRDR), or one reply for all of them (SMTP).  `delivery_timeout` limits this state.
    ANSWERED   The client has its replies.  The backend's `reset` is called; a success is never aborted.
    ABORTED    The message fails with `MessageAborted` for its reader, `data` is cancelled, and `reset` is called.

The session is in MAIL or RCPT while the message is in ENVELOPE.  While octets of a message come the session expects no
command: with DATA it stays in RCPT, with BDAT it is in CHUNK between two chunks.

`Link` is whether octets of the client are taken.  The dialog sets it, and the wire reads it:

    OPEN --STARTTLS--> SECURING --handshake completed--> OPEN
      |                    |
      +--- 221, 421, or the loss of the connection ---> CLOSED

In SECURING and CLOSED the wire discards what the client sends.  In CLOSED the dialog writes nothing either.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING


class State(enum.Enum):
    """
    The state of a session (RFC 5321 §4.1.4).

    Example:
        >>> State.MAIL.value
        'after MAIL, before a recipient is accepted'
    """

    START = "before EHLO, HELO or LHLO"
    READY = "between two transactions"
    MAIL = "after MAIL, before a recipient is accepted"
    RCPT = "after an accepted recipient"
    CHUNK = "between two BDAT commands of a message"

    if not TYPE_CHECKING:  # for a type checker, this would be another type than that of the base class
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


class MessageState(enum.Enum):
    """Where a message stands, from its envelope to its replies."""

    ENVELOPE = "recipients are added"
    CONTENT = "octets are coming"
    DELIVERY = "complete, outcomes are pending"
    ANSWERED = "answered"
    ABORTED = "aborted"


class Link(enum.Enum):
    """What the dialog does with octets of the client."""

    OPEN = "lines and octets of messages are taken"
    SECURING = "TLS is being negotiated"
    CLOSED = "the server closes the connection, or has lost it"


# The members under names of their own.  Python 3.11 calls a function for each attribute of an Enum, which costs more
# than the comparison.
START, READY, MAIL, RCPT, CHUNK = State
OPEN, SECURING, CLOSED = Link
ENVELOPE, CONTENT, DELIVERY, ANSWERED, ABORTED = MessageState
