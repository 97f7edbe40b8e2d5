"""The faults on demand: which commands fail, how often, and how."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from txsmtpx.grammar import replies
from txsmtpx.grammar.mailbox import mailbox_key
from txsmtpx.grammar.reply import Reply
from txsmtpx.inbox.address_pattern import AddressPattern
from txsmtpx.web.json_text import JsonValue

COMMANDS = ("MAIL", "RCPT", "DATA", "AUTH")
"""The commands that can fail."""

MAX_FAULTS = 50
"""Faults at a time."""

MAX_SECONDS = 3600.0
"""The longest delay."""

MAX_TEXT = 200
"""Characters of the text of a reply."""


@dataclass(frozen=True)
class Fault:
    """
    Make a share of the commands fail or wait.

    Attributes:
        command: One of `COMMANDS`.
        share: The share of the commands, above 0 and up to 1.
        code: The code of the reply, 400 to 599; 0 to delay the command only.
        text: The text of the reply.
        seconds: The delay.
        addresses: A pattern of addresses (`AddressPattern`): the sender of MAIL, a recipient of RCPT or DATA.  "" for
            all.
    """

    command: str
    share: float = 1.0
    code: int = 0
    text: str = "Chaos: this fault was asked for"
    seconds: float = 0.0
    addresses: str = ""

    def as_json(self) -> dict[str, JsonValue]:
        """
        Return the fault for the API.

        Returns:
            The values by their names in the API.
        """
        return {
            "command": self.command,
            "address": self.addresses,
            "share": self.share,
            "code": self.code,
            "text": self.text,
            "delay": self.seconds,
        }


class Faults:
    """
    Keep the faults, and decide for each command.  ``twistd smtpx --chaos`` creates one for all listeners.

    Args:
        chance: A function that returns a number from 0 to 1, below 1.

    Example:
        >>> faults = Faults()
        >>> faults.put(Fault("RCPT", code=452))
        >>> print(faults.of("RCPT", ["ann@example.org"])[1])
        452 4.0.0 Chaos: this fault was asked for
    """

    def __init__(self, chance: Callable[[], float] = random.random) -> None:
        self._chance = chance
        self._faults: dict[tuple[str, str], tuple[Fault, AddressPattern]] = {}

    @property
    def all(self) -> list[Fault]:
        """The faults, the oldest first."""
        return [fault for fault, _ in self._faults.values()]

    def put(self, fault: Fault) -> None:
        """
        Add a fault.  It takes the place of one for the same command and addresses.

        Args:
            fault: The fault.

        Raises:
            ValueError: The pattern of the addresses is wrong, or there are too many faults.
        """
        pattern = AddressPattern(fault.addresses or "*")
        key = (fault.command, fault.addresses)
        if key not in self._faults and len(self._faults) >= MAX_FAULTS:
            raise ValueError(f"there are {MAX_FAULTS} faults already; delete one")
        self._faults[key] = (fault, pattern)

    def remove(self, command: str, addresses: str = "") -> None:
        """
        Delete one fault, if it is there.

        Args:
            command: The command.
            addresses: The pattern of the addresses.
        """
        self._faults.pop((command, addresses), None)

    def clear(self, command: str = "") -> None:
        """
        Delete faults.

        Args:
            command: The command; "" for all.
        """
        self._faults = {key: each for key, each in self._faults.items() if command and key[0] != command}

    def of(self, command: str, addresses: Sequence[str]) -> tuple[float, Reply | None]:
        """
        Decide whether a command fails.  The first fault that applies counts.

        Args:
            command: The command.
            addresses: The addresses of the command.

        Returns:
            The delay in seconds, and the reply that rejects the command, or None.
        """
        keys: list[str] = []
        for fault, pattern in self._faults.values():
            if fault.command != command:
                continue
            if fault.addresses:
                keys = keys or [mailbox_key(each) for each in addresses]
                if not any(map(pattern.matches_key, keys)):
                    continue
            if self._chance() < fault.share:
                reply = Reply(fault.code, replies.default_enhanced_code(fault.code), fault.text) if fault.code else None
                return fault.seconds, reply
        return 0.0, None
