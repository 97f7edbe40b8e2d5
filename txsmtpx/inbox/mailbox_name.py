"""
The mailboxes of a message: by recipient, by login and by tag.

A name has a kind and a value, such as ``recipient:ann@example.org``, ``login:shop`` and ``tag:signup``.  The envelope
alone decides in which mailboxes a message is.  A tag behind ``+`` (RFC 5233) is no part of the recipient, so
``ann+signup@example.org`` is in two mailboxes.
"""

from __future__ import annotations

from collections.abc import Sequence

from txsmtpx.grammar import path
from txsmtpx.grammar.mailbox import mailbox_key
from txsmtpx.inbox.message_tags import tags_of
from txsmtpx.web.web_errors import BadRequest

KINDS = ("recipient", "login", "tag")
"""The kinds of mailboxes."""

MAX_RECIPIENTS = 100
"""Recipients of a message that have a mailbox each."""

MAX_NAME = 400
"""Characters of a name."""


def mailboxes_of(recipients: Sequence[str], username: str | None) -> list[str]:
    """
    Return the mailboxes of a message.

    Args:
        recipients: The addresses of RCPT.
        username: The authenticated user; None without a login.

    Returns:
        The names, each once.

    Example:
        >>> mailboxes_of(["Ann+signup@example.org"], "shop")
        ['recipient:ann@example.org', 'login:shop', 'tag:signup']
    """
    first = recipients[:MAX_RECIPIENTS]
    found = [f"recipient:{_without_tag(each)}" for each in first]
    found += [f"login:{username}"] if username else []
    found += [f"tag:{tag}" for tag in tags_of(first, ())]
    names = dict.fromkeys(name.encode("utf-8", "replace").decode("utf-8") for name in found)
    return [name for name in names if len(name) <= MAX_NAME]


def mailbox_name(text: str) -> str:
    """
    Return the name of a mailbox in the form in which names are compared.

    Args:
        text: The name as a client has written it.

    Returns:
        The name.

    Raises:
        BadRequest: It is no name.

    Example:
        >>> mailbox_name("recipient:Ann@Example.org")
        'recipient:ann@example.org'
    """
    kind, _, value = text.partition(":")
    if kind not in KINDS or not value:
        raise BadRequest(f"mailbox: {text[:100]!r} is no mailbox, such as recipient:ann@example.org, login:shop, tag:a")
    if kind == "recipient":
        value = _without_tag(value)
    return f"{kind}:{value.lower() if kind == 'tag' else value}"


def _without_tag(address: str) -> str:
    key = mailbox_key(address)
    local, domain = path.split(key)
    base = local.partition("+")[0]
    if not base or base == local:
        return key
    return f"{path.quote(base)}@{domain}" if domain else base
