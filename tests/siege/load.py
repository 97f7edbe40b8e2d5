"""
Load: clients that send messages as fast as they are taken, each in a process of its own, and say what was acknowledged.

A message can be told whole from its number alone: ``message`` makes it, so nothing has to be remembered.
"""

from __future__ import annotations

import contextlib
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
SIZES = (100, 500, 2_000, 2_000, 8_000, 8_000, 30_000, 100_000)
"""Octets, one as likely as the other."""


END = b".\r\n"
ENVELOPE = b"MAIL FROM:<a@client.example>\r\nRCPT TO:<b@localhost>\r\n"


def message(number: int) -> bytes:
    """The message of that number, as it is to be stored: its first line says which it is, its last that it is whole."""
    lines = random.Random(number).choice(SIZES) // 50
    body = b"%0.48d\r\n" % number * lines
    return b"Subject: %d\r\n\r\n%s.a dot, and the end of %d\r\n" % (number, body, number)


def wire(number: int) -> bytes:
    """The same with its dots doubled, and the end of the data."""
    return message(number).replace(b"\r\n.", b"\r\n..") + END


class Sender:
    """
    One connection.

    Attributes:
        acknowledged: The numbers of the messages for which the answer was a yes.
    """

    def __init__(
        self, port: int, *, lmtp: bool = False, tls: bool = False, pipelined: bool = False, chunked: bool = False
    ) -> None:
        sys.path.insert(0, str(ROOT))
        from tests.siege.client import Client

        self.acknowledged: list[int] = []
        self._client = Client(port, lmtp=lmtp, tls=tls)
        self._pipelined = pipelined
        self._chunked = chunked

    def send(self, numbers: Iterator[int]) -> None:
        """One after the other; with PIPELINING each envelope goes with the message before it (RFC 2920 §3.1)."""
        if self._pipelined:
            self._send_pipelined(numbers)
            return
        for number in numbers:
            if self._chunked:
                body = message(number)
                self._client.socket.sendall(ENVELOPE + b"BDAT %d LAST\r\n%s" % (len(body), body))
                for _ in range(3):
                    self._client.expect(b"250")
            else:
                self._client.send(wire(number).removesuffix(END))
            self.acknowledged.append(number)

    def _send_pipelined(self, numbers: Iterator[int]) -> None:
        before = None
        for number in numbers:
            self._end(before, ENVELOPE + b"DATA\r\n")
            for code in (b"250", b"250", b"354"):
                self._client.expect(code)
            before = number
        self._end(before, b"")

    def _end(self, number: int | None, envelope: bytes) -> None:
        if number is None:
            self._client.socket.sendall(envelope)
        else:
            self._client.socket.sendall(wire(number) + envelope)
            self._client.expect(b"250")
            self.acknowledged.append(number)

    def quit(self) -> None:
        self._client.quit()

    def close(self) -> None:
        self._client.close()


class Load:
    """
    Clients, each a process; they go on until they have sent all they should, or the server has gone.
    """

    def __init__(self, port: int, first: int, each: int, *ways: str, reconnect: int = 100) -> None:
        """
        Args:
            first: The number of the first message.
            each: Messages that each client sends at most.
            ways: Of each client, such as "lmtp+tls+pipelined".
            reconnect: Messages on one connection.
        """
        self._processes = [
            subprocess.Popen(
                [sys.executable, __file__, str(port), str(first + number * each), str(each), way, str(reconnect)],
                stdout=subprocess.PIPE,
                text=True,
            )
            for number, way in enumerate(ways)
        ]

    def begun(self) -> None:
        """Wait until each has sent its first."""
        for process in self._processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "begun\n"

    def over(self) -> list[int]:
        """Wait for all of them: what was acknowledged."""
        acknowledged: list[int] = []
        for process in self._processes:
            assert process.stdout is not None
            said = process.stdout.read()
            acknowledged += json.loads(said.splitlines()[-1])
        return acknowledged

    def __enter__(self) -> Load:
        return self

    def __exit__(self, *exception: object) -> None:
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            process.communicate()


def main(port: int, first: int, each: int, way: str, reconnect: int) -> None:
    """One client."""
    words = way.split("+")
    options = {word: True for word in words if word != "plain"}
    acknowledged: list[int] = []
    numbers = iter(range(first, first + each))
    with contextlib.suppress(OSError, ConnectionError):
        for begin in range(first, first + each, reconnect):
            sender = Sender(port, **options)
            sender.acknowledged = acknowledged
            try:
                if begin == first:
                    sender.send(iter([next(numbers)]))
                    print("begun", flush=True)
                sender.send(number for _, number in zip(range(reconnect - (begin == first)), numbers, strict=False))
                sender.quit()
            except RuntimeError as refused:
                if "421" not in str(refused):  # which says that it is going
                    raise
                break
            finally:
                sender.close()
    print(json.dumps(acknowledged), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], int(sys.argv[5]))
