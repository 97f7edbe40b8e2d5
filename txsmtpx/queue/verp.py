"""
Variable envelope return paths (VERP): a sender that names the recipient, so each bounce has it too.

The form is that of Postfix and Sendmail: ``list+bob=example.net@example.org`` for mail of ``list@example.org`` to
``bob@example.net``.  A bounce may lack the address that the mail was sent to.  Its envelope always
has the sender of the mail.
"""

from __future__ import annotations

from txsmtpx.grammar.path import MAX_LOCAL_PART, format_path


def verp_encode(sender: str, recipient: str, delimiter: str = "+") -> str:
    """
    Return the sender for one recipient.

    Args:
        sender: The sender of the message.
        recipient: The recipient.
        delimiter: The character between the two.

    Returns:
        The address.

    Raises:
        ValueError: An address has no domain, a quoted local part, or the new local part is too long.

    Example:
        >>> verp_encode("list@example.org", "bob@example.net")
        'list+bob=example.net@example.org'
    """
    local, _, domain = sender.rpartition("@")
    user, _, host = recipient.rpartition("@")
    if not (local and user):
        raise ValueError(f"VERP needs addresses with a domain, not {sender!r} and {recipient!r}")
    if local.startswith('"') or user.startswith('"'):
        raise ValueError(f"VERP cannot be used with quoted local parts: {sender!r}, {recipient!r}")
    made = f"{local}{delimiter}{user}={host}"
    if len(made.encode()) > MAX_LOCAL_PART:
        raise ValueError(f"the local part {made!r} has more than {MAX_LOCAL_PART} octets")
    found = f"{made}@{domain}"
    format_path(found)  # which raises an error if it is none
    return found


def verp_decode(address: str, delimiter: str = "+") -> tuple[str, str]:
    """
    Return what an address of `verp_encode` was made of; the inverse.

    Args:
        address: The recipient of a bounce.
        delimiter: As for `verp_encode`.

    Returns:
        The sender and the recipient.

    Raises:
        ValueError: It is no such address.

    Example:
        >>> verp_decode("list+bob=example.net@example.org")
        ('list@example.org', 'bob@example.net')
    """
    local, _, domain = address.rpartition("@")
    name, _, named = local.partition(delimiter)
    user, _, host = named.rpartition("=")
    if not (name and user and host):
        raise ValueError(f"{address!r} names no recipient")
    return f"{name}@{domain}", f"{user}@{host}"
