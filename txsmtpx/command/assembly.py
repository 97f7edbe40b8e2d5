"""
The assembly of the process from the options, and ``--check``: the report of what it would run.

Precedence: the command line, then the table ``[listener.NAME]``, then the top of the file, then the defaults.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import cast

from txsmtpx.command.certificates import SelfSignedCertificates
from txsmtpx.command.file import ConfigurationFile, Table
from txsmtpx.command.given import Given
from txsmtpx.command.groups import FACTORY_OPTIONS, GROUPS, OPTIONS
from txsmtpx.command.kind import FLAG
from txsmtpx.command.option import About, OptionError, Values
from txsmtpx.command.port import Port
from txsmtpx.command.process import Listener, Process
from txsmtpx.command.sockets import Sockets
from txsmtpx.extensions.auth import AUTH
from txsmtpx.extensions.requiretls import REQUIRETLS
from txsmtpx.extensions.starttls import STARTTLS
from txsmtpx.setting import SettingError
from txsmtpx.wire.factory import SMTPServerFactory

_ANY_PORT = re.compile(r":0(:|$)")


def assemble(reactor: Sockets, given: Mapping[str, Given], self_signed: SelfSignedCertificates) -> Process:
    """
    Put a process together.

    Args:
        reactor: The reactor of its endpoints.
        given: The options on the command line.
        self_signed: The certificates of ``--tls-self-signed``, of the parent if there is one.

    Returns:
        The process, with what is wrong in ``errors``.
    """
    process = Process(reactor, self_signed)
    file = ConfigurationFile(cast(str, given["config"].value)) if "config" in given else None
    general = {} if file is None else file.given
    process.errors += [] if file is None else file.errors
    for table in (file.tables if file is not None else []) or [Table("", "--")]:
        values = Values(OPTIONS, {**general, **table.given, **given}, table.place)
        listener = Listener(reactor, values, table.name, self_signed=self_signed)
        process.listeners.append(_listener(process, listener))
    if not process.errors:
        _separate_ports(process)
        _finish(process, Values(OPTIONS, {**general, **given}))
    return process


def _listener(process: Process, listener: Listener) -> Listener:
    """Fill in what the options of one listener describe."""
    values = listener.values
    for line in values.errors:
        process.complain(line)
    if not values.errors:
        cast(dict[str, object], listener.settings).update(values.settings(FACTORY_OPTIONS))
        for group in GROUPS:
            if group.for_listener is not None and (group.always or not group.names.isdisjoint(values.given)):
                try:
                    group.for_listener(values, listener)
                except* OptionError as errors:
                    for error in errors.exceptions:
                        process.complain(values.complaint(cast(OptionError, error)))
    return listener


def _separate_ports(process: Process) -> None:
    """Complain of two listeners on one port, and of a listener without one."""
    owners: dict[str, tuple[Listener, Port]] = {}
    for listener in process.listeners:
        if not listener.ports:
            process.complain(listener.values.complaint(OptionError("port", "is an empty list; name a port")))
        for port in listener.ports:
            if port.description in owners and not _ANY_PORT.search(port.description):
                process.complain(_twice(listener, port, *owners[port.description]))
            owners[port.description] = listener, port


def _twice(listener: Listener, port: Port, other: Listener, first: Port) -> str:
    """Return the error about a port that two listeners have, or one listener twice."""
    if other is listener and first.option == port.option:
        return f"{port.asked_by} is given twice; leave one out"
    if other is listener:
        return f"{port.asked_by}: {first.asked_by} has it already; choose another port"
    if port.option not in listener.values.given:
        return f"{port.asked_by} is the default, and the port of listener {other.name} already; name another port"
    return f"{port.asked_by} is the port of listener {other.name} already; choose another port"


def _finish(process: Process, values: Values) -> None:
    """Fill in what the options of the process describe, then create the factories."""
    process.values = values
    for group in GROUPS:
        if group.for_process is not None and (group.always or not group.names.isdisjoint(values.given)):
            try:
                group.for_process(values, process)
            except OptionError as error:
                process.complain(values.complaint(error))
    for listener in process.listeners:
        assert listener.backend is not None  # without one there are errors, and this is not called
        try:
            listener.settings["observers"] = listener.observers
            listener.factory = SMTPServerFactory(listener.backend, **listener.settings)
        except SettingError as error:
            process.complain(listener.values.complaint(_of_option(error)))


def _of_option(error: SettingError) -> OptionError:
    """Return the error of a setting as that of its option."""
    name = next((each.name for each in FACTORY_OPTIONS if each.setting and each.setting.name == error.name), error.name)
    return OptionError(name, error.text)


def report(process: Process) -> Iterator[str]:
    """
    Tell what would run.

    Args:
        process: The process, without errors.

    Yields:
        Lines: for each listener its ports, its extensions, each option with the place where it was given, and the
        answers of its filters and tables.
    """
    for listener in process.listeners:
        settings = listener.factory.settings
        yield f"listener {listener.name}:" if listener.name else "One listener:"
        ports = ", ".join(port.description for port in listener.ports)
        yield f"  {'LMTP' if settings.lmtp else 'ESMTP'} at {ports} as {settings.domain}"
        yield f"  offers {' '.join(_offered(listener))}"
        yield from _given(listener.values, "listener")
        yield from (f"  {answer}" for answer in listener.answers)
    of_process = list(_given(process.values, "process"))
    if of_process:
        yield "process:"
        yield from of_process


def _offered(listener: Listener) -> list[str]:
    """Return the keywords that a client can see, with TLS if the listener has it."""
    settings = listener.factory.settings
    keywords = set(filter(None, settings.tables.usual.keywords))
    if not listener.has_tls:
        keywords -= {REQUIRETLS.keyword} if settings.allow_insecure_auth else {REQUIRETLS.keyword, AUTH.keyword}
    if all(port.in_tls for port in listener.ports):
        keywords -= {STARTTLS.keyword}
    return sorted(keywords)


def _given(values: Values, about: About) -> Iterator[str]:
    for name, option in OPTIONS.items():
        place = values.place(name) if option.about == about else None
        if place is not None:
            shown = FLAG.shown(values[option]) if option.kind is FLAG else option.shown(values[option])
            yield f"  {name} = {shown} ({place.removesuffix(f': {name}')})"
