"""
C{maildir:PATH}: a Maildir for all, or one for each recipient.

250 means stored: file and directory are on the disk before it is said, for each recipient it is said to.
The body is written to C{tmp/} as it comes, in a thread; for further Maildirs it is copied from there.
Only what is whole is renamed into C{new/}.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import shutil
import socket
import time
from collections.abc import Callable
from typing import IO, Any

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from txsmtpx.backends.session import OpenBackend, Session
from txsmtpx.errors import SMTPError
from txsmtpx.grammar import path, replies, trace
from txsmtpx.grammar.options import RcptOptions

log = Logger()

GATHER = 256 * 1024
"""Octets gathered before they are written: a small message takes one trip to a thread."""

MAX_NAME = 200
"""Octets of a part of a path that comes from an address; file systems end at 255."""

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_numbers = itertools.count(1)
_host = socket.gethostname().replace("/", "\\057").replace(":", "\\072")


class MaildirBackend(OpenBackend):
    """Delivers to Maildirs."""

    def __init__(
        self,
        pattern: str,
        in_thread: Callable[..., Deferred[Any]] = deferToThread,
        fsync: Callable[[int], None] = os.fsync,
    ) -> None:
        """
        @param pattern: the path; C{{domain}} and C{{local}} in it stand for the parts of the recipient's address.
        @param in_thread: calls a function in a thread.
        @raise ValueError: it is empty or holds other braces.
        """
        if not pattern:
            raise ValueError("maildir needs a path: maildir:PATH")
        if set("{}") & set(pattern.replace("{domain}", "").replace("{local}", "")):
            raise ValueError(f"only {{domain}} and {{local}} may stand in braces: {pattern}")
        self._pattern = os.path.abspath(pattern)
        self.in_thread = in_thread
        self.fsync = fsync
        super().__init__(lambda connection: MaildirSession(self, connection.domain))

    def maildir(self, recipient: str, own_domain: str) -> str:
        """
        The Maildir of C{recipient}; <Postmaster>, who needs no domain, is that of C{own_domain}.

        @raise SMTPError: 553 5.1.3, no file can safely have that name.
        """
        local, domain = path.split(recipient)
        names = {"local": local.lower(), "domain": (domain or own_domain).lower()}
        for field, name in names.items():
            if "{" + field + "}" in self._pattern and not _safe(name):
                raise SMTPError.from_reply(replies.UNSAFE_MAILBOX_553)
        return self._pattern.format(**names)


def _safe(name: str) -> bool:
    """Whether C{name} can be one part of a path and nothing else."""
    return (
        bool(name)
        and not name.startswith(".")
        and name.isprintable()
        and not any(letter in name for letter in "/\\\0")
        and len(name.encode("utf-8")) <= MAX_NAME
    )


class MaildirSession(Session):
    """Keeps no state: the envelope is on the context."""

    def __init__(self, backend: MaildirBackend, domain: str) -> None:
        self._backend = backend
        self._domain = domain

    def rcpt(self, recipient: str, options: RcptOptions) -> None:
        """
        @raise SMTPError: 553 5.1.3, nobody can have such a Maildir.
        """
        self._backend.maildir(recipient, self._domain)

    async def data(self, message: Any, context: Any) -> None:
        """Deliver to every recipient, or under SMTP to none."""
        in_thread = self._backend.in_thread
        delivery = Delivery(self._backend, context)
        try:
            gathered: list[bytes] = []
            octets = 0
            async for chunk in message:
                gathered.append(chunk)
                octets += len(chunk)
                if octets >= GATHER:
                    await in_thread(delivery.write, b"".join(gathered))
                    gathered, octets = [], 0
            await in_thread(delivery.complete, b"".join(gathered))
        except BaseException as error:
            delivery.abandon()
            if isinstance(error, OSError):
                raise _refusal(error, context.queue_id) from error
            raise
        failed = [(recipient, reason) for recipient, reason in delivery.outcomes if reason is not None]
        for recipient, reason in failed:
            context.set_status(recipient, _refusal(reason, context.queue_id))
        log.info(
            "{queue_id}: from=<{sender}> size={size} stored for {stored} of {recipients} ({session_id})",
            queue_id=context.queue_id,
            sender=context.sender,
            size=message.received,
            stored=len(delivery.outcomes) - len(failed),
            recipients=len(context.recipients),
            session_id=context.connection.session_id,
        )


def _refusal(error: OSError, queue_id: str) -> SMTPError:
    log.error("{queue_id}: cannot store: {error}", queue_id=queue_id, error=str(error))
    full = error.errno in _FULL
    return SMTPError.from_reply(replies.disk_full_452(queue_id) if full else replies.local_error_451(queue_id))


class Delivery:
    """
    One message on its way to one or more Maildirs; blocking, for a thread.

    @ivar outcomes: (recipient, None or what went wrong), one for each, in RCPT order.
    """

    def __init__(self, backend: MaildirBackend, context: Any) -> None:
        self.outcomes: list[tuple[str, OSError | None]] = []
        self._fsync = backend.fsync
        self._context = context
        self._recipients: dict[str, list[str]] = {}
        for recipient in context.recipients:
            self._recipients.setdefault(backend.maildir(recipient, context.connection.domain), []).append(recipient)
        self._received = time.time()
        self._name = f"{self._received:.6f}".replace(".", ".M") + f"P{os.getpid()}Q{next(_numbers)}.{_host}"
        self._file: IO[bytes] | None = None
        self._body = 0
        self._unusable: dict[str, OSError] = {}
        self._temporary: list[str] = []
        self._abandoned = False

    def write(self, octets: bytes) -> None:
        """
        The next octets of the body.

        @raise OSError: the disk takes no more.
        """
        if self._file is None:
            self._file = self._open_first()
            self._body = self._file.tell()
        self._file.write(octets)

    def complete(self, octets: bytes) -> None:
        """
        The last octets of the body: store it, everywhere.

        @raise OSError: it is stored nowhere.
        """
        self.write(octets)
        assert self._file is not None
        ready = [self._prepare(maildir) for maildir in reversed(self._recipients)]  # C{_file}, which is copied, last
        ready.reverse()
        failures = [error for _, error in ready if error is not None]
        if failures and (len(failures) == len(ready) or not self._context.connection.lmtp):
            raise failures[0]  # SMTP has one answer: none is delivered, the client keeps the message
        found: dict[str, OSError | None] = {}
        for (maildir, recipients), (temporary, error) in zip(self._recipients.items(), ready, strict=True):
            found.update(dict.fromkeys(recipients, error or self._publish(maildir, temporary)))
        self._file.close()
        self.outcomes = [(recipient, found[recipient]) for recipient in self._context.recipients]

    def abandon(self) -> None:
        """Leave nothing behind."""
        self._abandoned = True
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
        for temporary in self._temporary:
            self._remove(temporary)

    def _remove(self, temporary: str) -> None:
        with contextlib.suppress(OSError):
            os.unlink(temporary)

    def _open_first(self) -> IO[bytes]:
        """A file in the first Maildir that can be had; under LMTP the others may fail alone."""
        for maildir, recipients in self._recipients.items():
            try:
                return self._open(maildir, recipients)
            except OSError as error:
                self._unusable[maildir] = error
                if not self._context.connection.lmtp or self._abandoned:
                    break
        raise next(iter(self._unusable.values()))

    def _prepare(self, maildir: str) -> tuple[str, OSError | None]:
        """The whole message in the C{tmp} of C{maildir}, on the disk."""
        whole = self._file
        assert whole is not None
        if maildir in self._unusable:
            return "", self._unusable[maildir]
        try:
            if whole.name != self._path(maildir, "tmp"):
                whole.flush()
                with self._open(maildir, self._recipients[maildir]) as copy, open(whole.name, "rb") as source:
                    source.seek(self._body)
                    shutil.copyfileobj(source, copy, GATHER)
                    self._sync(copy)
            else:
                self._sync(whole)
        except OSError as error:
            self._remove(self._path(maildir, "tmp"))
            return "", error
        return self._path(maildir, "tmp"), None

    def _sync(self, file: IO[bytes]) -> None:
        file.flush()
        self._fsync(file.fileno())

    def _publish(self, maildir: str, temporary: str) -> OSError | None:
        """Into C{new}, and that on the disk too."""
        try:
            if self._abandoned:
                raise FileNotFoundError(errno.ENOENT, "the peer has gone", temporary)
            os.rename(temporary, self._path(maildir, "new"))
            self._sync_directory(os.path.join(maildir, "new"))
        except OSError as error:
            self._remove(temporary)
            self._remove(self._path(maildir, "new"))
            return error
        return None

    def _path(self, maildir: str, part: str) -> str:
        return os.path.join(maildir, part, self._name)

    def _open(self, maildir: str, recipients: list[str]) -> IO[bytes]:
        if not os.path.isdir(os.path.join(maildir, "new")):
            self._make(maildir)
        temporary = self._path(maildir, "tmp")
        file = open(temporary, "xb")  # noqa: SIM115  # it outlives this function
        self._temporary.append(temporary)
        try:
            if self._abandoned:  # meanwhile, in the reactor's thread
                raise FileNotFoundError(errno.ENOENT, "the peer has gone", temporary)
            file.write(self._trace(recipients))
        except OSError:
            with contextlib.suppress(OSError):
                file.close()
            self._remove(temporary)
            raise
        return file

    def _make(self, maildir: str) -> None:
        """A Maildir, which is on the disk itself before anything in it is promised."""
        missing = [maildir]
        while not os.path.isdir(parent := os.path.dirname(missing[-1])):
            missing.append(parent)
        for part in ("tmp", "new", "cur"):
            os.makedirs(os.path.join(maildir, part), mode=0o700, exist_ok=True)
        for made in [*missing, os.path.dirname(missing[-1])]:
            self._sync_directory(made)

    def _sync_directory(self, directory: str) -> None:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self._fsync(descriptor)
        finally:
            os.close(descriptor)

    def _trace(self, recipients: list[str]) -> bytes:
        """The headers of final delivery (RFC 5321 §4.4)."""
        context = self._context
        delivered = b"".join(map(trace.delivered_to, recipients))
        return trace.return_path(context.sender) + delivered + bytes(context.received(self._received))
