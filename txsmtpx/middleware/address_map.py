"""A table from addresses and domains to new addresses: its keys, its values, and the look-up."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from txsmtpx.grammar import path
from txsmtpx.grammar.domain import domain_key
from txsmtpx.grammar.mailbox import mailbox_key
from txsmtpx.grammar.malformed import Malformed

_FORM = "write an address such as 'me@example.org', or a domain such as '@example.org'"


def mapped(table: Mapping[str, str]) -> Callable[[str], str | None]:
    """
    Return the function that looks addresses up in a table.

    A key is an address, such as ``"old@example.org"``; a domain, such as ``"@example.org"``; or ``"@"`` for all others.
    An address is looked up before its domain.  A value is an address; or a domain, which keeps the local part.
    Addresses and domains are compared by `txsmtpx.mailbox_key` and `txsmtpx.domain_key`.

    Args:
        table: The table.

    Returns:
        The function.

    Raises:
        ValueError: A key or a value is neither an address nor a domain, or one key occurs twice with different values.

    Example:
        >>> new = mapped({"@example.org": "@example.net", "old@example.org": "new@example.org"})
        >>> new("me@example.org"), new("old@EXAMPLE.org"), new("me@example.com")
        ('me@example.net', 'new@example.org', None)
    """
    known: dict[str, str] = {}
    for name, new in table.items():
        if known.setdefault(key_of(name), new) != new:
            raise ValueError(f"{name} is twice in the table, in two spellings, with two new addresses")
        check_new_address(name, new)

    def look_up(address: str) -> str | None:
        key = mailbox_key(address)
        for name in (key, domain_of(key), "@"):
            new = known.get(name)
            if new is not None:
                return substituted(address, new)
        return None

    return look_up


def key_of(name: str) -> str:
    """
    Return the form in which the keys of a table are compared.

    Args:
        name: A key: an address, ``"@"`` and a domain, or ``"@"``.

    Returns:
        The form.

    Raises:
        ValueError: It is neither an address nor a domain.

    Example:
        >>> key_of("Info@Example.org"), key_of("@Example.org")
        ('info@example.org', '@example.org')
    """
    if "@" not in name and mailbox_key(name) != "postmaster":
        raise ValueError(f"the table has the key {name!r}: {_FORM}")
    domain = domain_key(path.split(name)[1])
    return f"@{domain}" if name.startswith("@") else mailbox_key(name)


def domain_of(key: str) -> str:
    """
    Return the key of the domain of an address.

    Args:
        key: The address.

    Returns:
        ``"@"`` and the domain.

    Example:
        >>> domain_of("info@example.org")
        '@example.org'
    """
    return f"@{path.split(key)[1]}"


def substituted(address: str, new: str) -> str:
    """
    Return the new address for an address.

    Args:
        address: The address.
        new: The value of a table: an address; or ``"@"`` and a domain, which keeps the local part.

    Returns:
        The new address.

    Example:
        >>> substituted("me@example.org", "@example.net")
        'me@example.net'
    """
    return f"{address.removesuffix(domain_of(address))}{new}" if new.startswith("@") else new


def check_new_address(name: str, new: str) -> None:
    """
    Check the value of a table.

    Args:
        name: Its key.
        new: The value.

    Raises:
        ValueError: It is neither an address, nor ``"@"`` and a domain.

    Example:
        >>> check_new_address("info@example.org", "@example.net")
    """
    try:
        path.format_path(f"postmaster{new}" if new.startswith("@") else new or "no address")
    except Malformed as error:
        raise ValueError(f"the new address of {name} is {new!r} ({error}): {_FORM}") from None
