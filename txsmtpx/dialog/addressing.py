"""
The sender and the recipients of a message as a caller gives them.

What no server could take is refused before anything is sent, or before there is a connection.  The error names the
recipient by its number, counted from 1, and its address.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from txsmtpx.dialog.client_body import check_body
from txsmtpx.grammar import path
from txsmtpx.grammar.malformed import Malformed
from txsmtpx.grammar.options import MailOptions, RcptOptions

Recipient = tuple[str, RcptOptions | None]
"""An address and its options."""

Recipients = Sequence[str | tuple[str, RcptOptions | None]]
"""What a caller gives: addresses, or (address, its options)."""

_NO_LIST = "recipients are a list of at least one address"

_WHITE = " \t\r\n"

_SHOWN = 100
"""Characters of an address that an error shows."""


def addressed(sender: object, recipients: object) -> tuple[str, Sequence[Recipient]]:
    """
    Return a sender and recipients as text, each recipient with its options.

    Args:
        sender: An address, "" for the null reverse-path.  Here and in recipients, octets are decoded as UTF-8, since
            twisted.mail takes them; their type is not in the annotations.
        recipients: Addresses, or (address, its options).

    Returns:
        Both.

    Raises:
        ValueError: There is no recipient, or an address is empty.
        TypeError: An address is no text, or options are none.
    """
    if not isinstance(sender, str):
        sender = _text("sender", sender)
    if isinstance(recipients, str | bytes) or not isinstance(recipients, Iterable):
        raise ValueError(_NO_LIST)
    pairs: list[Recipient] = [
        (each, None) if isinstance(each, str) and each else _recipient(f"recipient {number}", each)
        for number, each in enumerate(recipients, 1)
    ]
    if not pairs:
        raise ValueError(_NO_LIST)
    return sender, pairs


def address_of(role: str, given: object) -> str:
    """
    Return an address as text.

    Args:
        role: "sender" or "recipient".  Only a sender may be "".
        given: The address, as text or octets.

    Returns:
        The address.

    Raises:
        ValueError: It is empty.
        TypeError: It is no text.
    """
    return given if isinstance(given, str) and (given or role == "sender") else _text(role, given)


def check_addresses(sender: str, recipients: Sequence[Recipient]) -> None:
    """
    Check the syntax of each address.

    Args:
        sender: The sender, "" for the null reverse-path.
        recipients: The recipients.

    Raises:
        ValueError: One is none; the text says which, and why.
    """
    _check("sender", sender)
    for number, (address, _) in enumerate(recipients, 1):
        _check(f"recipient {number}", address)


def check_message(
    sender: object, recipients: object, body: object, options: object
) -> tuple[str, Recipients]:
    """
    Check a message before there is a connection for it.

    Args:
        sender: As for `addressed`.
        recipients: As for `addressed`.
        body: The body.
        options: The options of MAIL, or None.

    Returns:
        The sender and the recipients as text; the recipients are a list, each with its options if it has any.

    Raises:
        ValueError: An address is none, or there is no recipient.
        TypeError: Something is of a wrong type.
    """
    sender, pairs = addressed(sender, recipients)
    check_addresses(sender, pairs)
    check_body(body)
    check_options(options)
    return sender, [address if given is None else (address, given) for address, given in pairs]


def check_options(options: object) -> None:
    """
    Check that these are options of MAIL, or None.

    Args:
        options: The value.

    Raises:
        TypeError: They are not.
    """
    if options is not None and not isinstance(options, MailOptions):
        raise TypeError(f"options are a MailOptions, not {type(options).__name__}")


def _recipient(role: str, given: object) -> Recipient:
    """Return a recipient that is more than text."""
    if not isinstance(given, tuple | list) or len(given) != 2:
        return _text(role, given), None
    address, options = given
    if options is not None and not isinstance(options, RcptOptions):
        raise TypeError(f"{role}: its options are an RcptOptions, not {type(options).__name__}")
    return _text(role, address), options


def _text(role: str, given: object) -> str:
    """Return an address that is not simply text."""
    if isinstance(given, bytes | bytearray):
        try:
            given = bytes(given).decode("utf-8")
        except UnicodeDecodeError:
            raise ValueError(f"{role} ({given!r}): an address in octets is in UTF-8") from None
    if not isinstance(given, str):
        raise TypeError(f"{role} ({_shown(repr(given))}): an address is text, not {type(given).__name__}")
    if not given and role != "sender":
        raise ValueError(f'{role} (""): the address is empty')
    return given


def _check(role: str, address: str) -> None:
    try:
        path.format_path(address)
        address.encode("utf-8")
    except (Malformed, UnicodeEncodeError) as error:
        raise ValueError(f'{role} ("{_shown(address)}"): {_reason(address, error)}') from None


def _shown(text: str) -> str:
    """Text on one line, and not too long."""
    shown = text[:_SHOWN].encode("unicode_escape").decode("ascii") if not text.isprintable() else text[:_SHOWN]
    return shown + "..." * (len(text) > _SHOWN)


def _reason(address: str, error: ValueError) -> str:
    """What is wrong with an address, and what to do."""
    if isinstance(error, UnicodeEncodeError):
        return "a character of the address has no form in UTF-8"
    if str(error) != "not a mailbox":
        return str(error)
    if address != address.strip(_WHITE):
        return "there is white space around the address"
    if _is_mailbox(f"{address}@example.org"):
        return f"an address needs a domain, such as {address[:_SHOWN]}@example.org"
    if all(_is_mailbox(each.strip(_WHITE)) for each in address.split(",")):
        return "there are several addresses in one: each is an element of the list"
    return "not a mailbox"


def _is_mailbox(text: str) -> bool:
    try:
        path.parse_mailbox(text)
    except Malformed:
        return False
    return True
