"""
Parameters of MAIL and RCPT (RFC 5321 §4.1.2: Mail-parameters), on the wire.

Each `Parameter` is declared once, in the file of its extension.  The server decodes with it, and the client encodes.
The decoded values are attributes of `txsmtpx.grammar.options.MailOptions` and ``RcptOptions``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from txsmtpx.grammar import asciitext
from txsmtpx.grammar.malformed import Malformed
from txsmtpx.grammar.options import Options

_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=(<[^\x00- \x7f]*>|[^\x00- =\x7f]+))?")
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
        >>> options = Options()
        >>> parse("X-COLOR=red", {"X-COLOR": color}, options)
        >>> options
        Options(color='red')
        >>> format(options, [color])
        ['X-COLOR=red']
    """

    keyword: str
    field: str
    decode: Callable[[str | None], object]
    encode: Callable[[Any], str | None]  # of the type that decode returns
    syntax: str = ""


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
