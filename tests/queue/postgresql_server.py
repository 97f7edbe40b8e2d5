"""A real PostgreSQL for a test, which can be killed and started again."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import psycopg

from tests.interop.peers import POSTGRESQL
from tests.waiting import eventually

USER = "postgres"
"""The user of the Debian package.  PostgreSQL does not run as root."""


class PostgreSQLServer:
    """A cluster that listens on a UNIX socket.  Whoever can reach the socket may log in."""

    def __init__(self) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="txsmtpx-postgresql-"))
        self._process: subprocess.Popen[bytes] | None = None
        if os.geteuid() == 0:
            found = pwd.getpwnam(USER)
            os.chown(self._directory, found.pw_uid, found.pw_gid)
        self._directory.chmod(0o755)
        options = ("--auth=trust", "--no-sync", f"--username={USER}", "--encoding=UTF8", "--locale=C.UTF-8")
        subprocess.run(
            [*self._command("initdb"), *options, f"--pgdata={self._data}"], check=True, capture_output=True, cwd="/"
        )

    @property
    def _data(self) -> Path:
        return self._directory / "data"

    @property
    def url(self) -> str:
        """The URL of the database."""
        return self.url_of(USER, USER)

    def url_of(self, user: str, database: str) -> str:
        """The URL of a database for a user."""
        return f"postgresql://{user}@/{database}?host={self._directory}"

    def command(self, *words: str) -> None:
        """Run a program of PostgreSQL, such as createdb, as the superuser."""
        environment = os.environ | {"PGHOST": str(self._directory), "PGUSER": USER}
        subprocess.run([str(POSTGRESQL / words[0]), *words[1:]], check=True, env=environment)

    def _command(self, name: str) -> list[str]:
        as_user = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--init-groups"] if os.geteuid() == 0 else []
        return [*as_user, str(POSTGRESQL / name)]

    def start(self) -> None:
        """Start it, and wait until it answers."""
        settings = {"listen_addresses": "", "unix_socket_directories": self._directory, "max_wal_size": "64MB"}
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with open(self._directory / "log", "ab") as log:
            self._process = subprocess.Popen(
                [*self._command("postgres"), "-D", str(self._data), *words],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
            )  # fmt: skip
        eventually(self._answers, lambda: (self._directory / "log").read_text())

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._directory / "log").read_text()
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.Error:
            return False
        return True

    def run(self, statement: str) -> list[tuple[object, ...]]:
        """Run a statement, and return its rows."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT closes the connections, SIGQUIT ends it at once, as a crash."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(30)
            self._process = None

    def remove(self) -> None:
        """End it, and remove its files."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self._directory)
