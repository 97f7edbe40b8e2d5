"""The URL of a web server, with the login that it may hold (RFC 3986 §3.2.1)."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, replace
from urllib.parse import SplitResult, unquote, urlsplit

from txsmtpx.setting import shown
from txsmtpx.wire.description import check_host


@dataclass(frozen=True)
class WebURL:
    """
    A URL of HTTP or HTTPS.

    Attributes:
        text: The URL without the login.
        host: The host: a domain, or an IP address without brackets.
        port: The port.
        tls: True for https.
        authorization: The login of the URL as the value of an Authorization header (RFC 7617); None without a login.

    Example:
        >>> url = WebURL.parsed("https://ann:secret@app.example.org/mail?key=7")
        >>> url.text, url.shown
        ('https://app.example.org/mail?key=7', 'https://app.example.org/mail')
        >>> url
        WebURL('https://app.example.org/mail')
    """

    text: str
    host: str
    port: int
    tls: bool
    authorization: str | None = None

    def __repr__(self) -> str:
        return f"WebURL({self.shown!r})"

    @property
    def shown(self) -> str:
        """The URL without login and query, which may hold secrets: for logs and errors."""
        return self.text.partition("?")[0]

    def with_text(self, text: str) -> WebURL:
        """
        Return another URL of the same server, with the same login.

        Args:
            text: The URL without the login.

        Returns:
            The URL.
        """
        return replace(self, text=text)

    @classmethod
    def parsed(cls, text: str) -> WebURL:
        """
        Parse a URL.

        Args:
            text: The URL.

        Returns:
            The URL.

        Raises:
            ValueError: It is none, or no URL of a web server.  The text of the error has no password.

        Example:
            >>> WebURL.parsed("ftp://ann:secret@app.example.org/")
            Traceback (most recent call last):
            ValueError: 'ftp://***@app.example.org/' is no URL of a web server: write http://HOST/PATH or https://...
        """
        split = _split(text)
        if split.scheme not in ("http", "https") or not split.hostname:
            raise _wrong(text, "is no URL of a web server: write http://HOST/PATH or https://...")
        try:
            check_host(split.hostname)
        except ValueError:
            raise _wrong(text, "has no host that can be used") from None
        if split.fragment:
            raise _wrong(text, "has a fragment (#), which no web server gets")
        tls = split.scheme == "https"
        login, _, place = split.netloc.rpartition("@")
        name, _, password = login.partition(":")
        pair = f"{unquote(name)}:{unquote(password)}".encode()
        return cls(
            split._replace(netloc=place).geturl(),
            split.hostname,
            split.port or (443 if tls else 80),
            tls,
            f"Basic {base64.b64encode(pair).decode('ascii')}" if login else None,
        )


def _split(text: str) -> SplitResult:
    if not text.isascii() or not text.isprintable() or " " in text:
        raise _wrong(text, "has characters that a URL cannot have: write them as %XX")
    try:
        split = urlsplit(text)
        port = split.port
    except ValueError:  # a port that is no number, or brackets without an address
        port = 0
    if port == 0:
        raise _wrong(text, "has no host and port that can be used")
    return split


def _wrong(text: str, why: str) -> ValueError:
    return ValueError(f"{shown(re.sub('//.*@', '//***@', text).partition('?')[0])} {why}")
