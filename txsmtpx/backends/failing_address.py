"""
Addresses that make a server for tests fail: ``reject-550@example.net``, ``slow-3s@example.net`` and so on.

`txsmtpx.testing.ScriptedBackend` and `txsmtpx.testing.ScriptedServer` use them.  docs/testing.md lists the addresses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from txsmtpx.grammar import asciitext
from txsmtpx.grammar.reply import Reply
from txsmtpx.setting import did_you_mean

MOST_SECONDS = 3600.0
"""The longest delay that an address can ask for."""

DEFERRED_451 = Reply(451, (4, 7, 1), "Deferred, try again later")
"""To RCPT or a message for the address ``defer``, as greylisting servers reply."""


def bad_failing_address_501(address: str, advice: str) -> Reply:
    """
    Return the reply to RCPT with an address that asks for a failure in a wrong way.

    Args:
        address: The local part.
        advice: The right way.

    Returns:
        The reply.
    """
    return Reply(501, (5, 1, 3), f"{address}: {advice}")


_REJECT = re.compile(r"reject-([45][0-9]{2})(?:-([45])\.([0-9]{1,3})\.([0-9]{1,3}))?")
_SLOW = re.compile(r"slow-([0-9]{1,4}(?:\.[0-9]{1,3})?)(ms|s)")

_UNFINISHED = re.compile(r"(reject|slow)(?:-.*|[._]?[0-9].*)?")
"""``reject`` and ``slow`` with a wrong value, without a value, or without the hyphen."""

_WITH_NUMBER = re.compile(r"(drop|defer)[-._]?[0-9].*")
"""``drop`` and ``defer`` have no value. ``drop-box`` is an ordinary address."""


@dataclass(frozen=True)
class PreparedFailure:
    """
    What an address makes the server do.

    Attributes:
        at_end: True if it happens at the end of the message, False if at MAIL or RCPT.
        reply: The rejection; None for the usual reply.
        seconds: The delay of the reply.
        drop: True if the connection is closed without a reply.
    """

    at_end: bool = False
    reply: Reply | None = None
    seconds: float = 0.0
    drop: bool = False


def failure_of(address: str) -> PreparedFailure | None:
    """
    Return what an address makes the server do.

    Args:
        address: The address of MAIL or RCPT.  The case, a part after "+", and the domain do not matter.

    Returns:
        The failure; None for an ordinary address.  An address with a mistake is rejected by 501 5.1.3, which names it.

    Example:
        >>> print(failure_of("reject-552-5.2.2@example.net").reply)
        552 5.2.2 Rejected, as the address asks for
        >>> failure_of("slow-3s+alice@example.net").seconds
        3.0
        >>> print(failure_of("reject-250@example.net").reply)
        501 5.1.3 reject-250: write reject- and a code from 400 to 599, such as reject-550 or reject-552-5.2.2
        >>> failure_of("alice@example.net") is None
        True
    """
    local = asciitext.lower(address.rpartition("@")[0]).partition("+")[0]
    at_end = local.startswith("data-")
    rest = local.removeprefix("data-")
    if at_end and asciitext.is_number(rest[:1]):
        rest = f"reject-{rest}"
    if rest == "drop":
        return PreparedFailure(at_end, drop=True)
    if rest == "defer":
        return PreparedFailure(at_end, DEFERRED_451)
    if rejected := _REJECT.fullmatch(rest):
        return _rejection(local, at_end, rejected)
    if slow := _SLOW.fullmatch(rest):
        seconds = float(slow[1]) / (1000 if slow[2] == "ms" else 1)
        if seconds <= MOST_SECONDS:
            return PreparedFailure(at_end, seconds=seconds)
    return _mistake(local, rest)


def _rejection(local: str, at_end: bool, match: re.Match[str]) -> PreparedFailure:
    code = int(match[1])
    if match[2] is None:
        enhanced = (code // 100, 0, 0)
    elif int(match[2]) == code // 100:
        enhanced = (int(match[2]), int(match[3]), int(match[4]))
    else:
        return _malformed(local, f"the enhanced code of {code} begins with {code // 100}")
    return PreparedFailure(at_end, Reply(code, enhanced, "Rejected, as the address asks for"))


def _mistake(local: str, rest: str) -> PreparedFailure | None:
    """Return the rejection of an address that is nearly one of these; None for an ordinary address."""
    if unfinished := _UNFINISHED.fullmatch(rest):
        if unfinished[1] == "slow":
            return _malformed(local, f"write slow- and up to {MOST_SECONDS:.0f} s, such as slow-3s or slow-500ms")
        word = "data" if asciitext.is_number(local.removeprefix("data-")[:1]) else "reject"
        return _malformed(local, f"write {word}- and a code from 400 to 599, such as {word}-550 or {word}-552-5.2.2")
    if numbered := _WITH_NUMBER.fullmatch(rest):
        return _malformed(local, f"write {numbered[1]}, without a number")
    word, _, value = rest.partition("-")
    if word == "data" or not (_REJECT.fullmatch(f"reject-{value}") or _SLOW.fullmatch(f"slow-{value}")):
        return None
    near = did_you_mean(word, ("reject", "slow", "data"))
    return _malformed(local, f"{word} is no word of these addresses{near}") if near else None


def _malformed(local: str, advice: str) -> PreparedFailure:
    return PreparedFailure(reply=bad_failing_address_501(local, advice))
