"""The options of a backend that is a queue: its routes, and the times and limits of deliveries."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, cast

from txsmtpx.command.chosen import Chosen
from txsmtpx.command.given import GivenTable
from txsmtpx.command.group import Group
from txsmtpx.command.groups import exchanger_tls
from txsmtpx.command.groups.relaying import login_in, oauth_in
from txsmtpx.command.kind import Kind
from txsmtpx.command.option import Option, Values, option_of, repeated
from txsmtpx.command.plugin_settings import parsed_settings
from txsmtpx.command.process import Listener
from txsmtpx.interfaces import Reactor
from txsmtpx.observers.metrics_observer import MetricsSource
from txsmtpx.queue import delivery_settings
from txsmtpx.setting import SettingError

if TYPE_CHECKING:
    from txsmtpx.dialog.demands import EightBit
    from txsmtpx.queue.queue_backend import QueueBackend
    from txsmtpx.queue.route import Route
    from txsmtpx.wire.client_settings import Auth, TLSMode

ChosenRoutes = tuple[Chosen, ...]
"""The routes of one value of the option: one on the command line, any number in a table of a file."""


def _from_text(text: str) -> ChosenRoutes:
    return (Chosen.from_text("route", text),)


def _from_table(table: GivenTable) -> ChosenRoutes:
    """Return the routes of ``[route.DOMAIN]``, a table each."""
    tables = table.tables or {}
    flat = next((key for key in table.content if key not in tables), None)
    if flat is not None:
        raise ValueError(f'has {flat}, which is within no route; write [route."example.org"]')
    return tuple([Chosen("route", domain, its.content, its) for domain, its in tables.items()])


ROUTE = repeated(
    "route",
    Kind(
        "ROUTE",
        (str, dict),
        _from_text,
        lambda chosen: "; ".join(each.text for each in cast(ChosenRoutes, chosen)),
        read_table=_from_table,
    ),
    "Send the mail for a domain to a server: DOMAIN endpoint=ENDPOINT SETTING=VALUE....  DOMAIN is example.org, "
    ".example.org for the domains below it, or * for all others.  In a file it is a table [route.DOMAIN].",
)

TIMES: tuple[Option[object], ...] = tuple([option_of(each) for each in delivery_settings.SETTINGS])
"""The times and limits of deliveries, in the order of the fields of `QueueSettings`."""

RETRY = option_of(delivery_settings.RETRY)
RETRY_MOST = option_of(delivery_settings.RETRY_MOST)

OPTIONS: tuple[Option[object], ...] = (ROUTE, *exchanger_tls.OPTIONS, *TIMES)


def queue_of(backend: object) -> QueueBackend | None:
    """
    Return a backend that is a queue.  A process without a queue does not import it.

    Args:
        backend: A backend, or None.

    Returns:
        The backend; None if it is no queue.
    """
    module = sys.modules.get("txsmtpx.queue.queue_backend")
    return backend if module is not None and isinstance(backend, module.QueueBackend) else None


def measured_queues(listener: Listener) -> list[MetricsSource]:
    """
    Measure the queues of a listener.

    Args:
        listener: The listener.

    Returns:
        The metrics of each.
    """
    found: list[MetricsSource] = []
    for backend in filter(None, map(queue_of, (listener.chosen_backend, listener.copies))):
        from txsmtpx.observers.queue_metrics import QueueMetrics

        queue = backend.queue
        metrics = QueueMetrics(listener.name, queue.depth, queue.activity, queue.routes.keys())
        queue.observer = metrics
        if queue.security is not None:
            queue.security.reporters.append(metrics)
        found.append(metrics)
    return found


def _apply(values: Values, listener: Listener) -> None:
    """
    Check that there is a queue.

    Raises:
        OptionError: There is none.
    """
    created = listener.chosen_backend is not None  # otherwise there is an error already
    if created and queue_of(listener.chosen_backend) is None and queue_of(listener.copies) is None:
        needing = next(each for each in OPTIONS if each.name in values.given)
        raise needing.fault(values[needing], "the backend is no queue; add --backend queue:sqlite:PATH")


QUEUE = Group(
    "Queue",
    "The deliveries of the backend queue:URL.",
    OPTIONS,
    _apply,
)


def set_up_queue(values: Values, backend: QueueBackend, listener: Listener) -> None:
    """
    Change a queue as the options describe.

    Args:
        values: The values of the options.
        backend: The queue.
        listener: Its listener.

    Raises:
        OptionError: A route cannot be used, or an option contradicts another.
    """
    from txsmtpx.queue.delivery_settings import QueueSettings
    from txsmtpx.queue.route import Routes

    queue = backend.queue
    if values[RETRY_MOST] < values[RETRY]:
        given, other = (RETRY, RETRY_MOST) if RETRY.name in values.given else (RETRY_MOST, RETRY)
        longer = "longer than the longest" if given is RETRY else "shorter than the first"
        text = f"this is {longer} wait ({other.shown(values[other])}); change it, or change"
        raise given.fault(values[given], text, other.name)
    settings = [values[each] for each in TIMES]
    queue.settings = QueueSettings(*settings)  # type: ignore[arg-type]  # each option has the type of its field
    queue.domain = str(listener.settings.get("domain", ""))
    chosen = [each for routes in values[ROUTE] for each in routes]
    routes = [_route(each, cast(Reactor, listener.reactor)) for each in chosen]
    for at, route in enumerate(routes):
        if any(route.domain == before.domain for before in routes[:at]):
            raise chosen[at].fault("", f"there are two routes for {route.domain}; leave one out")
    queue.routes = Routes(routes)
    for policy in values[exchanger_tls.TLS_POLICY]:
        key = queue.routes.key_of(policy.domain)
        if queue.routes.get(key) is not None:
            text = f"this has no effect, for the mail takes the route {key}; leave it out, or set tls in"
            raise exchanger_tls.TLS_POLICY.fault(policy, text, ROUTE.name)
    reactor = cast(Reactor, listener.reactor)
    queue.resolver = exchanger_tls.resolver_of(values, reactor)
    queue.security = exchanger_tls.security_of(values, queue.store, reactor)


def _route(chosen: Chosen, reactor: Reactor) -> Route:
    """Return one route."""
    from txsmtpx.queue.route import Route
    from txsmtpx.queue.route_settings import SETTINGS

    owner = f"the route {chosen.use}"
    given = parsed_settings(chosen, owner, SETTINGS)
    endpoint = str(given.get("endpoint", ""))
    if not endpoint:
        raise chosen.fault("endpoint", "is missing; write the server, such as tls:smtp.example.com:465")
    if given.get("allow_unverified_tls") and given.get("trust_roots"):
        raise chosen.fault("trust-roots", "is not used with allow-unverified-tls; leave one out")
    auth = _login(chosen, str(given.get("auth", "")), str(given.get("oauth", "")))
    try:
        route = Route(
            chosen.use,
            endpoint,
            lmtp=bool(given.get("lmtp")),
            tls=cast("TLSMode | None", given.get("tls")),
            auth=auth,
            hostname=str(given.get("hostname", "")),
            trust_roots=str(given.get("trust_roots", "")) or None,
            tls_verify=not given.get("allow_unverified_tls"),
            without=cast("tuple[str, ...]", given.get("without", ())),
            eight_bit=cast("EightBit", given.get("eight_bit", "refuse")),
            connections=cast(int, given.get("connections", 0)) or None,
        )
    except SettingError as error:
        raise chosen.fault(error.name.replace("_", "-"), error.text) from error
    except (ValueError, OSError) as error:
        raise chosen.fault("", str(error)) from error
    try:
        mode = route.check(reactor)
    except ValueError as error:
        raise chosen.fault("endpoint", f"cannot be used: {error}") from error
    if auth is not None and mode == "none":
        raise chosen.fault("tls", "is none, so the login would be sent in the clear; write tls = \"required\"")
    return route


def _login(chosen: Chosen, password: str, oauth: str) -> Auth | None:
    """Return the login of a route."""
    if password and oauth:
        raise chosen.fault("oauth", "is a second login; leave it out, or leave out auth")
    try:
        if password:
            return login_in(password)
        return oauth_in(oauth) if oauth else None
    except ValueError as error:
        raise chosen.fault("auth" if password else "oauth", f"{password or oauth}: {error}") from error
