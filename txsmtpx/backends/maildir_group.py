"""
Group commit: messages that end at the same time are written to the disk together.

Theory of operation.  A message is stored in these steps:

1. Its copies are written to files in ``tmp``.  If a Maildir is not held open, it is opened, or created, before that.
2. fsync writes these files to the disk.
3. The files are renamed to ``new``.
4. fsync writes the entries of ``new`` to the disk.
5. The path of the Maildir is found to lead to that ``new`` still.

A group takes each step with all its messages before it takes the next step.  So the disk is asked twice for a group:
for all files at the same time, and for all directories at the same time.  If a file fails, its copy alone fails.  If a
``new`` fails, the copies fail that the group has renamed to it.  fsync is called for each group after its own renames,
so no message depends on the fsync of another group.

The steps 1 and 2 are taken with `AT_ONCE` files at a time, and the steps 3 to 5 with as many Maildirs.  So few
descriptors are open, however many recipients a message has.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from txsmtpx.backends.maildir_copy import Copy
from txsmtpx.backends.maildir_delivery import Delivery
from txsmtpx.backends.maildir_open import OpenMaildir, OpenMaildirs
from txsmtpx.backends.maildir_threads import Each
from txsmtpx.dialog.failure import own_error

AT_ONCE = 16
"""Files that a group holds open at the same time, and then Maildirs, with two descriptors each."""

T = TypeVar("T")

_Copies = Sequence[tuple[Delivery, Copy]]


def store(group: Sequence[Delivery], maildirs: OpenMaildirs, each: Each) -> None:
    """
    Store messages that have been received to their end.  The outcomes are recorded with the deliveries.

    Args:
        group: The deliveries.
        maildirs: The Maildirs that are held open.
        each: It calls a function for each item.
    """
    # Reversed: what was received of a large message is read from its first copy, until that is closed.
    copies = [(delivery, copy) for delivery in group for copy in reversed(delivery.copies)]
    try:
        for some in _slices(copies):
            _open(some, maildirs, each)
            _write(some, each)
        for those in _slices(_by_maildir(copies)):
            _publish(those, each)
    except BaseException:
        for delivery in group:
            delivery.discard()
        raise
    for delivery in group:
        delivery.end()


def _slices(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for begin in range(0, len(items), AT_ONCE):
        yield items[begin : begin + AT_ONCE]


def _by_maildir(copies: _Copies) -> Sequence[_Copies]:
    found: dict[str, list[tuple[Delivery, Copy]]] = {}
    for delivery, copy in copies:
        found.setdefault(copy.maildir, []).append((delivery, copy))
    return list(found.values())


def _open(copies: _Copies, maildirs: OpenMaildirs, each: Each) -> None:
    """Open the Maildirs of copies that are not open, which may have to be created and written to the disk."""
    paths = {copy.maildir for _, copy in copies}
    each(maildirs.prepare, [path for path in paths if not maildirs.holds(path)])


def _write(copies: _Copies, each: Each) -> None:
    """Write copies to files in ``tmp``, and to the disk."""
    each(_sync, [(delivery, copy) for delivery, copy in copies if delivery.fill(copy)])
    for _, copy in copies:
        copy.close()


def _sync(written: tuple[Delivery, Copy]) -> None:
    delivery, copy = written
    try:
        copy.sync()
    except OSError as error:
        delivery.fail(copy, error)


def _publish(maildirs: Sequence[_Copies], each: Each) -> None:
    """Rename the copies of some Maildirs to ``new``, and write its entries to the disk."""
    renamed: dict[OpenMaildir, list[tuple[Delivery, Copy]]] = {}
    for copies in maildirs:
        for delivery, copy in copies:
            maildir = delivery.publish(copy)
            if maildir is not None:  # another one than before, if it has been replaced
                renamed.setdefault(maildir, []).append((delivery, copy))
    each(_sync_entries, list(renamed.items()))


def _sync_entries(renamed: tuple[OpenMaildir, _Copies]) -> None:
    maildir, copies = renamed
    try:
        maildir.sync()
    except OSError as error:
        for delivery, copy in copies:
            maildir.take_back(copy.name)
            delivery.fail(copy, own_error(error))  # no two connections share an exception
