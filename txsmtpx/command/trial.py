"""The trial of ``--check``: ports that cannot be opened, and a backend that cannot store mail."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterable, Iterator, Mapping

from twisted.application.internet import StreamServerEndpointService
from twisted.internet.defer import maybeDeferred
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IStreamServerEndpoint
from twisted.python.failure import Failure

from txsmtpx.command.groups.backend_choice import BACKEND_NAME
from txsmtpx.command.groups.encryption import TLS_PORT
from txsmtpx.command.groups.listening import PORT
from txsmtpx.command.groups.logging import METRICS_PORT
from txsmtpx.command.groups.web_inbox import WEB_PORT
from txsmtpx.command.option import Option, OptionError, Values
from txsmtpx.command.place import Place, PortError, TCPPlace, UNIXPlace
from txsmtpx.command.process import Listener, Process
from txsmtpx.command.sockets import Sockets
from txsmtpx.interfaces import CheckedBackend, provides


class TrialSockets(Sockets):
    """
    A reactor that accepts nothing, and listens no longer than `trial` runs.

    Args:
        reactor: The real reactor.
        directory: The working directory of the server, to which the paths of UNIX sockets are relative.

    Attributes:
        asked_by: The option that asks for a port; an error names it if another option asks for the same port.
    """

    def __init__(self, reactor: object, directory: str = ".") -> None:
        super().__init__(reactor)
        self.asked_by = ""
        self._directory = directory
        self._had: list[tuple[Place, str]] = []
        self._opened = contextlib.ExitStack()

    @property
    def unshared(self) -> Sockets:
        """This reactor, since two options cannot have one port."""
        return self

    def close(self) -> None:
        """Close the sockets."""
        self._opened.close()

    def adoptStreamPort(self, fileDescriptor: int, addressFamily: int, factory: IProtocolFactory) -> None:
        """
        Do nothing, since the socket listens already.

        Args:
            fileDescriptor: The socket.
            addressFamily: Its address family.
            factory: Would create the protocols.
        """

    def _listen(self, place: Place, factory: IProtocolFactory, listen: Callable[[], IListeningPort]) -> None:
        if isinstance(place, UNIXPlace):
            place = UNIXPlace(os.path.normpath(os.path.join(self._directory, place.path)))
        same = [asked_by for had, asked_by in self._had if _same(had, place)]
        try:
            tried = place.try_it()
        except (OSError, OverflowError) as error:
            ours = same and isinstance(error, OSError) and error.errno == errno.EADDRINUSE
            raise PortError(place, f"{same[0]} has it already" if ours else place.why_not(error)) from error
        if tried is not None:
            self._opened.enter_context(tried)
        elif same:
            raise PortError(place, f"{same[0]} has it already")
        self._had.append((place, self.asked_by))


def _same(one: Place, other: Place) -> bool:
    if isinstance(one, TCPPlace) and isinstance(other, TCPPlace):
        return one.port == other.port != 0  # if their addresses differ, both can be opened
    return one == other


def trial(process: Process, sockets: TrialSockets, twistd: Mapping[str, object]) -> list[str]:
    """
    Try what the process needs.

    Args:
        process: The process, put together with `sockets`.
        sockets: The reactor that tries ports.
        twistd: The options of ``twistd``, among them the user that the process becomes.

    Returns:
        What cannot run, a line each.
    """
    found: list[str] = []
    with contextlib.closing(sockets):
        for listener in process.listeners:
            for option, description, endpoint in _ports(listener):
                found += _listen(sockets, listener.values, option, description, endpoint, listener.factory)
        inbox = [(WEB_PORT, service) for service in process.services]
        for web_option, services in (*inbox, (METRICS_PORT, process.metrics)):
            for service in _listening(services):
                description = str(process.values[web_option])
                found += _listen(sockets, process.values, web_option, description, service.endpoint, service.factory)
    with _user(twistd.get("uid"), twistd.get("gid")):
        for listener in process.listeners:
            found += _store(listener)
    return found


def _ports(listener: Listener) -> Iterator[tuple[Option[object], str, IStreamServerEndpoint]]:
    first_tls = len(listener.ports) - len(listener.values[TLS_PORT])
    for number, (description, endpoint) in enumerate(zip(listener.ports, listener.endpoints, strict=True)):
        yield PORT if number < first_tls else TLS_PORT, description, endpoint


def _listening(service: object) -> Iterator[StreamServerEndpointService]:
    if isinstance(service, StreamServerEndpointService):
        yield service
    elif isinstance(service, Iterable):
        for each in service:
            yield from _listening(each)


def _listen(
    sockets: TrialSockets,
    values: Values,
    option: Option[object],
    description: str,
    endpoint: IStreamServerEndpoint,
    factory: IProtocolFactory,
) -> list[str]:
    found: list[str] = []

    def failed(failure: Failure) -> None:
        found.append(values.complaint(OptionError(option.name, f"{description}: {failure.getErrorMessage()}")))

    sockets.asked_by = f"{values.place(option.name) or f'--{option.name}'} {description}"
    maybeDeferred(endpoint.listen, factory).addErrback(failed)
    return found


def _store(listener: Listener) -> list[str]:
    """Call the method ``check`` of the backend, if it has one."""
    try:
        if provides(listener.chosen_backend, CheckedBackend):
            listener.chosen_backend.check()
    except (OSError, ValueError) as error:
        why = f"cannot write to {error.filename}: {error.strerror}" if isinstance(error, OSError) else error
        text = f"{listener.values[BACKEND_NAME]}: {why}"
        return [listener.values.complaint(OptionError(BACKEND_NAME.name, text))]
    return []


@contextlib.contextmanager
def _user(uid: object, gid: object) -> Iterator[None]:
    """Take the rights of the user that ``twistd --uid`` and ``--gid`` name, if this is root."""
    if not isinstance(uid, int | None) or not isinstance(gid, int | None) or uid == gid is None or os.geteuid() != 0:
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
