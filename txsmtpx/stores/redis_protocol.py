"""The protocol of txredisapi, with limits, and with commands that hiredis builds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from importlib.util import find_spec
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.python.failure import Failure

from txsmtpx.interfaces import StreamTransport


class RedisProtocolLike(Protocol):
    """The part of txredisapi's protocol that is used here; the library has no annotations."""

    connected: int
    transport: StreamTransport
    reason: Failure | None
    """Why the connection was lost."""

    def auth(self, password: str, username: str | None = None) -> Deferred[object]:
        """
        Authenticate.

        Args:
            password: The password.
            username: The user name.

        Returns:
            A Deferred of the answer.
        """

    def select(self, index: int) -> Deferred[object]:
        """
        Select a database.

        Args:
            index: The number of the database.

        Returns:
            A Deferred of the answer.
        """

    def eval(self, script: str, keys: Sequence[str], args: Sequence[str]) -> Deferred[object]:
        """
        Run a script, by its hash if Redis has it.

        Args:
            script: The script.
            keys: Its keys.
            args: Its arguments.

        Returns:
            A Deferred of the answer.
        """

    def execute_command(self, *words: str | bytes | int) -> Deferred[object]:
        """
        Send a command.

        Args:
            words: Its words.

        Returns:
            A Deferred of the answer.
        """


@cache
def protocol_class() -> Callable[[bool, int], TwistedProtocol]:
    """
    Return the protocol of Redis.  txredisapi is imported then, since that installs the reactor.

    Returns:
        A function that creates a protocol.  It is called with True if texts in answers are octets, and with the octets
        of the longest answer.
    """
    from txredisapi import InvalidData, RedisProtocol

    class KeepsReason(RedisProtocol):  # type: ignore[misc]  # it has no annotations
        """A protocol of Redis that keeps why its connection was lost."""

        reason: Failure | None = None

        def __init__(self, octets: bool, longest: int) -> None:
            super().__init__(charset=None if octets else "utf-8", convertNumbers=not octets)
            self._longest = longest
            self._received = 0  # since the last answer

        if find_spec("hiredis") is not None:
            # It takes a tenth of the time.  If the library renames this method, commands are built by the library.
            def _build_command(self, *words: str | bytes | int) -> bytes:
                from hiredis import pack_command

                command: bytes = pack_command(words)  # type: ignore[arg-type]  # it is annotated for one word only
                return command

        def dataReceived(self, data: bytes, unpause: bool = False) -> None:
            self._received += len(data)
            try:
                if self._received > self._longest:
                    raise InvalidData(f"an answer of more than {self._longest} octets")
                super().dataReceived(data, unpause)
            except (InvalidData, UnicodeDecodeError) as error:  # hiredis raises what the other parser returns
                while self.replyQueue.waiting:
                    self.replyReceived(InvalidData(str(error)))
                self.transport.abortConnection()

        def replyReceived(self, reply: object) -> None:
            self._received = 0
            super().replyReceived(reply)

        def connectionLost(self, reason: Failure) -> None:
            self.reason = reason
            super().connectionLost(reason)

    return KeepsReason
