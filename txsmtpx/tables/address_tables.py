"""
Tables of addresses by their descriptions, and the function that asks several of them for a new address.

A server is asked for the address as the client has written it, as Postfix asks.  If it has no answer, it is asked for
the form in which addresses are compared, then for ``@`` and the domain.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from twisted.logger import Logger

from txsmtpx.errors import SMTPError
from txsmtpx.grammar.mailbox import mailbox_key
from txsmtpx.interfaces import Reactor
from txsmtpx.middleware.address_map import check_new_address, domain_of, substituted
from txsmtpx.middleware.rewrite import LOOKUP_FAILED_451
from txsmtpx.tables.file_table import FileTable
from txsmtpx.tables.remote_table import RemoteTable
from txsmtpx.tables.table_codec import TableError

log = Logger(__name__)

AddressTable = FileTable | RemoteTable

_OTHER_KINDS = ("btree", "cdb", "dbm", "hash", "lmdb", "texthash")
"""Kinds of Postfix's tables that are made from a text file."""


def address_table(description: str, reactor: Reactor | None = None) -> AddressTable:
    """
    Return the table of a description.

    Args:
        description: The path of a file, ``socketmap:ENDPOINT:NAME``, or ``tcp:HOST:PORT`` for tcp_table.
        reactor: The reactor.  None: the global one.

    Returns:
        The table.

    Raises:
        OSError: The file cannot be read.
        ValueError: The description or the file cannot be used.
    """
    kind, _, rest = description.partition(":")
    if not description:
        raise ValueError("it is empty; write the path of a file, socketmap:ENDPOINT:NAME or tcp:HOST:PORT")
    if kind in ("socketmap", "tcp"):
        return RemoteTable(description, reactor=reactor)
    if kind in _OTHER_KINDS:
        raise ValueError(f"name the text file from which it is made; write {rest}")
    if re.match("[a-z]+:", description):
        raise ValueError(f"{kind!r} is no kind of table; write the path of a file, socketmap:... or tcp:HOST:PORT")
    return FileTable(description)


class TableRewriting:
    """
    The function that asks tables for a new address, for `txsmtpx.RewriteBackend`.  The first answer counts.

    Args:
        tables: The tables.

    Example:
        ::

            table = RemoteTable("socketmap:unix:/run/map.sock:virtual")
            backend = RewriteBackend(backend, recipient=TableRewriting([table]))
    """

    def __init__(self, tables: Sequence[AddressTable]) -> None:
        self._tables = tables

    async def __call__(self, address: str) -> str | None:
        """
        Return the new address for an address.

        Args:
            address: The address.

        Returns:
            The new address; None if no table has one.

        Raises:
            SMTPError: 451 4.3.0 if a server has no answer, or its answer is no address.
        """
        for table in self._tables:
            new = table(address) if isinstance(table, FileTable) else await _remote(table, address)
            if new is not None:
                return new
        return None


async def _remote(table: RemoteTable, address: str) -> str | None:
    """Look an address up, then its domain."""
    key = mailbox_key(address)
    try:
        for each in dict.fromkeys((address, key, domain_of(key))):
            new = await table.look_up(each)
            if new is not None:
                check_new_address(each, new)
                return substituted(address, new)
    except (TableError, ValueError) as error:
        log.warn("{table}: no answer about {address}: {error}", table=table.description, address=address, error=error)
        raise SMTPError.from_reply(LOOKUP_FAILED_451) from error
    return None
