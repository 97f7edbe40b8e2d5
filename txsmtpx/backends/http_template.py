"""The URL of a web application, with the parts of a recipient's address in it."""

from __future__ import annotations

from urllib.parse import quote

from txsmtpx.errors import SMTPError
from txsmtpx.grammar import path
from txsmtpx.grammar.domain import domain_key
from txsmtpx.grammar.mailbox import local_key
from txsmtpx.grammar.reply import Reply
from txsmtpx.wire.web_url import WebURL

UNUSABLE_MAILBOX_553 = Reply(553, (5, 1, 3), "That mailbox name cannot be part of a URL")
"""To a recipient whose address cannot be part of the URL of the web application."""

_FIELDS = ("{domain}", "{local}")


class URLTemplate:
    """
    A URL, in which the parts of an address replace ``{domain}`` and ``{local}``, escaped (RFC 3986 §2.1).

    Attributes:
        varies: True if the URL has such a part.

    Args:
        text: The URL.

    Raises:
        ValueError: It is no URL of a web server, or has other braces, or has such a part in its host.

    Example:
        >>> url = URLTemplate("https://app.example.org/mail/{domain}?to={local}")
        >>> url.of("R&D@EXAMPLE.org", "mail.example.org").text
        'https://app.example.org/mail/example.org?to=r%26d'
    """

    def __init__(self, text: str) -> None:
        self.varies: bool = any(field in text for field in _FIELDS)
        url = WebURL.parsed(text.replace("{domain}", "DOMAIN").replace("{local}", "LOCAL"))
        if set("{}") & set(url.text):
            raise ValueError(f"only {{domain}} and {{local}} may stand in braces: {url.shown}")
        place = text.partition("://")[2].partition("/")[0].partition("?")[0]
        if any(field in place for field in _FIELDS):
            raise ValueError(f"{url.shown} has a part of an address in its host; write it behind the host")
        self._url = WebURL.parsed(text)

    def __repr__(self) -> str:
        return f"URLTemplate({self.shown!r})"

    @property
    def shown(self) -> str:
        """The URL without login and query: for logs and errors."""
        return self._url.shown

    @property
    def has_login(self) -> bool:
        """True if the URL has a user name or a password."""
        return self._url.authorization is not None

    def of(self, recipient: str, own_domain: str) -> WebURL:
        """
        Return the URL for a recipient.

        Args:
            recipient: The address.
            own_domain: The domain of <Postmaster>, which has none.

        Returns:
            The URL.  Two addresses of one mailbox have the same (`txsmtpx.mailbox_key`).

        Raises:
            SMTPError: 553 5.1.3 if a part of the address would change the path of the URL.
        """
        if not self.varies:
            return self._url
        local, domain = path.split(recipient)
        try:
            parts = {"{local}": local_key(local), "{domain}": domain_key(domain or own_domain)}
            quoted = {field: quote(part, safe="") for field, part in parts.items()}
        except ValueError:
            raise SMTPError.from_reply(UNUSABLE_MAILBOX_553) from None
        text = self._url.text
        for field in _FIELDS:
            if field in text and parts[field] in ("", ".", ".."):  # servers resolve dots, also if they are escaped
                raise SMTPError.from_reply(UNUSABLE_MAILBOX_553)
        for field in _FIELDS:  # what is quoted has no braces
            text = text.replace(field, quoted[field])
        return self._url.with_text(text)
