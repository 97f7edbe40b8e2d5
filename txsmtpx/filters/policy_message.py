"""
The messages of Postfix's policy delegation protocol (SMTPD_POLICY_README), without a transport.

A request and an answer are lines of ``name=value``, each with its LF, and an empty line.  One request is answered
before the next one is sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from txsmtpx.interfaces import FilterFailed

MAX_ANSWER = 16 * 1024
"""Octets of an answer.  If there are more, the connection is aborted.  A reply of SMTP has at most a few hundred."""

_NAME = re.compile("[a-z0-9_]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class PolicyError(FilterFailed):
    """The policy server gave no answer, or none that can be used."""


def encode(attributes: Mapping[str, str]) -> bytes:
    r"""
    Encode a request.

    Args:
        attributes: The values by name, in their order.  In a value, each control character becomes a question mark, as
            Postfix writes it.  So a value cannot add an attribute or end the request.

    Returns:
        The octets, in UTF-8.

    Raises:
        ValueError: A name has other characters than a-z, 0-9 and the underscore.

    Example:
        >>> encode({"request": "smtpd_access_policy", "helo_name": "a\nb"})
        b'request=smtpd_access_policy\nhelo_name=a?b\n\n'
    """
    for name in attributes:
        if not _NAME.fullmatch(name):
            raise ValueError(f"the name of an attribute has a-z, 0-9 and _, not {name!r}")
    lines = [f"{name}={_CONTROL.sub('?', value)}\n" for name, value in attributes.items()]
    return "".join([*lines, "\n"]).encode("utf-8")


class AnswerParser:
    r"""
    Parses one answer.  A connection creates it for each request.

    Example:
        >>> parser = AnswerParser()
        >>> parser.feed(b"action=DUN")
        >>> parser.feed(b"NO\n\n")
        'DUNNO'
    """

    def __init__(self) -> None:
        self._received = b""

    @property
    def begun(self) -> bool:
        """True if an octet of the answer has been received."""
        return bool(self._received)

    def feed(self, octets: bytes) -> str | None:
        """
        Parse the next octets.

        Args:
            octets: The octets.

        Returns:
            The value of the attribute "action", which `txsmtpx.filters.access_action` parses.  None if the answer goes
            on.  Other attributes are ignored.

        Raises:
            PolicyError: The answer has no action, a line without "=", or more than `MAX_ANSWER` octets; or octets
                follow it.
        """
        searched = max(0, len(self._received) - 1)
        self._received += octets
        end = self._received.find(b"\n\n", searched) + 1
        if self._received.startswith(b"\n"):
            raise PolicyError("the answer is empty")
        if len(self._received) > MAX_ANSWER:
            raise PolicyError(f"the answer has more than {MAX_ANSWER} octets")
        if not end:
            return None
        if len(self._received) > end + 1:
            raise PolicyError(f"octets follow the answer: {self._received[end + 1 :][:80]!r}")
        return _action(self._received[:end])


def _action(octets: bytes) -> str:
    """Return the first action of an answer, as Postfix does."""
    found = None
    for line in octets.split(b"\n")[:-1]:
        name, equals, value = line.partition(b"=")
        if not equals:
            raise PolicyError(f"a line of the answer has no '=': {line[:80]!r}")
        if name == b"action" and found is None:
            found = value
    if found is None:
        raise PolicyError(f"the answer has no action: {octets[:80]!r}")
    return found.decode("utf-8", "replace")
