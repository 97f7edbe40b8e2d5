"""The modifications that a milter asks for, as changes for `txsmtpx.FilterBackend`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from txsmtpx.extensions.registry import EXTENSIONS
from txsmtpx.filters.milter import filter_replies as replies
from txsmtpx.filters.milter.errors import MilterProtocolError
from txsmtpx.filters.milter.header_value import written
from txsmtpx.grammar import esmtp_parameter
from txsmtpx.grammar.esmtp_parameter import Parameter
from txsmtpx.grammar.options import MailOptions, Options, RcptOptions
from txsmtpx.grammar.path import parse_path
from txsmtpx.interfaces import change, content_change

T = TypeVar("T", bound=Options)

MAIL_PARAMETERS: Mapping[str, Parameter] = {each.keyword: each for found in EXTENSIONS for each in found.mail}
"""The parameters of MAIL that a milter can set, and receives."""

RCPT_PARAMETERS: Mapping[str, Parameter] = {each.keyword: each for found in EXTENSIONS for each in found.rcpt}
"""The parameters of RCPT that a milter can set, and receives."""


def changes_of(modifications: Iterable[replies.Modification], leading_space: bool) -> tuple[change.Change, ...]:
    """
    Return the changes that modifications mean.

    Args:
        modifications: The modifications, in the order of the milter.
        leading_space: True if `txsmtpx.filters.milter.negotiation.Steps.LEADING_SPACE` was agreed.

    Returns:
        The changes, in the same order.  The pieces of the body are one change, in the place of the first of them.

    Raises:
        MilterProtocolError: A modification is malformed.

    Example:
        >>> changes_of([replies.AddHeader(b"X-Seen", b"yes"), replies.DeleteRecipient(b"<b@example.org>")], False)
        (AddHeader(name='X-Seen', value=b' yes'), DeleteRecipient(address='b@example.org'))
    """
    found: list[change.Change] = []
    body: list[bytes] = []
    place = _Place()
    body_at = 0
    for each in modifications:
        if isinstance(each, replies.ReplaceBody):
            if not body:
                body_at = len(found)
            body.append(each.octets)
            continue
        try:
            found.append(_change(each, leading_space, place))
        except ValueError as error:
            raise MilterProtocolError(f"{type(each).__name__}: {error}") from error
    if body:
        found.insert(body_at, content_change.ReplaceBody(b"".join(body)))
    return tuple(found)


class _Place:
    """
    The place of the Received field that a milter counts, and that is not in the message.

    Sendmail and Postfix have added it when a milter inserts fields; here the backend adds it later.  So an index
    behind it is one less in the message.
    """

    def __init__(self) -> None:
        self._before = 0

    def in_message(self, index: int) -> int:
        if index <= self._before:
            self._before += 1
            return index
        return index - 1


def _change(each: replies.Modification, leading_space: bool, place: _Place) -> change.Change:
    match each:
        case replies.AddHeader(name, value):
            return content_change.AddHeader(_name(name), written(value, leading_space))
        case replies.InsertHeader(index, name, value):
            return content_change.InsertHeader(place.in_message(index), _name(name), written(value, leading_space))
        case replies.ChangeHeader(index, name, b""):
            return content_change.DeleteHeader(_name(name), max(index, 1))
        case replies.ChangeHeader(index, name, value):
            return content_change.ReplaceHeader(_name(name), written(value, leading_space), max(index, 1))
        case replies.ChangeSender(address, arguments):
            options = _options(arguments, MAIL_PARAMETERS, MailOptions()) if arguments else None
            return change.ChangeSender(_address(address), options)
        case replies.AddRecipient(address):
            return change.AddRecipient(_address(address))
        case replies.AddRecipientWithArguments(address, arguments):
            return change.AddRecipient(_address(address), _options(arguments, RCPT_PARAMETERS, RcptOptions()))
        case replies.DeleteRecipient(address):
            return change.DeleteRecipient(_address(address))
        case replies.Quarantine(reason):
            return change.Quarantine(reason.decode("utf-8", "replace"))
    raise TypeError(f"not a modification: {each!r}")


def _name(name: bytes) -> str:
    return name.decode("latin-1")


def _address(octets: bytes) -> str:
    text = octets.decode("utf-8")
    address, rest = parse_path(text if text.startswith("<") else f"<{text}>")
    if rest:
        raise ValueError(f"text behind the address {address!r}")
    return address


def _options(octets: bytes, known: Mapping[str, Parameter], options: T) -> T:
    esmtp_parameter.parse(octets.decode("utf-8"), known, options)
    return options
