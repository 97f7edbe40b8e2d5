"""
Errors that are also instances of Twisted's classes, so that programs for Twisted handle them.

`NetworkError` has a subclass for each class of `twisted.internet.error`, made when it is needed: its errors are
instances of ``ConnectionRefusedError``, ``ConnectionDone``, ``TimeoutError`` and the like.
"""

from __future__ import annotations

from functools import lru_cache

from twisted.internet import defer
from twisted.internet import error as twisted_error

from txsmtpx.errors.delivery_error import DeliveryError, Fault


class NetworkError(DeliveryError):
    """
    The network failed: DNS, a connection that failed or was lost, or no reply in time.

    Each error is also an instance of the class of `twisted.internet.error` for this failure.

    Example:
        >>> error = NetworkError.like(twisted_error.TimeoutError, "no reply within 300 seconds", "DATA")
        >>> isinstance(error, twisted_error.TimeoutError), isinstance(error, NetworkError)
        (True, True)
        >>> print(error)
        DATA: no reply within 300 seconds
    """

    temporary = True
    fault = Fault.NETWORK
    _kind: type[Exception] | None = None

    @classmethod
    def like(cls, kind: type[Exception], text: str, command: str = "") -> NetworkError:
        """
        Make an error that is also an instance of another class.

        Args:
            kind: A class of `twisted.internet.error`.
            text: A description of the fault.
            command: The command or phase that failed.

        Returns:
            The error.
        """
        return _class_like(kind)(text, command=command)  # type: ignore[arg-type]  # a class is hashable

    @classmethod
    def of(cls, error: Exception, command: str = "") -> NetworkError:
        """
        Make an error of one of Twisted's errors.

        Args:
            error: An error of `twisted.internet.error`.
            command: The command or phase that failed.

        Returns:
            An error with the same text and attributes, which is also an instance of the class of the given one.

        Example:
            >>> error = NetworkError.of(twisted_error.ConnectionRefusedError("no server"), "connect")
            >>> isinstance(error, twisted_error.ConnectionRefusedError)
            True
        """
        made = cls.like(type(error), str(error), command)
        made.__dict__.update(error.__dict__)
        return made

    def __str__(self) -> str:
        return f"{self.command}: {super().__str__()}" if self.command else super().__str__()

    def __reduce__(self) -> str | tuple[object, ...]:
        return super().__reduce__() if self._kind is None else (_again, (self._kind, self.args), self.__dict__)


@lru_cache
def _class_like(kind: type[Exception]) -> type[NetworkError]:
    """Return the class of errors that are `NetworkError` and of another class, whose name it has."""
    namespace = {"__module__": __name__, "__doc__": kind.__doc__, "_kind": kind, "osError": None}
    return type(kind.__name__, (NetworkError, kind), namespace)


def _again(kind: type[Exception], args: tuple[str, ...]) -> NetworkError:
    """Return the copy of an error, or one that is unpickled."""
    return _class_like(kind)(*args)  # type: ignore[arg-type]


class TLSFailed(DeliveryError, twisted_error.ConnectionLost):
    """
    The TLS handshake failed, or the certificate of the server could not be verified.

    Example:
        >>> isinstance(TLSFailed("certificate has expired"), twisted_error.ConnectionLost)
        True
    """

    command = "TLS"
    temporary = True


class CommandCancelled(DeliveryError, defer.CancelledError):
    """
    The caller cancelled the Deferred of a command or a message.

    The client aborts the connection, since a reply to the command may still come (guarantee 15).

    Example:
        >>> isinstance(CommandCancelled(command="DATA"), defer.CancelledError)
        True
    """

    temporary = True
    fault = Fault.CALLER


class ConnectionAborted(DeliveryError, twisted_error.ConnectionAborted):
    """
    The client aborted the connection earlier: a command was cancelled, or the body of a message failed.

    Example:
        >>> isinstance(ConnectionAborted(command="MAIL"), twisted_error.ConnectionAborted)
        True
    """

    temporary = True
    fault = Fault.CALLER
