"""The URL of a Redis, in the form that redis-py and redis-cli have."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from txsmtpx.grammar import asciitext
from txsmtpx.stores.store_names import login_for_url
from txsmtpx.wire.description import check_host

_FORM = "write redis://HOST:PORT/DATABASE, rediss: for TLS, or unix:PATH for a socket"


@dataclass(frozen=True)
class RedisURL:
    """
    The URL of a Redis.  No error and no repr shows its password.

    Attributes:
        endpoint: The endpoint of Redis, as Twisted describes it.
        username: The user of an ACL; ``""`` for the default user.
        password: The password; ``""`` for none.
        database: The number of the database.

    Example:
        >>> RedisURL.parsed("rediss://mail:secret@redis.example.org/2")
        RedisURL(endpoint='tls:redis.example.org:6379', username='mail', database=2)
        >>> RedisURL.parsed("unix:///run/redis/redis.sock").endpoint
        'unix:/run/redis/redis.sock'
    """

    endpoint: str
    username: str
    password: str = field(repr=False)
    database: int

    @classmethod
    def parsed(cls, text: str) -> RedisURL:
        """
        Parse a URL.

        Args:
            text: The URL, without settings.  One that begins with ``//`` is one of ``redis:``.  Also ``unix:PATH``.

        Returns:
            The URL.

        Raises:
            ValueError: It is none, or no URL of a Redis.

        Example:
            >>> RedisURL.parsed("redis://ann@redis.example.org/")
            Traceback (most recent call last):
            ValueError: the URL of the Redis has the user 'ann', and no password
        """
        if text.startswith("//"):  # as in --backend redis://HOST
            text = f"redis:{text}"
        elif text.startswith("unix:") and not text.startswith("unix://") and text[5:].strip("/"):
            return cls(f"unix:{_quoted(text[5:])}", "", "", 0)
        scheme, colon, _ = text.partition("://")
        if not colon or scheme not in ("redis", "rediss", "unix"):
            raise ValueError(f"the URL of a Redis begins with redis:, rediss: or unix:; {_FORM}")
        try:
            split = urlsplit(text)
            host, port = split.hostname or "", split.port
        except ValueError:
            raise ValueError(f"the URL of the Redis has no host or port that can be used; {_FORM}") from None
        if split.query or split.fragment or not text.isprintable():
            raise ValueError(f"the URL of the Redis ends with its database, and not with ? or #; {_FORM}")
        name, colon, password = split.netloc.rpartition("@")[0].partition(":")
        username, password = unquote(name), unquote(password)
        if username and not password:
            raise ValueError(f"the URL of the Redis has the user {username!r}, and no password")
        if scheme == "unix":
            path = unquote(split.path)
            if host or not path.strip("/"):
                raise ValueError(f"the URL of the Redis names no socket; {_FORM}")
            return cls(f"unix:{_quoted(path)}", username, password, 0)
        try:
            check_host(host)
        except ValueError:
            raise ValueError(f"the URL of the Redis has no host that can be used; {_FORM}") from None
        database = split.path.removeprefix("/") or "0"
        if not asciitext.is_number(database) or len(database) > 6:
            raise ValueError(f"the database of the URL is a number, not {database[:100]!r}")
        kind = "tls" if scheme == "rediss" else "tcp"
        return cls(f"{kind}:{_quoted(host)}:{port or 6379}", username, password, int(database))

    def completed(self, login: str, trust_roots: str) -> RedisURL:
        """
        Return the URL with what an operator keeps in files.

        Args:
            login: The path of a file with one line ``NAME:PASSWORD``, or ``:PASSWORD``; ``""`` for none.
            trust_roots: The path of a directory with the certificates that ``rediss:`` trusts; ``""`` for those of the
                system.

        Returns:
            The URL.

        Raises:
            ValueError: A file or directory cannot be used.
        """
        username, password, endpoint = self.username, self.password, self.endpoint
        if login:
            if password:
                raise ValueError("the URL of the Redis has a login already; leave it out, or leave out login")
            username, password = login_for_url(login)
        if trust_roots:
            if not endpoint.startswith("tls:"):
                raise ValueError("trust_roots needs TLS; write rediss: for redis:")
            if not Path(trust_roots).is_dir():
                raise ValueError(f"trust_roots names no directory: {trust_roots!r}")
            endpoint += f":trustRoots={_quoted(trust_roots)}"
        return RedisURL(endpoint, username, password, self.database)


def _quoted(text: str) -> str:
    """Return a text as a part of the description of an endpoint."""
    return text.replace("\\", "\\\\").replace(":", "\\:").replace("=", "\\=")
