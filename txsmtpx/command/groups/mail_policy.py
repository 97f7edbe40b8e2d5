"""
The middleware between the clients and the backend: limits, filters, rewriting.

A command passes them in this order.  A limit costs least, and rejects mail before a filter is asked.  Filters get the
addresses that the client sends, as those of Postfix do.  The backend and its copies get the new addresses.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, cast

from txsmtpx.command.chosen_filter import FILTER
from txsmtpx.command.group import Group
from txsmtpx.command.groups.filtering import ACTIONS, made_filters
from txsmtpx.command.kind import FILE, FLAG, Kind
from txsmtpx.command.option import Option, OptionError, Values, option, repeated
from txsmtpx.command.process import Listener, Question
from txsmtpx.command.rate import Rate, rate
from txsmtpx.interfaces import (
    BackendLike,
    CheckedFilter,
    OneProcessBackend,
    Reactor,
    ReloadedFilter,
    StoreLike,
    provides,
)
from txsmtpx.settling import deferred_call

if TYPE_CHECKING:
    from txsmtpx.tables.address_tables import AddressTable, TableRewriting

LIMIT = repeated(
    "limit",
    Kind("RATE", (str,), rate, lambda value: cast(Rate, value).text),
    'Reject mail over a rate temporarily, such as "100 messages per hour per host".  A rate counts messages or '
    "recipients, per host, login or sender.",
)
LIMIT_STORE = option(
    "limit-store",
    Kind("STORE", (str,), str),
    "Count for --limit in redis:ENDPOINT, which processes and machines share [default: memory].",
    None,
)
LIMIT_STORE_LOGIN = option(
    "limit-store-login", FILE, "Log in to the store with a file that has one line NAME:PASSWORD.", None
)
_TABLE = Kind("TABLE", (str,), str)
REWRITE = repeated(
    "rewrite",
    _TABLE,
    "Replace addresses of recipients by a table: a file such as Postfix's virtual, socketmap:ENDPOINT:NAME, or "
    "tcp:HOST:PORT (tcp_table).  SIGHUP reads a file again.  The first table that has the address counts.",
)
REWRITE_SENDER = repeated("rewrite-sender", _TABLE, "Replace addresses of senders by a table, as --rewrite does.")
REWRITE_REQUIRED = option(
    "rewrite-required", FLAG, "Reject recipients that the tables of --rewrite do not have, by 550 5.1.1.", False
)


def _apply(values: Values, listener: Listener) -> None:
    backend = listener.backend
    if backend is None:  # its group has failed
        return
    filters = made_filters(values)
    for each in filters:
        make, name = each.configured.make, each.configured.label
        if provides(make, CheckedFilter):
            listener.questions.append(Question(name, make.check, each.chosen.unusable))
        if provides(make, ReloadedFilter):
            listener.filters.append(make)
        if provides(make, OneProcessBackend) and make.one_process:
            listener.memories.append(f"the filter {name}")
    backend = _rewritten(values, listener, backend)
    if filters:
        from txsmtpx.middleware.filter_backend import FilterBackend

        reactor = cast(Reactor, listener.reactor)
        backend = FilterBackend(backend, *(each.configured for each in filters), reactor=reactor)
    listener.backend = _limited(values, listener, backend)


async def _answer(store: StoreLike) -> str:
    await deferred_call(store.look, "check", "", "", 1.0)
    return "it can be used"


def _limited(values: Values, listener: Listener, backend: BackendLike) -> BackendLike:
    if not values[LIMIT]:
        for needing in (LIMIT_STORE, LIMIT_STORE_LOGIN):
            if values[needing]:
                raise needing.fault(values[needing], "there is no limit; add", LIMIT.name)
        return backend
    from txsmtpx.middleware.limit import LimitBackend
    from txsmtpx.stores.store_names import store_named

    name, login = values[LIMIT_STORE] or "memory", values[LIMIT_STORE_LOGIN] or ""
    try:
        store = store_named(name, login, cast(Reactor, listener.reactor))
    except OSError as error:
        raise LIMIT_STORE_LOGIN.fault(login, f"cannot read it: {error.strerror}") from error
    except ImportError as error:
        raise LIMIT_STORE.fault(name, f"packages are missing ({error})") from error
    except ValueError as error:
        raise LIMIT_STORE.fault(name, str(error)) from error
    if store.shared:
        complaint = functools.partial(LIMIT_STORE.fault, name)
        listener.questions.append(Question(name, functools.partial(_answer, store), complaint))
    else:
        listener.memories.append("--limit")
    names: set[str] = set()
    for each in reversed(values[LIMIT]):
        key = f"{each.by}:{each.of}:{each.number}/{each.seconds:g}"
        if key in names:
            raise LIMIT.fault(each, "it is given twice; leave one out")
        names.add(key)
        own = f"{listener.name}:{key}" if listener.name else ""  # each listener counts by itself
        backend = LimitBackend(backend, each.number, each.seconds, by=each.by, of=each.of, store=store, name=own)
    return backend


def _rewritten(values: Values, listener: Listener, backend: BackendLike) -> BackendLike:
    if not values[REWRITE] and values[REWRITE_REQUIRED]:
        raise REWRITE_REQUIRED.fault(True, "there is no table; add", REWRITE.name)
    if not values[REWRITE] and not values[REWRITE_SENDER]:
        return backend
    from txsmtpx.middleware.rewrite import RewriteBackend

    if values[REWRITE_SENDER]:
        backend = RewriteBackend(backend, sender=_rewriting(values, listener, REWRITE_SENDER))
    if values[REWRITE]:
        function = _rewriting(values, listener, REWRITE)
        backend = RewriteBackend(backend, recipient=function, require=values[REWRITE_REQUIRED])
    return backend


def _rewriting(values: Values, listener: Listener, option: Option[tuple[str, ...]]) -> TableRewriting:
    from txsmtpx.tables.address_tables import TableRewriting, address_table
    from txsmtpx.tables.file_table import FileTable

    tables: list[AddressTable] = []
    for description in values[option]:
        try:
            table = address_table(description, cast(Reactor, listener.reactor))
        except OSError as error:
            raise option.fault(description, f"cannot read it: {error.strerror}") from error
        except ValueError as error:
            text = str(error)
            in_file = text.startswith(f"{description}:")  # with the line, which the value alone has not
            raise OptionError(option.name, text) if in_file else option.fault(description, text) from error
        if isinstance(table, FileTable):
            listener.tables.append(table)
        else:
            complaint = functools.partial(option.fault, description)
            listener.questions.append(Question(description, table.check, complaint))
        tables.append(table)
    return TableRewriting(tables)


MAIL_POLICY = Group(
    "Limits, filters and rewriting",
    "Middleware between the clients and the backend. A command passes the limits, the filters, and then the rewriting. "
    "The backend and --tee get the new addresses.",
    (LIMIT, LIMIT_STORE, LIMIT_STORE_LOGIN, FILTER, REWRITE, REWRITE_SENDER, REWRITE_REQUIRED),
    _apply,
    actions=ACTIONS,
)
