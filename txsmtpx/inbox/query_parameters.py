"""
The parameters of a request, behind the ``?`` of its target.

A parameter that is not known where it stands is an error.  Otherwise ``DELETE /api/messages?serach=x`` would delete all
messages.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote_to_bytes

from txsmtpx.grammar import asciitext


class BadRequest(ValueError):
    """A request asks for what there is not, or in a way that is not understood; its text is for the client."""


class QueryParameters:
    """The parameters of one request; each stands there once at most."""

    def __init__(self, target: bytes, known: Iterable[str]) -> None:
        """
        Read the parameters.

        Args:
            target: what stands in the request line (RFC 9112 §3.2).
            known: names of parameters that may be there.

        Raises:
            BadRequest: another one is there, or one is there twice, has no "=", or is not in UTF-8.

        Example:
            >>> QueryParameters(b"/api/messages?search=to%3Aann&limit=5", ["search", "limit"]).text("search")
            'to:ann'
        """
        known = list(known)
        self._values: dict[str, str] = {}
        for item in target.partition(b"?")[2].split(b"&"):
            if not item:
                continue
            name, equals, value = (_decoded(each) for each in item.partition(b"="))
            if name not in known:
                raise BadRequest(f"{name[:100]}: there is no such parameter here; {_choice(known)}")
            if not equals:
                raise BadRequest(f"{name}: this parameter needs a value, as in {name}=VALUE")
            if name in self._values:
                raise BadRequest(f"{name}: this parameter is there twice")
            self._values[name] = value

    def __contains__(self, name: str) -> bool:
        """Return whether the parameter is there."""
        return name in self._values

    def text(self, name: str) -> str:
        """Return the value of a parameter, "" where it is not there."""
        return self._values.get(name, "")

    def number(self, name: str, default: int, most: int) -> int:
        """
        Return the value of a parameter that is a number.

        Args:
            default: the value where the parameter is not there.
            most: the greatest value; the least is 0.

        Raises:
            BadRequest: the value is no such number.
        """
        text = self._values.get(name, str(default))
        if not (asciitext.is_number(text) and len(text) < 10) or int(text) > most:
            raise BadRequest(f"{name}: a number from 0 to {most} is needed, not {text[:100]!r}")
        return int(text)


def _decoded(octets: bytes) -> str:
    try:
        return unquote_to_bytes(octets.replace(b"+", b" ")).decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequest(f"{octets[:100]!r}: this is not UTF-8, percent-encoded") from None


def _choice(known: Iterable[str]) -> str:
    names = ", ".join(known)
    return f"there are: {names}" if names else "there are none"
