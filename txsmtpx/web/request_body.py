"""
The body of a request: one object of JSON (RFC 8259).

A browser sends JSON to another site only after it has asked that site (Fetch Standard, CORS-preflight).  So a form of
another site cannot send what is read here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import NoReturn

from twisted.web.server import Request

from txsmtpx.grammar import asciitext
from txsmtpx.web.site_request import MAX_BODY, body_of, has_body
from txsmtpx.web.web_errors import BadRequest
from txsmtpx.wire.http_site import values_of

_TYPE = "application/json"


class JsonBody:
    """
    Read the fields of one body.  A resource creates one for each request.

    The case of letters in a name does not matter, as in Mailpit.  A field that is null is absent.

    Args:
        request: The request.  Without a body, all fields are absent.
        known: The names of the fields that the resource takes.
        required: True if there needs to be a body.

    Raises:
        BadRequest: The body is missing or too long, has another type, is no object of JSON, or has an unknown field.
    """

    def __init__(self, request: Request, known: Iterable[str], required: bool = False) -> None:
        self._fields: dict[str, object] = {}
        if has_body(request):
            self._fields = _known_fields(_parsed(request), known)
        elif required:
            method = request.method.decode("ascii", "replace")
            raise BadRequest(f"{method} needs a body of JSON here; this is a body: {{}}")

    def __contains__(self, name: str) -> bool:
        """Return True if the body has the field ``name``."""
        return name in self._fields

    def text(self, name: str) -> str:
        """
        Return a string.

        Args:
            name: The name of the field.

        Returns:
            The string, "" if the field is absent.

        Raises:
            BadRequest: The field is something else.
        """
        value = self._fields.get(name, "")
        if not isinstance(value, str):
            raise BadRequest(f"{name}: this field needs a string")
        return value

    def texts(self, name: str) -> list[str]:
        """
        Return a list of strings.

        Args:
            name: The name of the field.

        Returns:
            The strings; none if the field is absent.

        Raises:
            BadRequest: The field is something else.
        """
        value = self._fields.get(name, [])
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise BadRequest(f"{name}: this field needs a list of strings")
        return value

    def flag(self, name: str) -> bool:
        """
        Return true or false.

        Args:
            name: The name of the field.

        Returns:
            The value, False if the field is absent.

        Raises:
            BadRequest: The field is something else.
        """
        value = self._fields.get(name, False)
        if not isinstance(value, bool):
            raise BadRequest(f"{name}: this field needs true or false")
        return value

    def number(self, name: str, default: int, most: int) -> int:
        """
        Return a whole number.

        Args:
            name: The name of the field.
            default: The value if the field is absent.
            most: The greatest value that is accepted.  The least is 0.

        Returns:
            The number.

        Raises:
            BadRequest: The field is something else, or out of range.
        """
        value = self._fields.get(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
            raise BadRequest(f"{name}: this field needs a whole number from 0 to {most}")
        return value

    def inner(self, name: str, known: Iterable[str]) -> JsonBody:
        """
        Return an object within the body.

        Args:
            name: The name of the field.
            known: The names of the fields of that object.

        Returns:
            The object; one without fields if the field is absent.

        Raises:
            BadRequest: The field is something else, or has an unknown field.
        """
        value = self._fields.get(name, {})
        if not isinstance(value, dict):
            raise BadRequest(f"{name}: this field needs an object")
        found = object.__new__(JsonBody)
        found._fields = _known_fields(list(value.items()), known)
        return found


def _parsed(request: Request) -> list[tuple[str, object]]:
    """Return the members of the object."""
    content_type = (values_of(request, b"Content-Type") or [_TYPE])[-1]
    if asciitext.lower(content_type.partition(";")[0].strip(" \t")) != _TYPE:
        raise BadRequest(f"the body needs the Content-Type {_TYPE}, not {content_type[:100]!r}", 415)
    octets = body_of(request)
    if octets is None:
        raise BadRequest(f"the body of a request may have {MAX_BODY} octets", 413)
    try:
        value: object = json.loads(octets.decode("utf-8"), object_pairs_hook=_Members, parse_constant=_reject_constant)
    except (ValueError, RecursionError):
        raise BadRequest("the body is no JSON; this is a body: {}") from None
    if not isinstance(value, _Members):
        raise BadRequest("the body needs to be an object of JSON, such as {}")
    return list(value.pairs)


class _Members(dict[str, object]):
    """An object of JSON, which also keeps members that are given twice."""

    def __init__(self, pairs: list[tuple[str, object]]) -> None:
        super().__init__(pairs)
        self.pairs = pairs


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _known_fields(pairs: Iterable[tuple[str, object]], known: Iterable[str]) -> dict[str, object]:
    names = {asciitext.lower(name): name for name in known}
    found: dict[str, object] = {}
    for given, value in pairs:
        name = names.get(asciitext.lower(given), "")
        if not name:
            raise BadRequest(f"{given[:100]}: unknown field; known here: {', '.join(names.values())}")
        if name in found:
            raise BadRequest(f"{name}: this field is given twice")
        found[name] = value
    return {name: value for name, value in found.items() if value is not None}
