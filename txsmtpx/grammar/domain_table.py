"""A table by domain.  The most specific entry counts: of the domain, of the nearest domain above it, of all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

from txsmtpx.grammar import path
from txsmtpx.grammar.domain import domain_key

EVERY_DOMAIN = "*"
"""The entry of all domains without an entry of their own."""

T = TypeVar("T")


class DomainTable(Generic[T]):
    """
    Values by domain.

    Example:
        >>> table = DomainTable[int]()
        >>> table.add(".example.org", 1)
        >>> table.add("*", 2)
        >>> [table.key_of(domain) for domain in ("lists.example.org", "example.org")]
        ['.example.org', '*']
    """

    def __init__(self) -> None:
        self._values: dict[str, T] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def add(self, key: str, value: T) -> None:
        """
        Add an entry.

        Args:
            key: A result of `entry_key`.
            value: The value.

        Raises:
            ValueError: There is one already.
        """
        if key in self._values:
            raise ValueError(f"there are two for {key}; leave one out")
        self._values[key] = value

    def get(self, key: str) -> T | None:
        """
        Return the value of an entry.

        Args:
            key: The key of the entry.

        Returns:
            The value; None if there is none.
        """
        return self._values.get(key)

    def key_of(self, domain: str) -> str | None:
        """
        Return the key of the entry that counts for a domain.

        Args:
            domain: The domain, in the form of `txsmtpx.domain_key`.

        Returns:
            The key; None if there is no entry.
        """
        if domain in self._values:
            return domain
        above = domain.partition(".")[2]
        while above:
            if f".{above}" in self._values:
                return f".{above}"
            above = above.partition(".")[2]
        return EVERY_DOMAIN if EVERY_DOMAIN in self._values else None


def entry_key(domain: str) -> str:
    """
    Return the key of an entry.

    Args:
        domain: A domain; ``".example.org"`` for the domains below it; ``"*"`` for all others.

    Returns:
        The domain in the form in which domains are compared.

    Raises:
        ValueError: It is no domain.

    Example:
        >>> entry_key(".Example.ORG")
        '.example.org'
    """
    dot, name = ("." if domain.startswith(".") else ""), domain.removeprefix(".")
    if domain == EVERY_DOMAIN:
        return domain
    try:
        if dot and name.startswith("["):
            raise ValueError
        path.check_domain_part(name)
        return f"{dot}{domain_key(name)}"
    except ValueError:
        raise ValueError(f'write a domain, such as example.org, .example.org or "*", not {domain!r}') from None
