"""
Parameters of MAIL and RCPT: RFC 5321 §4.1.2 (Mail-parameters), on the wire and as typed fields.

A `Parameter` is declared once, in the file of its extension, and read by both ends: the server
decodes with it, the client encodes.
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
# The first of the two, which may hold another "=" (RFC 5321 §4.1.2: esmtp-value may not), is what curl sends for AUTH.


class UnknownParameter(Malformed):
    """A parameter that nobody announced: 555 5.5.4."""


class BadParameter(Malformed):
    """A value that its parameter does not take: 501 5.5.4."""


@dataclass(frozen=True)
class Parameter:
    """
    One parameter of MAIL or RCPT.

    Attributes:
        keyword: As on the wire, upper case.
        field: The attribute of the options that holds the decoded value.
        decode: The text behind "=" (None without one) to the value; raises `Malformed`, whose text the peer is sent,
            or another ``ValueError``, for which it is sent ``syntax``.
        encode: The value to the text behind "=" (None for none).
        syntax: For replies and the documentation.
    """

    keyword: str
    field: str
    decode: Callable[[str | None], Any]
    encode: Callable[[Any], str | None]
    syntax: str = ""


class DeliverBy(NamedTuple):
    """
    BY (RFC 2852 §4).

    Attributes:
        seconds: From now; not positive for what is late already.
        mode: "R", return it when it is late; "N", only notify.
        trace: Whether each server on the way reports.
    """

    seconds: int
    mode: str
    trace: bool = False


class OriginalRecipient(NamedTuple):
    """
    ORCPT (RFC 3461 §4.2).

    Attributes:
        type: "rfc822", "utf-8" or another address type, as it came: a relay keeps its case (RFC 3461 §5.2.1).
        address: What the sender wrote.
    """

    type: str
    address: str


class ValidSince(NamedTuple):
    """
    RRVS (RFC 7293 §3.1).

    Attributes:
        since: The recipient is meant who was there at that moment; it has a time zone.
        action: Where the next server does not know RRVS: "R" reject, "C" continue.
    """

    since: datetime
    action: str = "R"


class Options:
    """
    What came with MAIL or RCPT, a typed attribute each; what did not come has its default.

    An extension of a user's own may add fields: they are attributes all the same.

    Raises:
        TypeError: No such field.  (The server, which has a `Parameter` for each, sets attributes.)
    """

    def __init__(self, **fields: Any) -> None:
        for name, value in fields.items():
            if not hasattr(type(self), name):
                raise TypeError(f"{type(self).__name__} has no field {name!r}")
            setattr(self, name, value)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    __hash__ = None  # type: ignore[assignment]  # it can change

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"


class MailOptions(Options):
    """The parameters of MAIL."""

    size: int | None = None
    """SIZE: octets of the message as the client estimates them (RFC 1870)."""
    body: str = "7BIT"
    """BODY: "7BIT", "8BITMIME" (RFC 6152) or "BINARYMIME" (RFC 3030)."""
    smtputf8: bool = False
    """SMTPUTF8: addresses and headers may hold UTF-8 (RFC 6531)."""
    auth: str | None = None
    """AUTH: who first submitted the message, "" for unknown (RFC 4954 §5)."""
    ret: str | None = None
    """RET: "FULL" or "HDRS" (RFC 3461 §4.3)."""
    envid: str | None = None
    """ENVID: what the sender calls this transaction (RFC 3461 §4.4)."""
    prdr: bool = False
    """PRDR: a reply for each recipient after the data (draft-hall-prdr)."""
    requiretls: bool = False
    """REQUIRETLS: over TLS or not at all (RFC 8689)."""
    deliver_by: DeliverBy | None = None
    """BY (RFC 2852)."""
    priority: int | None = None
    """MT-PRIORITY: -9 to 9 (RFC 6710)."""
    hold_for: int | None = None
    """HOLDFOR: seconds (RFC 4865)."""
    hold_until: datetime | None = None
    """HOLDUNTIL: a moment with a time zone (RFC 4865)."""


class RcptOptions(Options):
    """The parameters of RCPT."""

    notify: frozenset[str] | None = None
    """NOTIFY: "SUCCESS", "FAILURE", "DELAY", empty for NEVER (RFC 3461 §4.1)."""
    orcpt: OriginalRecipient | None = None
    """ORCPT (RFC 3461 §4.2)."""
    valid_since: ValidSince | None = None
    """RRVS (RFC 7293)."""


def parse(text: str, known: Mapping[str, Parameter], options: Any) -> None:
    """
    Decode ``text``, the parameters behind a path, into the attributes of ``options``.

    Raises:
        UnknownParameter: One is not among ``known``.
        BadParameter: One has a value that it does not take, or stands twice.
        Malformed: This is no list of parameters.
    """
    seen = set()
    # In ASCII there is no other white space here: control octets are refused before (`txsmtpx.grammar.command`).
    for word in text.split() if text.isascii() else asciitext.words(text):
        match = _PARAMETER.fullmatch(word)
        if match is None:
            raise Malformed("bad parameter")
        keyword = match[1].upper()
        parameter = known.get(keyword)
        if parameter is None:
            raise UnknownParameter(keyword)
        if keyword in seen:
            raise BadParameter(f"{keyword} stands twice")
        seen.add(keyword)
        try:
            setattr(options, parameter.field, parameter.decode(match[2]))
        except Malformed as malformed:
            raise BadParameter(f"{keyword}: {malformed}") from malformed
        except ValueError as error:  # its text is Python's, or repeats the peer's
            raise BadParameter(f"{keyword}: takes {parameter.syntax or 'another value'}") from error


def format(options: Options, known: Iterable[Parameter]) -> list[str]:
    """The parameters for those fields of ``options`` that were set and that ``known`` has; the inverse of `parse`."""
    words, given = [], vars(options)
    for parameter in known:
        if parameter.field in given:
            value = given[parameter.field]
            if value is None or value is False:
                continue
            text = parameter.encode(value)
            words.append(parameter.keyword if text is None else f"{parameter.keyword}={text}")
    return words


def no_value(text: str | None) -> bool:
    """The decoder of a parameter that stands alone: its being there is its value."""
    if text is not None:
        raise Malformed("takes no value")
    return True


def number(digits: int) -> Callable[[str | None], int]:
    """A decoder for a decimal number of at most ``digits`` digits."""
    pattern = re.compile(rf"[0-9]{{1,{digits}}}")

    def decode(text: str | None) -> int:
        if text is None or pattern.fullmatch(text) is None:
            raise Malformed(f"takes a number of at most {digits} digits")
        return int(text)

    return decode
