"""A disk under a Maildir backend, that remembers what it was asked for and fails where it is told to."""

from __future__ import annotations

import os
import stat

from twisted.internet.defer import maybeDeferred

from txsmtpx import MaildirBackend
from txsmtpx.testing import Conversation

SMTP = ("EHLO client.example", "MAIL FROM:<a@client.example>")
LMTP = ("LHLO client.example", "MAIL FROM:<a@client.example>")

BODY = "Subject: hi\r\n\r\n" + "\r\n".join(["x" * 70] * 5000)  # more than is gathered before a write


def files(directory):
    """Every file below it, relative to it."""
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file())


def conversation(backend, recipients, lmtp=False):
    client = Conversation(backend, lmtp=lmtp)
    client.ask(*(LMTP if lmtp else SMTP), *[f"RCPT TO:<{each}@localhost>" for each in recipients], "DATA")
    return client


def deliver(backend, *recipients, lmtp=False):
    """Say one message; the answers to its end."""
    client = conversation(backend, recipients, lmtp)
    said = client.ask(*BODY.split("\r\n"), ".")
    client.hang_up()
    return said


class Disk:
    """Remembers what was asked of the disk, and fails where it is told to."""

    def __init__(self, monkeypatch, root):
        self.events: list[str] = []
        self.fails: dict[int, int] = {}
        self.sizes: list[int] = []
        self.synced: list[str] = []
        self.known: list[str] = []
        self._root = root
        self._rename = os.rename
        monkeypatch.setattr(os, "rename", self.rename)

    def backend(self, pattern="{local}", in_thread=maybeDeferred, fsync=None):
        """A new one, as after a restart; it knows the Maildirs in ``known`` already."""
        backend = MaildirBackend(str(self._root / pattern), in_thread, lambda descriptor: None)
        for name in self.known:
            backend.directories.ensure(str(self._root / name))
        backend.directories.fsync = fsync or self.fsync
        return backend

    def fsync(self, descriptor):
        status = os.fstat(descriptor)
        found = self._find(status)
        if not found:
            return  # above all of it, which root may write to, so it is synced too
        (where,) = found
        directory = stat.S_ISDIR(status.st_mode)
        if not directory:
            self.sizes.append(status.st_size)
            where = f"{os.path.dirname(where)}/*"
        self._happens(f"fsync {where}")
        if directory:
            self.synced.append(where)

    def rename(self, source, target, *, src_dir_fd=None, dst_dir_fd=None):
        if src_dir_fd is not None and dst_dir_fd is not None:  # as a delivery does, unlike a test
            (where,), (to,) = (self._find(os.fstat(directory)) for directory in (src_dir_fd, dst_dir_fd))
            self._happens(f"rename {where}/* {to}/*")
        self._rename(source, target, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    def _happens(self, event):
        self.events.append(event)
        if len(self.events) in self.fails:
            number = self.fails[len(self.events)]
            raise OSError(number, os.strerror(number))

    def _find(self, status):
        paths = [self._root.parent, self._root, *self._root.rglob("*")]
        return [os.path.relpath(path, self._root) for path in paths if os.path.samestat(path.stat(), status)]
