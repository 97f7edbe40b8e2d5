"""
The recipients that a request selects, as the options of ``python -m txsmtpx.queue`` do.

A change needs a selection, or ``all``.  So no request changes all recipients because its selection was forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from twisted.web.server import Request

from txsmtpx.queue.queued_mail import RecipientState, Selection
from txsmtpx.web.query_parameters import QueryParameters
from txsmtpx.web.request_body import JsonBody
from txsmtpx.web.web_errors import BadRequest

STATES = ("waiting", "held")
"""The states of recipients that can be selected."""

FILTERS = ("sender", "recipient", "destination", "state")
"""The names of the filters, in a query and in a body."""

MAX_IDS = 1000
"""Identifiers of messages in one request."""


def listed_selection(parameters: QueryParameters) -> Selection:
    """
    Read the selection of a list.

    Args:
        parameters: The query parameters, among them `FILTERS`.  An empty ``sender`` is the null reverse-path.

    Returns:
        The selection; without a parameter all recipients.

    Raises:
        BadRequest: A filter is wrong.
    """
    return checked_selection({name: parameters.text(name) for name in FILTERS if name in parameters}, "parameter")


def changed_selection(request: Request) -> Selection:
    """
    Read the selection of a change.

    Args:
        request: The request.  Its body has ``ids`` and `FILTERS`, or ``all``.

    Returns:
        The selection.

    Raises:
        BadRequest: There is none, or it is wrong.
    """
    body = JsonBody(request, ("ids", *FILTERS, "all"))
    ids = body.texts("ids") if "ids" in body else None
    if ids is not None and not 1 <= len(ids) <= MAX_IDS:
        raise BadRequest(f"ids: this field needs 1 to {MAX_IDS} identifiers, not {len(ids)}")
    given = {name: body.text(name) for name in FILTERS if name in body}
    selection = checked_selection(given, "field", ids)
    everything = body.flag("all")
    if everything and selection != Selection():
        raise BadRequest("all: this field cannot be together with a selection")
    if not everything and selection == Selection():
        raise BadRequest('the body needs a selection, such as {"ids": ["3FA9C1"]}, or {"all": true}')
    return selection


def selection_text(selection: Selection) -> str:
    """
    Describe a selection for the log.

    Args:
        selection: The selection.

    Returns:
        The text.

    Example:
        >>> selection_text(Selection(["3FA9C1"], destination="example.org"))
        'ids=3FA9C1 destination=example.org'
    """
    given = [] if selection.ids is None else [f"ids={','.join(selection.ids)}"]
    for name in FILTERS:
        value = getattr(selection, name)
        if value is not None:
            given.append(f"{name}={value or '<>'}")
    return " ".join(given) or "all"


def checked_selection(given: Mapping[str, str], kind: str, ids: Sequence[str] | None = None) -> Selection:
    """
    Check filters.

    Args:
        given: The values of those of `FILTERS` that are given.
        kind: What they are in the request, for an error: "parameter" or "field".
        ids: The identifiers of messages; None for any.

    Returns:
        The selection.

    Raises:
        BadRequest: A filter is wrong.
    """
    for name, value in given.items():
        if not value and name != "sender":
            raise BadRequest(f"{name}: this {kind} needs a value; leave it out to select any")
    state = given.get("state")
    if state is not None and state not in STATES:
        raise BadRequest(f"state: this {kind} needs {' or '.join(STATES)}, not {state[:100]!r}")
    return Selection(
        ids,
        given.get("sender"),
        given.get("recipient"),
        given.get("destination"),
        cast("RecipientState | None", state),
    )
