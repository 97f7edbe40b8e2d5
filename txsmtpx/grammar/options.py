"""
Parameters of MAIL and RCPT (RFC 5321 §4.1.2: Mail-parameters), on the wire and as typed fields.

Each `Parameter` is declared once, in the file of its extension.  The server decodes with it, and the client encodes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from txsmtpx.grammar import asciitext
from txsmtpx.grammar.malformed import Malformed

_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=(<[!-~\u0080-\U0010ffff]*>|[!-<>-~\u0080-\U0010ffff]+))?")
# A value in angle brackets may hold "=", which an esmtp-value may not (RFC 5321 §4.1.2).  curl sends AUTH so.


class UnknownParameter(Malformed):
    """
    The server does not offer the parameter.  The server replies 555 5.5.4.

    Args:
        *args: The keyword of the parameter.
    """


class BadParameter(Malformed):
    """
    The parameter cannot have its value, or is given twice.  The server replies 501 5.5.4.

    Args:
        *args: The text, which the server sends to the peer.
    """


@dataclass(frozen=True)
class Parameter:
    """
    A parameter of MAIL or RCPT: its keyword, and how its value is decoded and encoded.

    An `Extension` declares its parameters with it.

    Attributes:
        keyword: The keyword, in upper case.
        field: The attribute of `MailOptions` or `RcptOptions` that holds the decoded value.
        decode: Turns the text behind "=" into the value.  The text is None if the parameter has no "=".  If the text is
            wrong, this function raises `Malformed`, and the server sends its text to the client.  For any other
            ``ValueError`` the server sends ``syntax``.
        encode: Turns the value into the text behind "=", None for a parameter without "=".
        syntax: The form of the parameter, for replies and the documentation.

    Example:
        >>> color = Parameter("X-COLOR", "color", str, str, "X-COLOR=name")
        >>> options = MailOptions()
        >>> parse("X-COLOR=red", {"X-COLOR": color}, options)
        >>> options
        MailOptions(color='red')
        >>> format(options, [color])
        ['X-COLOR=red']
    """

    keyword: str
    field: str
    decode: Callable[[str | None], object]
    encode: Callable[[Any], str | None]  # of the type that decode returns
    syntax: str = ""


class DeliverBy(NamedTuple):
    """
    The value of BY (RFC 2852 §4): when the message must be delivered.

    Attributes:
        seconds: Seconds from now.  0 or less if the message is late already.
        mode: What to do with a message that is late: "R" returns it, "N" notifies the sender.
        trace: True if each server on the way sends a report.

    Example:
        >>> MailOptions(deliver_by=DeliverBy(3600, "R")).deliver_by
        DeliverBy(seconds=3600, mode='R', trace=False)
    """

    seconds: int
    mode: str
    trace: bool = False


class OriginalRecipient(NamedTuple):
    """
    The value of ORCPT (RFC 3461 §4.2): the recipient as the sender wrote it, for delivery status notifications.

    Attributes:
        type: The address type, such as "rfc822" or "utf-8".  A relay keeps its case (RFC 3461 §5.2.1).
        address: The address, decoded.

    Example:
        >>> RcptOptions(orcpt=OriginalRecipient("rfc822", "ann@example.org")).orcpt
        OriginalRecipient(type='rfc822', address='ann@example.org')
    """

    type: str
    address: str


class ValidSince(NamedTuple):
    """
    The value of RRVS (RFC 7293 §3.1): since when the mailbox must have had the same owner.

    Attributes:
        since: A moment with a time zone.  If the owner of the mailbox has changed since, the message is not for the new
            owner.
        action: What a relay does if the next server does not offer RRVS: "R" rejects the recipient, "C" continues.

    Example:
        >>> from datetime import UTC
        >>> RcptOptions(valid_since=ValidSince(datetime(2030, 1, 31, tzinfo=UTC), "C")).valid_since.action
        'C'
    """

    since: datetime
    action: str = "R"


class Options:
    """
    The decoded parameters of MAIL or RCPT, one attribute each.

    A parameter that was not given has the default of its class.  The server creates options for each MAIL and RCPT, and
    sets the attribute of each `Parameter`.  An extension of a user may set attributes that the class does not have.

    Args:
        **fields: The values by attribute.

    Raises:
        TypeError: The class has no such attribute.
    """

    def __init__(self, **fields: object) -> None:
        for name, value in fields.items():
            if not hasattr(type(self), name):
                raise TypeError(f"{type(self).__name__} has no field {name!r}")
            setattr(self, name, value)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    __hash__ = None  # type: ignore[assignment]  # the attributes can change

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"


class MailOptions(Options):
    """
    The decoded parameters of MAIL.

    The server gives them to the backend's ``mail``.  A program gives them to the client with a message.

    Args:
        **fields: The values by attribute.

    Raises:
        TypeError: The class has no such attribute.

    Example:
        >>> options = MailOptions(envid="QQ314159", ret="HDRS")
        >>> options.envid, options.size
        ('QQ314159', None)
    """

    size: int | None = None
    """The octets of the message, as the client estimates them (SIZE, RFC 1870)."""
    body: str = "7BIT"
    """One of "7BIT", "8BITMIME" (RFC 6152) and "BINARYMIME" (RFC 3030), the value of BODY."""
    smtputf8: bool = False
    """True if addresses and header fields may be in UTF-8 (SMTPUTF8, RFC 6531)."""
    auth: str | None = None
    """The identity that submitted the message, "" if it is unknown (AUTH, RFC 4954 §5)."""
    ret: str | None = None
    """The part of the message that a notification returns, "FULL" or "HDRS" (RET, RFC 3461 §4.3)."""
    envid: str | None = None
    """The sender's identifier of this envelope (ENVID, RFC 3461 §4.4)."""
    prdr: bool = False
    """True if the server replies for each recipient after the data (PRDR, draft-hall-prdr)."""
    requiretls: bool = False
    """True if the message must be sent over TLS at each hop (REQUIRETLS, RFC 8689)."""
    deliver_by: DeliverBy | None = None
    """The time by which the message must be delivered (BY, RFC 2852)."""
    priority: int | None = None
    """The priority, -9 to 9 (MT-PRIORITY, RFC 6710)."""
    hold_for: int | None = None
    """The seconds for which the server holds the message (HOLDFOR, RFC 4865)."""
    hold_until: datetime | None = None
    """The moment, with a time zone, until which the server holds the message (HOLDUNTIL, RFC 4865)."""


class RcptOptions(Options):
    """
    The decoded parameters of RCPT.

    The server gives them to the backend's ``rcpt``.  A program gives them to the client with a recipient.

    Args:
        **fields: The values by attribute.

    Raises:
        TypeError: The class has no such attribute.

    Example:
        >>> RcptOptions(notify=frozenset(["FAILURE"]))
        RcptOptions(notify=frozenset({'FAILURE'}))
        >>> RcptOptions(notfy=frozenset())
        Traceback (most recent call last):
        TypeError: RcptOptions has no field 'notfy'
    """

    notify: frozenset[str] | None = None
    """Some of "SUCCESS", "FAILURE" and "DELAY"; empty for NEVER (NOTIFY, RFC 3461 §4.1)."""
    orcpt: OriginalRecipient | None = None
    """The recipient as the sender wrote it (ORCPT, RFC 3461 §4.2)."""
    valid_since: ValidSince | None = None
    """The moment since which the mailbox must have had the same owner (RRVS, RFC 7293)."""


def parse(text: str, known: Mapping[str, Parameter], options: Options) -> None:
    """
    Decode the parameters of a MAIL or RCPT command.

    Args:
        text: What follows the path.
        known: The parameters that the server offers, by keyword.
        options: The options whose attributes are set.

    Raises:
        UnknownParameter: A parameter is not among the known ones.
        BadParameter: A parameter cannot have its value, or is given twice.
        Malformed: The text is not a list of parameters.
    """
    seen = set()
    # In ASCII no other white space is left here: txsmtpx.grammar.command rejects control octets and replaces tabs.
    # The path of every parameter: words, a match and a look-up, and no loop over characters.
    for word in text.split() if text.isascii() else asciitext.words(text):
        match = _PARAMETER.fullmatch(word)
        if match is None:
            raise Malformed("bad parameter")
        keyword = match[1].upper()
        parameter = known.get(keyword)
        if parameter is None:
            raise UnknownParameter(keyword)
        # Two values of one parameter would contradict each other.
        if keyword in seen:
            raise BadParameter(f"{keyword} stands twice")
        seen.add(keyword)
        try:
            setattr(options, parameter.field, parameter.decode(match[2]))
        except Malformed as malformed:
            raise BadParameter(f"{keyword}: {malformed}") from malformed
        except ValueError as error:  # Python's own text, which may repeat octets of the peer
            raise BadParameter(f"{keyword}: takes {parameter.syntax or 'another value'}") from error


def format(options: Options, known: Iterable[Parameter]) -> list[str]:
    """
    Encode options as parameters; the inverse of `parse`.

    Args:
        options: The options.
        known: The parameters that the server offers.

    Returns:
        One word for each known parameter whose attribute was set to another value than None or False.

    Raises:
        ValueError: A value cannot be sent.
        TypeError: A value has the wrong type.
    """
    words, given = [], vars(options)
    for parameter in known:
        if parameter.field in given:
            value = given[parameter.field]
            if value is None or value is False:
                continue
            try:
                text = parameter.encode(value)
            except (AttributeError, TypeError) as error:
                name = f"{parameter.field} of {type(options).__name__}"
                raise TypeError(f"{name} cannot be {value!r} ({parameter.keyword})") from error
            words.append(parameter.keyword if text is None else f"{parameter.keyword}={text}")
    return words


def no_value(text: str | None) -> bool:
    """
    Decode a parameter that has no value, such as SMTPUTF8.

    Args:
        text: The text behind "=", None if there is no "=".

    Returns:
        True.

    Raises:
        Malformed: There is a value.

    Example:
        >>> no_value(None)
        True
    """
    if text is not None:
        raise Malformed("takes no value")
    return True


def number(digits: int) -> Callable[[str | None], int]:
    """
    Return a decoder for a decimal number.

    Args:
        digits: The most digits that the number may have.

    Returns:
        A function for `Parameter.decode`.  It raises `Malformed` for any other text.

    Example:
        >>> number(3)("250")
        250
    """
    pattern = re.compile(rf"[0-9]{{1,{digits}}}")

    def decode(text: str | None) -> int:
        if text is None or pattern.fullmatch(text) is None:
            raise Malformed(f"takes a number of at most {digits} digits")
        return int(text)

    return decode
