"""The URL of an AMQP broker, in the form that RabbitMQ documents."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from urllib.parse import unquote, urlsplit

from txsmtpx.stores.store_names import login_for_url
from txsmtpx.wire.description import check_host

_FORM = "write amqp://USER:PASSWORD@HOST:PORT/VHOST, or amqps:"


@dataclass(frozen=True)
class AMQPURL:
    """
    The URL of a broker.  No error and no repr shows its password.

    Attributes:
        host: The host: a domain, or an IP address without brackets.
        port: The port; 5672 by default, and 5671 with TLS.
        tls: True for amqps.
        username: The user; ``"guest"`` by default, as in RabbitMQ.
        password: The password; ``"guest"`` by default.
        vhost: The virtual host; ``"/"`` by default.

    Example:
        >>> AMQPURL.parsed("amqps://mail:secret@broker.example.org/prod")
        AMQPURL(host='broker.example.org', port=5671, tls=True, username='mail', vhost='prod')
    """

    host: str
    port: int
    tls: bool
    username: str
    password: str = field(repr=False)
    vhost: str

    @classmethod
    def parsed(cls, text: str) -> AMQPURL:
        """
        Parse a URL.

        Args:
            text: The URL.  One that begins with ``//`` is one of ``amqp:``.

        Returns:
            The URL.

        Raises:
            ValueError: It is none, or no URL of a broker.

        Example:
            >>> AMQPURL.parsed("http://ann:secret@broker.example.org/")
            Traceback (most recent call last):
            ValueError: this is no URL of a broker; write amqp://USER:PASSWORD@HOST:PORT/VHOST, or amqps:
        """
        if text.startswith("//"):  # as in --backend amqp://HOST
            text = f"amqp:{text}"
        scheme, _, rest = text.partition("://")
        if scheme not in ("amqp", "amqps") or not rest:
            raise ValueError(f"this is no URL of a broker; {_FORM}")
        try:
            split = urlsplit(text)
            host, port = split.hostname or "", split.port
            check_host(host)
            if port == 0:
                raise ValueError("no program listens on port 0")
        except ValueError:
            raise ValueError(f"the URL of the broker has no host or port that can be used; {_FORM}") from None
        if split.query or split.fragment:
            raise ValueError(f"the URL of the broker ends with its virtual host, and not with ? or #; {_FORM}")
        login, _, _ = split.netloc.rpartition("@")
        name, _, password = login.partition(":")
        vhost = split.path.removeprefix("/")
        if "/" in vhost:
            raise ValueError(f"the virtual host has a slash; write it as %2F: {vhost!r}")
        tls = scheme == "amqps"
        return cls(
            host,
            port or (5671 if tls else 5672),
            tls,
            unquote(name) if login else "guest",
            unquote(password) if login else "guest",
            unquote(vhost) or "/",
        )

    def logged_in(self, path: str) -> AMQPURL:
        """
        Return this URL with the login of a file.

        Args:
            path: The path of a file with one line ``NAME:PASSWORD``; ``""`` for the login of the URL.

        Returns:
            The URL.

        Raises:
            ValueError: The file cannot be read, or has no login.
        """
        if not path:
            return self
        username, password = login_for_url(path)
        return replace(self, username=username, password=password)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'amqps' if self.tls else 'amqp'}://{host}:{self.port}"
