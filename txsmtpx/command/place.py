"""
The places where a server listens: TCP ports and UNIX sockets.

Each can be tried, and explains why it cannot be opened.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
from dataclasses import dataclass
from typing import Protocol

from twisted.internet.abstract import isIPv6Address
from twisted.internet.error import CannotListenError

from txsmtpx.command.process_number import is_gone
from txsmtpx.grammar import asciitext

_LAST_PORT = 65535
_FIRST_FOR_ALL = 1024
"""Only root may listen on ports below this, unless the system allows it."""


class PortError(CannotListenError):
    """
    A port cannot be opened.  The text names the port and the reason.

    Args:
        place: The port.
        why: Why it cannot be opened.
    """

    def __init__(self, place: Place, why: str) -> None:
        CannotListenError.__init__(self, None, place.name, why)
        self._place = place

    def __str__(self) -> str:
        return f"cannot listen on {self._place}: {self.socketError}"


class Place(Protocol):
    """A place where a server listens."""

    @property
    def name(self) -> str:
        """What an endpoint asked for.  By this name another process finds the socket."""

    def prepare(self) -> None:
        """
        Remove what a process that is gone has left there.

        Raises:
            OSError: A server listens there, or it cannot be removed.
            OverflowError: There is no such port.
        """

    def try_it(self) -> socket.socket | None:
        """
        Try whether a server could listen there.

        Returns:
            A socket that keeps the place from being opened once more, None if nothing does.

        Raises:
            OSError: It cannot be opened.
            OverflowError: There is no such port.
        """

    def why_not(self, error: object) -> str:
        """
        Explain why the place cannot be opened.

        Args:
            error: The error.

        Returns:
            The reason, to be read after the name of the place.
        """


@dataclass(frozen=True)
class TCPPlace:
    """
    A TCP port.

    Attributes:
        interface: An address of this host, "" for all of IPv4.
        port: Its number.
    """

    interface: str
    port: int

    @property
    def name(self) -> str:
        """What an endpoint asked for."""
        return f"tcp:{self.interface}:{self.port}"

    def __str__(self) -> str:
        return f"port {self.port} of {self.interface or 'all addresses'}"

    def prepare(self) -> None:
        """
        Check the number.  The system itself cleans up after a process that is gone.

        Raises:
            OverflowError: There is no such port.  ``getaddrinfo`` would take the number modulo 65536.
        """
        if not 0 <= self.port <= _LAST_PORT:
            raise OverflowError(self.port)

    def try_it(self) -> socket.socket:
        """
        Listen there.

        Returns:
            The socket.

        Raises:
            OSError: It cannot be opened.
            OverflowError: There is no such port.
        """
        self.prepare()
        family = socket.AF_INET6 if isIPv6Address(self.interface) else socket.AF_INET
        address: tuple[object, ...] = (self.interface, self.port)
        if family == socket.AF_INET6:
            found = socket.getaddrinfo(self.interface, self.port, family, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST)
            address = found[0][4]  # with the number of a zone, as in fe80::1%eth0
        tried = socket.socket(family, socket.SOCK_STREAM)
        try:
            if os.name == "posix":
                tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind(address)
            tried.listen()
        except BaseException:
            tried.close()
            raise
        return tried

    def why_not(self, error: object) -> str:
        """
        Explain why the port cannot be opened.

        Args:
            error: The error.

        Returns:
            The reason.
        """
        if isinstance(error, OverflowError):
            return f"a port is a number from 0 to {_LAST_PORT}"
        if isinstance(error, socket.gaierror):
            return f"{self.interface} is neither an address of this host nor a name of one; write interface=127.0.0.1"
        number = error.errno if isinstance(error, OSError) else None
        if number == errno.EADDRINUSE:
            return "it is in use; stop the other program, or choose another port"
        if number == errno.EADDRNOTAVAIL:
            return f"{self.interface} is not an address of this host; choose one that is, or leave out the interface"
        if number in (errno.EACCES, errno.EPERM):
            if self.port < _FIRST_FOR_ALL:
                root = "ports below 1024 are for root, or for CAP_NET_BIND_SERVICE"
                return f"not permitted; {root}; start as root with twistd --uid, or choose a port from 1024 on"
            return "not permitted; the system forbids this port to this user"
        return _plain(error)


@dataclass(frozen=True)
class UNIXPlace:
    """
    A UNIX socket, and the lock that Twisted creates beside it: a symbolic link to a process number.

    Attributes:
        path: Its path.
    """

    path: str

    @property
    def name(self) -> str:
        """What an endpoint asked for."""
        return f"unix:{self.path}"

    @property
    def lock(self) -> str:
        """The path of its lock."""
        return f"{self.path}.lock"

    def __str__(self) -> str:
        return self.path

    def prepare(self) -> None:
        """
        Remove the lock and the socket of a process that is gone.

        Twisted respects a lock if any process has that number, and does not remove a socket without a lock.  Here the
        server connects to the socket to find out whether a server listens there, as Dovecot does.

        Raises:
            OSError: A server listens there, or it cannot be removed.
        """
        if self.path.startswith("\0"):
            return  # in Linux's abstract namespace, from which it vanishes with its process
        self._look()
        if os.path.islink(self.lock):
            os.unlink(self.lock)
        if self._is_socket():
            os.unlink(self.path)

    def _look(self) -> None:
        """
        Check that nothing is in the way.

        Raises:
            OSError: A server listens there, or there is a file of that name.
        """
        if self._answers() or self._is_held():
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        if os.path.lexists(self.path) and not self._is_socket():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), self.path)

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.setblocking(False)
            try:
                probe.connect(self.path)
            except (FileNotFoundError, ConnectionRefusedError):
                return False
            except BlockingIOError:  # its queue is full
                return True
        return True

    def _is_held(self) -> bool:
        """Return whether a server has the lock: one that does not listen yet, or whose socket was removed."""
        try:
            pid, written = os.readlink(self.lock), os.lstat(self.lock).st_mtime
        except OSError:  # there is none, or it is no link
            return False
        return asciitext.is_number(pid) and not is_gone(int(pid), written)

    def _is_socket(self) -> bool:
        try:
            return stat.S_ISSOCK(os.lstat(self.path).st_mode)
        except FileNotFoundError:
            return False

    def try_it(self) -> None:
        """
        Try whether a server could listen there, and change nothing.

        Raises:
            OSError: It cannot be opened.
        """
        self._look()
        directory = os.path.dirname(self.path) or "."
        os.stat(directory)
        if not os.access(directory, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), directory)

    def why_not(self, error: object) -> str:
        """
        Explain why the socket cannot be opened.

        Args:
            error: The error.

        Returns:
            The reason.
        """
        number = error.errno if isinstance(error, OSError) else None
        directory = os.path.dirname(self.path) or "."
        if isinstance(error, OSError) and number is None:  # Python's own check has no number
            octets = len(os.fsencode(self.path))
            return f"the path has {octets} octets, more than the system takes for a socket; choose a shorter one"
        if number == errno.ENOENT:
            return f"there is no directory {directory}; create it"
        if number == errno.ENOTDIR:
            return f"{directory} is not a directory; choose another path"
        if os.path.lexists(self.path) and not self._is_socket():
            return "there is a file of that name, which is not a socket; remove it, or choose another path"
        if number == errno.EADDRINUSE or number is None:
            return f"it is in use{self._owner()}; stop the other server, or choose another path"
        if number in (errno.EACCES, errno.EPERM):
            name = error.filename if isinstance(error, OSError) else None
            found = os.fsdecode(name or directory)
            return f"no permission for {found}; let this user write there, or choose another path"
        return _plain(error)

    def _owner(self) -> str:
        try:
            return f" ({self.lock} is of process {os.readlink(self.lock)})"
        except OSError:
            return ""


def _plain(error: object) -> str:
    if not isinstance(error, OSError):
        return str(error) or type(error).__name__
    words = error.strerror or str(error) or type(error).__name__
    return f"{os.fsdecode(error.filename)}: {words}" if error.filename else words
