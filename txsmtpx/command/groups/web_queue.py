"""A web site for the queue of the backend queue:URL."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from txsmtpx.command.group import Group
from txsmtpx.command.groups.backend_choice import TEE, chosen_backend
from txsmtpx.command.groups.listening import port_of
from txsmtpx.command.groups.queueing import queue_of
from txsmtpx.command.groups.web_site import site_options
from txsmtpx.command.kind import LOOPBACK_ENDPOINT
from txsmtpx.command.option import Values, option
from txsmtpx.command.process import Process
from txsmtpx.interfaces import Reactor

if TYPE_CHECKING:
    from txsmtpx.queue.queue_backend import QueueBackend

QUEUE_PORT = option(
    "queue-web",
    LOOPBACK_ENDPOINT,
    "Show the queue of the backend queue:URL on this endpoint: list its messages, and retry, hold, release or delete "
    "them.  A number is a port of the loopback interface; tcp:8026 listens on all interfaces.",
    None,
    about="process",
)
SITE = site_options("queue-web", "the site of the queue")

_MORE = (SITE.host, SITE.path, SITE.proxy, SITE.auth, SITE.tokens)


def _apply(values: Values, process: Process) -> None:
    description = values[QUEUE_PORT]
    if description is None:
        needing = next(each for each in _MORE if each.name in values.given)
        raise needing.fault(values[needing], "there is no site of a queue; add", QUEUE_PORT.name)
    queues = _queues(process)
    if not queues:
        raise QUEUE_PORT.fault(description, "the backend is no queue; add --backend queue:sqlite:PATH")
    if len(queues) > 1:
        text = f"the site shows one queue, and the listeners have {len(queues)}; give them the same backend"
        raise QUEUE_PORT.fault(description, text)
    try:
        from txsmtpx.queue_web.queue_web_service import QueueWebService
    except ImportError as error:
        text = f"the extra txsmtpx[web] is not installed ({error}); pip install jinja2"
        raise QUEUE_PORT.fault(description, text) from error
    port = port_of(values, process.reactor, QUEUE_PORT, description)
    checker, tokens = SITE.checker(values), SITE.read_tokens(values)
    reactor = cast(Reactor, process.reactor)
    site = (values[SITE.host], values[SITE.path], values[SITE.proxy])
    (backend,) = queues.values()
    service = QueueWebService(backend.queue, description, reactor, *site, checker, tokens)
    process.services.append(service)
    process.add_site(port, service)


def _queues(process: Process) -> dict[str, QueueBackend]:
    """Return the queues by their URLs.  Several listeners may have the same."""
    found: dict[str, QueueBackend] = {}
    for listener in process.listeners:
        backend = queue_of(listener.chosen_backend)
        if backend is not None:
            found.setdefault(chosen_backend(listener.values).text, backend)
        tee, copies = listener.values[TEE], queue_of(listener.copies)
        if tee is not None and copies is not None:
            found.setdefault(tee.text, copies)
    return found


QUEUE_WEB = Group(
    "Site of the queue",
    "A web site and an API for the queue of the backend queue:URL.",
    (QUEUE_PORT, *_MORE),
    for_process=_apply,
)
