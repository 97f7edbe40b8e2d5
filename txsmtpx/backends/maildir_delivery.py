"""
The delivery of one message: a copy in each Maildir.

A small message is held in memory until its end.  Then each copy is created and written whole.  A large message is
written to the first copy while it is received, and copied from there at the end.

For LMTP, a Maildir that cannot be written fails the delivery to its own recipients only.  SMTP has one reply for all
recipients.  So if one copy fails, no copy is delivered, and the client keeps the message.
"""

from __future__ import annotations

import errno
import itertools
import os
import socket
import time
from collections.abc import Sequence

from txsmtpx.backends.maildir_copy import Copy
from txsmtpx.backends.maildir_open import OpenMaildir, OpenMaildirs
from txsmtpx.grammar import trace
from txsmtpx.interfaces import DataContext

_numbers = itertools.count(1)
_host = socket.gethostname().replace("/", "\\057").replace(":", "\\072")

FEW = 8
"""Copies of a message for which other messages can wait."""


class Delivery:
    """
    The delivery of one message to one or more Maildirs.  A session creates it.

    Its methods block.  A thread calls them, and no two threads do at the same time.

    Args:
        context: The envelope.
        paths: A Maildir for each recipient.
        maildirs: The Maildirs that are held open.

    Attributes:
        copies: One for each Maildir.
        last: The last octets of the message; all octets of a small one.
        abandoned: True if nothing waits for the outcome any more.  The reactor's thread sets it.
    """

    def __init__(self, context: DataContext, paths: Sequence[str], maildirs: OpenMaildirs) -> None:
        self._lmtp = context.connection.lmtp
        self._recipients = context.recipients
        recipients_of: dict[str, list[str]] = {}
        for recipient, path in zip(context.recipients, paths, strict=True):
            recipients_of.setdefault(path, []).append(recipient)
        now = time.time()
        name = f"{now:.6f}".replace(".", ".M") + f"P{os.getpid()}Q{next(_numbers)}.{_host}"
        above, below = trace.return_path(context.sender), bytes(context.received(now))
        self.copies: list[Copy] = [
            Copy(maildirs, path, name, recipients, above + b"".join(map(trace.delivered_to, recipients)) + below)
            for path, recipients in recipients_of.items()
        ]
        self.last: bytes = b""
        self.abandoned: bool = False
        self._written: Copy | None = None  # the copy that a large message is written to while it is received
        self._size = 0  # of what is written there
        self._errors: list[OSError] = []
        self._ended = False

    @property
    def is_long(self) -> bool:
        """True if it takes so long that other messages do not wait for it."""
        return self._written is not None or len(self.copies) > FEW

    @property
    def failure(self) -> OSError | None:
        """Why the message is delivered to no recipient; None if it is delivered to some."""
        errors = self._errors
        return errors[0] if errors and (not self._lmtp or len(errors) == len(self.copies)) else None

    @property
    def outcomes(self) -> list[tuple[str, OSError | None]]:
        """Each recipient, in the order of RCPT, with the error of its delivery; None for a success."""
        errors = {recipient: copy.error for copy in self.copies for recipient in copy.recipients}
        return [(recipient, errors[recipient]) for recipient in self._recipients]

    def fail(self, copy: Copy, error: OSError) -> None:
        """
        Record that a copy cannot be delivered.  Any thread may call it.

        Args:
            copy: One of `copies`.
            error: The reason.
        """
        copy.error = error
        self._errors.append(error)

    def write(self, octets: bytes) -> None:
        """
        Write octets of a large message to the first Maildir that can be written.

        Args:
            octets: The next octets.

        Raises:
            OSError: No Maildir can be written.
        """
        while self.failure is None:
            copy = next(each for each in self.copies if each.error is None)
            try:
                self._go_on_with(copy)
                copy.write(octets)
            except OSError as error:
                self.fail(copy, error)
            else:
                self._size += len(octets)
                return
        raise self.failure

    def _go_on_with(self, copy: Copy) -> None:
        """Move what was received so far to a copy, unless that is where it is."""
        if copy is not self._written:
            self._begin(copy)
            if self._written is not None:
                self._written.remove()
            self._written = copy

    def _begin(self, copy: Copy, rest: bytes = b"") -> None:
        """Create the file of a copy, with what was received so far, and with the octets that follow."""
        copy.create()
        if self._written is None:
            copy.write(copy.trace + rest)
        else:
            copy.write(copy.trace)
            copy.write_body_of(self._written, self._size)
            copy.write(rest)

    def fill(self, copy: Copy) -> bool:
        """
        Write the whole message to the file of a copy, or record why that failed.

        Args:
            copy: One of `copies`.

        Returns:
            True if it is written.
        """
        if self._is_wanted(copy):
            try:
                if copy is self._written:
                    copy.write(self.last)
                else:
                    self._begin(copy, self.last)
                return True
            except OSError as error:
                self.fail(copy, error)
        return False

    def publish(self, copy: Copy) -> OpenMaildir | None:
        """
        Rename a copy to ``new``, or record why that failed.

        Args:
            copy: One of `copies`.

        Returns:
            The Maildir that it was renamed in; None if it was not.
        """
        if self._is_wanted(copy):
            try:
                return copy.publish()
            except OSError as error:
                self.fail(copy, error)
        return None

    def _is_wanted(self, copy: Copy) -> bool:
        """Return whether a copy can still be delivered.  That of an abandoned message fails."""
        if self.abandoned and copy.error is None:
            self.fail(copy, OSError(errno.ECANCELED, "nothing waits for the outcome", copy.maildir))
        return copy.error is None and self.failure is None

    def end(self) -> None:
        """Close all files, and remove those that are not delivered."""
        self._ended = True
        nowhere = self.failure is not None
        for copy in self.copies:
            if nowhere or copy.error is not None:
                copy.remove()
            else:
                copy.close()

    def discard(self) -> None:
        """Remove what was written, unless the message has been stored."""
        if not self._ended:
            for copy in self.copies:
                copy.remove()
