"""
The backend ``maildir:PATH``: it delivers to one Maildir, or to one for each recipient.

The reply 250 means stored: the file and its directory are on the disk before it is sent, for each recipient
(guarantee 12).  `txsmtpx.backends.maildir_delivery` does that.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

from twisted.logger import Logger

from txsmtpx.arguments import checked
from txsmtpx.backends.maildir_delivery import Delivery
from txsmtpx.backends.maildir_directories import Directories
from txsmtpx.backends.maildir_open import OpenMaildirs
from txsmtpx.backends.maildir_threads import MaildirThreads, in_order
from txsmtpx.backends.maildir_writer import MaildirWriter
from txsmtpx.backends.session import OpenBackend, Session
from txsmtpx.dialog.buffer import Buffer
from txsmtpx.errors import SMTPError
from txsmtpx.grammar import path, replies
from txsmtpx.grammar.domain import domain_key
from txsmtpx.grammar.mailbox import local_key
from txsmtpx.grammar.options import RcptOptions
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import DataContext, InThread, Message
from txsmtpx.interfaces.per_reactor import PerReactor

log = Logger(__name__)

UNSAFE_MAILBOX_553 = Reply(553, (5, 1, 3), "No mailbox can have that name")
"""To RCPT, if no directory can have the name of the mailbox."""


def disk_full_452(queue_id: str) -> Reply:
    """
    Return the reply to a message if the disk of the Maildir is full.

    Args:
        queue_id: The identifier of the transaction.

    Returns:
        The reply.
    """
    return Reply(452, (4, 3, 1), f"Insufficient system storage ({queue_id})")


GATHER = 256 * 1024
"""Octets of a message that are gathered before they are written: a smaller message is written at its end."""

MAX_NAME = 200
"""Octets of a part of a path that comes from an address; the limit of file systems is 255."""

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class MaildirBackend(OpenBackend):
    """
    A backend that delivers to Maildirs.

    Args:
        pattern: The path.  The parts of the recipient's address replace ``{domain}`` and ``{local}``, in the form of
            `txsmtpx.mailbox_key`.  So each mailbox has one Maildir.
        in_thread: It calls a function in a thread, such as `twisted.internet.threads.deferToThread`.  None: threads of
            this backend, which also call fsync for many files at the same time.
        fsync: It writes a file or directory to the disk, as `os.fsync` does.

    Attributes:
        directories: The directories that are on the disk.
        maildirs: The Maildirs that are held open.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The pattern is empty, or has other braces or a NUL.

    Example:
        >>> backend = MaildirBackend("/var/mail/{domain}/{local}")
        >>> backend.maildir("Me@EXAMPLE.org", "mail.example.org")
        '/var/mail/example.org/me'
    """

    @checked
    def __init__(
        self,
        pattern: str,
        in_thread: InThread | None = None,
        fsync: Callable[[int], None] = os.fsync,
    ) -> None:
        if not pattern:
            raise ValueError("maildir needs a path: maildir:PATH")
        if "\0" in pattern:
            raise ValueError(f"no path can hold a NUL: {pattern!r}")
        if set("{}") & set(pattern.replace("{domain}", "").replace("{local}", "")):
            raise ValueError(f"only {{domain}} and {{local}} may stand in braces: {pattern}")
        self._pattern = os.path.abspath(pattern)
        self.directories: Directories = Directories(fsync)
        self.maildirs: OpenMaildirs = OpenMaildirs(self.directories)
        self._in_thread = in_thread
        self._writers = PerReactor(self._new_writer)
        super().__init__(lambda connection: MaildirSession(self, connection.domain))

    def _new_writer(self) -> MaildirWriter:
        if self._in_thread is not None:
            return MaildirWriter(self.maildirs, self._in_thread, in_order, self._in_thread)
        threads = MaildirThreads()
        return MaildirWriter(self.maildirs, threads.call, threads.each, threads.call_at_once)

    @property
    def writer(self) -> MaildirWriter:
        """The object that stores the messages of the present reactor."""
        return self._writers.current

    def check(self) -> None:
        """
        Check that Maildirs can be created and written, for ``twistd smtpx --check``.

        Raises:
            OSError: They cannot.
        """
        fixed, brace, _ = self._pattern.partition("{")
        parts = [os.path.join(fixed, part) for part in ("tmp", "new", "cur")]
        for directory in [os.path.dirname(fixed)] if brace else parts:
            self.directories.check(directory)

    def maildir(self, recipient: str, own_domain: str) -> str:
        """
        Return the Maildir of a recipient.

        Args:
            recipient: The address.
            own_domain: The domain of <Postmaster>, which has none.

        Returns:
            The path.

        Raises:
            SMTPError: 553 5.1.3 if a part of the address is not safe as a name of a directory.
        """
        local, domain = path.split(recipient)
        try:
            names = {"local": local_key(local), "domain": domain_key(domain or own_domain)}
        except ValueError:
            raise SMTPError.from_reply(UNSAFE_MAILBOX_553) from None
        for field, name in names.items():
            if "{" + field + "}" in self._pattern and not _safe(name):
                raise SMTPError.from_reply(UNSAFE_MAILBOX_553)
        return self._pattern.format(**names)


def _safe(name: str) -> bool:
    """Return whether a name can be one part of a path, and nothing else."""
    return (
        bool(name)
        and not name.startswith(".")
        and name.isprintable()
        and not any(letter in name for letter in "/\\\0")
        and len(name.encode("utf-8")) <= MAX_NAME
    )


class MaildirSession(Session):
    """
    A session that delivers to Maildirs.  `MaildirBackend` creates it.

    Args:
        backend: The backend.
        domain: The domain of <Postmaster>.
    """

    def __init__(self, backend: MaildirBackend, domain: str) -> None:
        self._backend = backend
        self._domain = domain

    def rcpt(self, recipient: str, options: RcptOptions) -> None:
        """
        Handle RCPT: check that the recipient can have a Maildir.

        Args:
            recipient: The address.
            options: The parameters.

        Raises:
            SMTPError: 553 5.1.3 if it cannot.
        """
        self._backend.maildir(recipient, self._domain)

    async def data(self, message: Message, context: DataContext) -> None:
        """
        Handle DATA: deliver to every recipient.  For SMTP, deliver to none if one delivery fails.

        Args:
            message: The message.
            context: The envelope, and the outcomes.

        Raises:
            SMTPError: 452 4.3.1 if the disk is full, 451 4.3.0 for another failure.
        """
        paths = [self._backend.maildir(each, self._domain) for each in context.recipients]
        delivery = Delivery(context, paths, self._backend.maildirs)
        writer = self._backend.writer
        try:
            gathered = Buffer()
            async for chunk in message:
                gathered.add(chunk)
                if gathered.size >= GATHER:
                    await writer.write(delivery, gathered.take())
            await writer.store(delivery, gathered.take())
        except BaseException as error:
            writer.abandon(delivery)
            if isinstance(error, OSError):
                raise _refusal(error, context) from error
            raise
        if delivery.failure is not None:
            raise _refusal(delivery.failure, context) from delivery.failure
        failed = [(recipient, reason) for recipient, reason in delivery.outcomes if reason is not None]
        for recipient, reason in failed:
            context.set_status(recipient, _refusal(reason, context))
        context.note(stored=len(delivery.outcomes) - len(failed))


def _refusal(error: OSError, context: DataContext) -> SMTPError:
    session_id, queue_id = context.connection.session_id, context.queue_id
    log.error("session={session} queue={queue} cannot store: {error}", session=session_id, queue=queue_id, error=error)
    full = error.errno in _FULL
    return SMTPError.from_reply(disk_full_452(queue_id) if full else replies.local_error_451(queue_id))
