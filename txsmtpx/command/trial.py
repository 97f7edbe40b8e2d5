"""
What ``--check`` finds that keeps a server from running: ports that cannot be had, a backend that cannot store.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from twisted.application.internet import StreamServerEndpointService
from twisted.internet.defer import maybeDeferred

from txsmtpx.command.listener import Listener
from txsmtpx.command.option import OptionError
from txsmtpx.command.place import Place, PortError, TCPPlace, UNIXPlace
from txsmtpx.command.process import Process
from txsmtpx.command.sockets import Sockets
from txsmtpx.command.values import Values


class TrialSockets(Sockets):
    """
    A reactor that listens on nothing for longer than `trial` lasts, and accepts nothing.

    Attributes:
        asked_by: Who asks, to be named where another asks for the same.

    Args:
        directory: Where the server is going to run: the paths of sockets are relative to it.
    """

    def __init__(self, reactor: Any, directory: str = ".") -> None:
        super().__init__(reactor)
        self.asked_by = ""
        self._directory = directory
        self._had: list[tuple[Place, str]] = []
        self._opened = contextlib.ExitStack()

    @property
    def unshared(self) -> Any:
        """The same: two cannot have one port, whoever they are."""
        return self

    def close(self) -> None:
        """Let go of all that was tried."""
        self._opened.close()

    def adoptStreamPort(self, fileDescriptor: int, addressFamily: int, factory: Any) -> None:
        """It listens already."""

    def _listen(self, place: Place, factory: Any, listen: Callable[[], Any]) -> None:
        if isinstance(place, UNIXPlace):
            place = UNIXPlace(os.path.normpath(os.path.join(self._directory, place.path)))
        same = [asked_by for had, asked_by in self._had if _same(had, place)]
        try:
            tried = place.try_it()
        except (OSError, OverflowError) as error:
            ours = same and getattr(error, "errno", None) == errno.EADDRINUSE
            raise PortError(place, f"{same[0]} has it already" if ours else place.why_not(error)) from error
        if tried is not None:
            self._opened.enter_context(tried)
        elif same:
            raise PortError(place, f"{same[0]} has it already")
        self._had.append((place, self.asked_by))


def _same(one: Place, other: Place) -> bool:
    if isinstance(one, TCPPlace) and isinstance(other, TCPPlace):
        return one.port == other.port != 0  # where that matters it is in use
    return one == other


def trial(process: Process, sockets: TrialSockets, twistd: Mapping[str, Any]) -> list[str]:
    """
    Return what keeps a process from running, a line each.

    Args:
        process: Put together with ``sockets``.
        twistd: The options of ``twistd``: who it is going to be.
    """
    found: list[str] = []
    with contextlib.closing(sockets):
        for listener in process.listeners:
            for option, description, endpoint in _ports(listener):
                found += _listen(sockets, listener.values, option, description, endpoint, listener.factory)
        assert process.values is not None
        for option, services in (("web", process.services), ("metrics", [process.metrics])):
            for service in _listening(services):
                description = process.values[option]
                found += _listen(sockets, process.values, option, description, service.endpoint, service.factory)
    with _user(twistd.get("uid"), twistd.get("gid")):
        for listener in process.listeners:
            found += _store(listener)
    return found


def _ports(listener: Listener) -> Iterator[tuple[str, str, Any]]:
    first_tls = len(listener.ports) - len(listener.values["tls-port"])
    for number, (description, endpoint) in enumerate(zip(listener.ports, listener.endpoints, strict=True)):
        yield "port" if number < first_tls else "tls-port", description, endpoint


def _listening(services: Iterable[Any]) -> Iterator[StreamServerEndpointService]:
    for service in services:
        if isinstance(service, StreamServerEndpointService):
            yield service
        elif isinstance(service, Iterable):
            yield from _listening(service)


def _listen(
    sockets: TrialSockets, values: Values, option: str, description: str, endpoint: Any, factory: Any
) -> list[str]:
    found: list[str] = []

    def failed(failure: Any) -> None:
        found.append(values.complaint(OptionError(option, f"{description}: {failure.getErrorMessage()}")))

    sockets.asked_by = f"{values.place(option) or f'--{option}'} {description}"
    maybeDeferred(endpoint.listen, factory).addErrback(failed)
    return found


def _store(listener: Listener) -> list[str]:
    """A backend may have a ``check``."""
    check = getattr(listener.named, "check", None)
    try:
        if check is not None:
            check()
    except (OSError, ValueError) as error:
        why = f"cannot write to {error.filename}: {error.strerror}" if isinstance(error, OSError) else error
        text = f"{listener.values['backend']}: {why}"
        return [listener.values.complaint(OptionError("backend", text))]
    return []


@contextlib.contextmanager
def _user(uid: int | None, gid: int | None) -> Iterator[None]:
    """With the rights of the user that ``twistd --uid`` makes of root."""
    if (uid is None and gid is None) or os.geteuid() != 0:
        yield
        return
    import pwd

    user = pwd.getpwuid(0 if uid is None else uid)
    groups = os.getgroups()
    os.initgroups(user.pw_name, user.pw_gid if gid is None else gid)
    os.setegid(user.pw_gid if gid is None else gid)
    os.seteuid(user.pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)
