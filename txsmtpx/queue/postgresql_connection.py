"""Connections to a queue in PostgreSQL, and the creation of its tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from txsmtpx.queue.postgresql_schema import LOCK, TABLES, VERSION

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
