"""The trial of ``--check``: ports that cannot be opened, and a backend that cannot store mail."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping

from twisted.internet.interfaces import IListeningPort, IProtocolFactory

from txsmtpx.command.chosen import Chosen
from txsmtpx.command.groups.backend_choice import TEE, chosen_backend
from txsmtpx.command.other_user import other_user
from txsmtpx.command.place import Place, PortError, UNIXPlace
from txsmtpx.command.port import Port
from txsmtpx.command.process import Listener, Process
from txsmtpx.command.sockets import Sockets
from txsmtpx.interfaces import CheckedBackend, provides


class TrialSockets(Sockets):
    """
    A reactor that accepts nothing, and listens no longer than `trial` runs.

    Args:
        reactor: The real reactor.
        directory: The working directory of the server, to which the paths of UNIX sockets are relative.
    """

    def __init__(self, reactor: object, directory: str = ".") -> None:
        super().__init__(reactor)
        self._directory = directory
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
        try:
            tried = place.try_it()
        except (OSError, OverflowError) as error:
            raise self.explained(place, error) from error
        if tried is not None:
            self._opened.enter_context(tried)
        elif owner := self.owner(place):
            raise PortError(place, owner)
        self.had.append((place, self.asked_by))


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
            for port in listener.ports:
                found += _listen(port, listener.factory)
        for port, service in process.sites:
            found += _listen(port, service.factory)
    with other_user(twistd.get("uid"), twistd.get("gid")):
        for listener in process.listeners:
            found += _store(listener, listener.chosen_backend, chosen_backend(listener.values))
            tee = listener.values[TEE]
            found += [] if tee is None else _store(listener, listener.copies, tee)
    return found


def _listen(port: Port, factory: IProtocolFactory) -> list[str]:
    found: list[str] = []
    port.listen(factory).addErrback(lambda failure: found.append(failure.getErrorMessage()))
    return found


def _store(listener: Listener, backend: object, chosen: Chosen) -> list[str]:
    """Call the method ``check`` of a backend, if it has one."""
    try:
        if provides(backend, CheckedBackend):
            backend.check()
    except (OSError, ValueError) as error:
        why = f"cannot write to {error.filename}: {error.strerror}" if isinstance(error, OSError) else error
        return [listener.values.complaint(chosen.unusable(str(why)))]
    return []
