"""
The query parameters of a request: the part of its target behind ``?`` (RFC 3986 §3.4).

An unknown parameter is an error.  Otherwise ``DELETE /api/messages?serach=x`` would delete all messages.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote_to_bytes

from txsmtpx.grammar import asciitext
from txsmtpx.web.web_errors import BadRequest


class QueryParameters:
    """
    Read the parameters of one request.  `WebResource` creates one for each request.

    Args:
        target: The request target, as in the request line (RFC 9112 §3.2).
        known: The names of the parameters that the resource takes.

    Raises:
        BadRequest: A parameter is unknown, is given twice, has no "=", or is not UTF-8.

    Example:
        >>> QueryParameters(b"/api/messages?search=to%3Aann&limit=5", ["search", "limit"]).text("search")
        'to:ann'
    """

    def __init__(self, target: bytes, known: Iterable[str]) -> None:
        known = list(known)
        self._values: dict[str, str] = {}
        for item in target.partition(b"?")[2].split(b"&"):
            if not item:
                continue
            name, equals, value = (_decoded(each) for each in item.partition(b"="))
            if name not in known:
                raise BadRequest(f"{name[:100]}: unknown parameter; {_choice(known)}")
            if not equals:
                raise BadRequest(f"{name}: this parameter needs a value, as in {name}=VALUE")
            if name in self._values:
                raise BadRequest(f"{name}: this parameter is given twice")
            self._values[name] = value

    def __contains__(self, name: str) -> bool:
        """Return True if the request has the parameter ``name``."""
        return name in self._values

    def text(self, name: str) -> str:
        """
        Return the value of a parameter.

        Args:
            name: The name of the parameter.

        Returns:
            The value, "" if the request does not have the parameter.
        """
        return self._values.get(name, "")

    def number(self, name: str, default: int, most: int) -> int:
        """
        Return the value of a parameter that is a number.

        Args:
            name: The name of the parameter.
            default: The value if the request does not have the parameter.
            most: The greatest value that is accepted.  The least is 0.

        Returns:
            The number.

        Raises:
            BadRequest: The value is not a number, or out of range.
        """
        text = self._values.get(name, str(default))
        # The number of digits is limited, since the time of int() grows with its square.
        if not (asciitext.is_number(text) and len(text) < 10) or int(text) > most:
            raise BadRequest(f"{name}: this parameter needs a whole number from 0 to {most}, not {text[:100]!r}")
        return int(text)


def _decoded(octets: bytes) -> str:
    try:
        return unquote_to_bytes(octets.replace(b"+", b" ")).decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequest(f"{octets[:100]!r}: parameters need to be UTF-8, percent-encoded") from None


def _choice(known: Iterable[str]) -> str:
    names = ", ".join(known)
    return f"known here: {names}" if names else "this request takes none"
