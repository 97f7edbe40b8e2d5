"""Patterns of addresses: for the recipients of released mail, and for forwarding."""

from __future__ import annotations

from txsmtpx.grammar import path
from txsmtpx.grammar.domain import domain_key
from txsmtpx.grammar.mailbox import local_key, mailbox_key

_STAR = "*"


class AddressPattern:
    """
    Match addresses.  The operator writes one, see ``docs/inbox.md``.

    Attributes:
        text: The pattern as it was written.

    Args:
        text: An address, whose local part may have ``*`` for any characters.  The domain may be ``*``, or begin with
            ``*.`` for each domain below.  A domain alone stands for all its addresses, ``*`` for all addresses.

    Raises:
        ValueError: The text is no pattern.

    Example:
        >>> pattern = AddressPattern("qa-*@example.org")
        >>> pattern.matches("QA-7@example.org"), pattern.matches("ann@example.org")
        (True, False)
    """

    def __init__(self, text: str) -> None:
        self.text: str = text
        local, at, domain = text.rpartition("@")
        try:
            path.parse_mailbox(f"{local.replace(_STAR, 'x') if at else 'x'}@example.org")
            self._local: list[str] = local_key(path.unquote(local) if at else _STAR).split(_STAR)
            self._below = domain.startswith("*.")
            self._domain = _STAR if domain == _STAR else _domain(domain.removeprefix("*."))
        except ValueError:
            wanted = "an address or a domain, such as qa@example.org, *@example.org, *.example.org or *"
            raise ValueError(f"must be {wanted}, not {text!r}") from None

    def matches(self, address: str) -> bool:
        """
        Match an address.

        Args:
            address: A mailbox.

        Returns:
            True if it matches.
        """
        return self.matches_key(mailbox_key(address))

    def matches_key(self, key: str) -> bool:
        """
        Match an address, of which many patterns are asked.

        Args:
            key: The form of the address in which it is compared (`mailbox_key`).

        Returns:
            True if it matches.
        """
        local, domain = path.split(key)
        if self._domain != _STAR and not (
            domain.endswith(f".{self._domain}") if self._below else domain == self._domain
        ):
            return False
        return _matches(self._local, local)


def _domain(text: str) -> str:
    path.check_domain_part(text)
    return domain_key(text)


def _matches(pieces: list[str], text: str) -> bool:
    """Return True if the text has the pieces in this order, the first at its start and the last at its end."""
    first, last = pieces[0], pieces[-1]
    if len(pieces) == 1:
        return text == first
    if not (text.startswith(first) and text.endswith(last)) or len(text) < len(first) + len(last):
        return False
    at, end = len(first), len(text) - len(last)
    for piece in pieces[1:-1]:
        at = text.find(piece, at, end) + len(piece)
        if at < len(piece):
            return False
    return True
