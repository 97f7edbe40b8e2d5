"""Faults on demand in the API: ``/api/chaos``."""

from __future__ import annotations

import re

from twisted.web.server import Request

from txsmtpx.inbox.faults import COMMANDS, MAX_SECONDS, MAX_TEXT, Fault, Faults
from txsmtpx.web.json_text import JsonValue
from txsmtpx.web.query_parameters import QueryParameters
from txsmtpx.web.site_request import reject_body
from txsmtpx.web.streamed_response import StreamedResponse, json_response
from txsmtpx.web.web_errors import BadRequest, error_body
from txsmtpx.web.web_resource import WebResource

OFF = "Faults are off. To turn them on, start the server with --chaos."

_DECIMAL = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,6})?", re.ASCII)


class ChaosResource(WebResource):
    """
    ``/api/chaos``: list, add and delete faults.

    Args:
        faults: The faults; None if they are off.
    """

    def __init__(self, faults: Faults | None) -> None:
        WebResource.__init__(self)
        self._faults = faults

    def get(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        List the faults.

        Args:
            request: The request.
            parameters: The query parameters: none.

        Returns:
            The JSON in pieces.
        """
        return self._list(request)

    def post(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        Add a fault, or change one.

        Args:
            request: The request.
            parameters: The fault, see `Fault`.

        Returns:
            The list of all faults.

        Raises:
            BadRequest: A parameter is wrong.
        """
        reject_body(request)
        if self._faults is not None:
            try:
                self._faults.put(_fault(parameters))
            except BadRequest:
                raise
            except ValueError as error:
                raise BadRequest(f"address: {error}") from None
        return self._list(request)

    def delete(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        Delete all faults, or those of a command.

        Args:
            request: The request.
            parameters: ``command``: the command.

        Returns:
            The list of the faults that are left.
        """
        reject_body(request)
        if self._faults is not None:
            self._faults.clear(_command(parameters) if "command" in parameters else "")
        return self._list(request)

    def _list(self, request: Request) -> StreamedResponse:
        if self._faults is None:
            yield error_body(request, 403, OFF)
            return
        listed: list[JsonValue] = [each.as_json() for each in self._faults.all]
        yield from json_response(request, {"faults": listed})


def _fault(parameters: QueryParameters) -> Fault:
    command, address = _command(parameters), parameters.text("address")
    share = _decimal(parameters, "share", 1.0, 1.0)
    code = parameters.number("code", 0, 599)
    seconds = _decimal(parameters, "delay", 0.0, MAX_SECONDS)
    text = parameters.text("text") or Fault.text
    if not share:
        raise BadRequest("share: this parameter needs a number above 0; to end a fault, send DELETE")
    if code and code < 400:
        raise BadRequest(f"code: this parameter needs a code from 400 to 599, not {code}")
    if not code and not seconds:
        raise BadRequest("code: a fault needs a code, such as 451, or a delay in seconds")
    if len(text) > MAX_TEXT or not (text.isascii() and text.isprintable()):
        raise BadRequest(f"text: this parameter needs printable ASCII, up to {MAX_TEXT} characters")
    if address and command == "AUTH":
        raise BadRequest("address: AUTH has no address; leave this parameter out")
    return Fault(command, share, code, text, seconds, address)


def _command(parameters: QueryParameters) -> str:
    command = parameters.text("command")
    if command not in COMMANDS:
        raise BadRequest(f"command: this parameter needs MAIL, RCPT, DATA or AUTH, not {command[:99]!r}")
    return command


def _decimal(parameters: QueryParameters, name: str, default: float, most: float) -> float:
    if name not in parameters:
        return default
    text = parameters.text(name)
    if _DECIMAL.fullmatch(text) is None or float(text) > most:
        raise BadRequest(f"{name}: this parameter needs a number from 0 to {most:g}, such as 0.5, not {text[:99]!r}")
    return float(text)
