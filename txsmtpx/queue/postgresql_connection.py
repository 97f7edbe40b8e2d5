"""Connections to a queue in PostgreSQL, the placeholders of their statements, and the creation of the tables."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from txsmtpx.queue.postgresql_schema import LOCK, TABLES, VERSION
from txsmtpx.queue.queue_rows import Values
from txsmtpx.setting import did_you_mean

if TYPE_CHECKING:
    import psycopg

CONNECT = 10
"""Seconds for a connection."""

UNANSWERED = 30_000
"""Milliseconds after which a database that does not acknowledge is lost: the connection fails."""

ABANDONED = 60_000
"""Milliseconds after which the database ends the transaction of a machine that is lost.  It holds locks meanwhile."""

LOCKED = 30_000
"""Milliseconds for a row that another process has locked."""


def shown_name(url: str) -> str:
    """
    Return the name of a database for logs and errors: the user, the host, the port and the database.

    Args:
        url: The URL of the database.

    Returns:
        The name, without a password.

    Raises:
        ValueError: The URL cannot be used.  The text of the error has no part of it but a parameter with a typo.

    Example:
        >>> shown_name("postgresql://mail:secret@db.example.org/mail")
        'user=mail host=db.example.org dbname=mail'
    """
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    try:
        known = conninfo_to_dict(url)
    except psycopg.Error:  # whose text may quote a password
        hint = _unknown_parameter(url) or "is malformed; write postgresql://USER@HOST/NAME"
        raise ValueError(f"the URL of the database {hint}") from None
    host, port, database = (str(known.get(each, "")) for each in ("host", "port", "dbname"))
    if "@" in host + database or not all(_is_port(each) for each in port.split(",")):
        # libpq ends the host at the first / and the password at the first @, so these may be parts of a password.
        text = "has no port that can be used; in a password, write / as %2F, @ as %40"
        raise ValueError(f"the URL of the database {text}")
    shown = {"user": known.get("user"), "host": host, "port": port, "dbname": database}
    return " ".join(f"{name}={value}" for name, value in shown.items() if value) or "the default database"


def _is_port(text: str) -> bool:
    """Return whether a port can be used; the empty one is the default."""
    return not text or (text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) < 65_536)


def _unknown_parameter(url: str) -> str:
    """Return what is wrong with the first parameter that is nearly a known one; "" if there is none."""
    from psycopg.pq import Conninfo

    known = {option.keyword.decode() for option in Conninfo.get_defaults()}
    for name in re.findall(r"[?&](\w+)=", url):
        near = did_you_mean(name, known)
        if name not in known and near:
            return f"has no parameter {name}{near}"
    return ""


def connect(url: str) -> psycopg.Connection:
    """
    Connect to a database, and create the tables of a queue if they are missing.

    Args:
        url: The URL of the database.

    Returns:
        The connection.  Each of its commits is on the disk of the database when it returns.

    Raises:
        psycopg.Error: The database cannot be used.
        ValueError: The tables are those of a later version.
    """
    import psycopg

    connection = psycopg.connect(
        url,
        connect_timeout=CONNECT,
        autocommit=True,
        application_name="txsmtpx",
        keepalives_idle=30,
        keepalives_interval=10,
        keepalives_count=3,
        tcp_user_timeout=UNANSWERED,
    )
    try:
        connection.execute(
            "SET search_path TO txsmtpx_queue; SET synchronous_commit TO on;"
            f"SET idle_in_transaction_session_timeout TO {ABANDONED}; SET lock_timeout TO {LOCKED}"
        )
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
            known = connection.execute("SELECT to_regclass('txsmtpx_queue.version')").fetchone()
            if known == (None,):
                connection.execute(TABLES)
                connection.execute("INSERT INTO version VALUES (%s)", (VERSION,))
            version = connection.execute("SELECT version FROM version").fetchone()
        if version is None or version[0] > VERSION:
            raise ValueError("the tables were created by a later version of txsmtpx; update txsmtpx")
    except BaseException:
        connection.close()
        raise
    return connection


def is_idle(connection: psycopg.Connection) -> bool:
    """
    Return whether a connection can begin a transaction.

    If the database ends while psycopg sends several statements, libpq waits for their answers for ever.  Such a
    connection is not closed, and it cannot be used.

    Args:
        connection: The connection, which is within no transaction.

    Returns:
        True if it can.
    """
    from psycopg.pq import PipelineStatus, TransactionStatus

    state = connection.pgconn
    return state.transaction_status == TransactionStatus.IDLE and state.pipeline_status == PipelineStatus.OFF


class NamedConnection:
    """
    A connection whose statements have placeholders such as ``:name``.  A `PostgreSQLQueue` creates it.

    Args:
        raw: The connection.

    Attributes:
        raw: As in the arguments.
    """

    def __init__(self, raw: psycopg.Connection) -> None:
        self.raw = raw

    def execute(self, statement: str, values: Values | None = None) -> psycopg.Cursor[tuple[Any, ...]]:
        """
        Execute a statement.

        Args:
            statement: The statement.
            values: The values by name.  None: the statement has no placeholder.

        Returns:
            The rows.
        """
        return self.raw.execute(named(statement), values)

    def executemany(self, statement: str, values: Iterable[Values]) -> None:
        """
        Execute a statement for each of several groups of values.

        Args:
            statement: The statement.
            values: The groups.
        """
        with self.raw.cursor() as cursor:
            cursor.executemany(named(statement), values)


def named(statement: str) -> str:
    """
    Return a statement with the placeholders of psycopg.

    Args:
        statement: With placeholders such as ``:name``.

    Returns:
        The statement.

    Example:
        >>> named("SELECT :now")
        'SELECT %(now)s'
    """
    return re.sub(r":(\w+)", r"%(\1)s", statement)
