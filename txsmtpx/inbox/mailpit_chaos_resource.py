"""Faults on demand for helpers of Mailpit: ``/api/v1/chaos``."""

from __future__ import annotations

from twisted.web.server import Request

from txsmtpx.inbox.chaos_resource import OFF
from txsmtpx.inbox.faults import Fault, Faults
from txsmtpx.web.json_text import JsonValue
from txsmtpx.web.query_parameters import QueryParameters
from txsmtpx.web.request_body import JsonBody
from txsmtpx.web.streamed_response import StreamedResponse, json_response
from txsmtpx.web.web_errors import BadRequest
from txsmtpx.web.web_resource import WebResource

TRIGGERS = {"Sender": ("MAIL", 451), "Recipient": ("RCPT", 451), "Authentication": ("AUTH", 535)}
"""The triggers of Mailpit: the command that fails, and the code of the reply if none is given."""


class MailpitChaosResource(WebResource):
    """
    ``/api/v1/chaos``: show and set the faults that Mailpit calls triggers.  Faults with an address stay as they are.

    Args:
        faults: The faults; None if they are off.
    """

    def __init__(self, faults: Faults | None) -> None:
        WebResource.__init__(self)
        self._faults = faults

    def get(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        Describe the triggers.

        Args:
            request: The request.
            parameters: The query parameters: none.

        Yields:
            The JSON in pieces.
        """
        yield from json_response(request, _described(self._on, {}))

    def put(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        Set all triggers.  One that the body does not have is turned off.

        Args:
            request: The request.  Its body has an object for each trigger, with ``ErrorCode`` and ``Probability``.
            parameters: The query parameters: none.

        Yields:
            The JSON in pieces.

        Raises:
            BadRequest: A trigger is wrong.  Then none is changed.
        """
        faults, body = self._on, JsonBody(request, TRIGGERS, required=True)
        found = {}
        for name, (command, default) in TRIGGERS.items():
            trigger = body.inner(name, ("ErrorCode", "Probability"))
            code, percent = trigger.number("ErrorCode", default, 599) or default, trigger.number("Probability", 0, 100)
            if code < 400:
                raise BadRequest(f"ErrorCode: this field needs a code from 400 to 599, not {code}")
            found[name] = Fault(command, percent / 100, code)
        for fault in found.values():
            if fault.share:
                try:
                    faults.put(fault)
                except ValueError as error:
                    raise BadRequest(str(error)) from None
            else:
                faults.remove(fault.command)
        yield from json_response(request, _described(faults, found))

    @property
    def _on(self) -> Faults:
        if self._faults is None:
            raise BadRequest(OFF)  # Mailpit answers 400 too
        return self._faults


def _described(faults: Faults, turned_off: dict[str, Fault]) -> dict[str, JsonValue]:
    present = {fault.command: fault for fault in faults.all if not fault.addresses}
    described: dict[str, JsonValue] = {}
    for name, (command, default) in TRIGGERS.items():
        fault = present.get(command) or turned_off.get(name) or Fault(command, 0.0, default)
        described[name] = {"ErrorCode": fault.code or default, "Probability": round(fault.share * 100)}
    return described
