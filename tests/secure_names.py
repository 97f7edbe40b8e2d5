"""A resolver in memory, whose answers are validated by DNSSEC or not."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.names import dns, error

from txsmtpx.wire.system_resolver import TLSA, LookedUp, SystemResolver

NEVER = "never"
"""What the DNS does not answer at all."""

Answers = dict[str, Sequence[object] | Exception | str]
"""By name: payloads, of which a pair says whose record it is; an exception; or `NEVER`."""


class SecureNames(SystemResolver):
    """
    The resolver.  A name without an answer does not exist.

    Args:
        clock: The clock.
        insecure: The names whose answers are not validated; "*" for all.
        answers: By kind.

    Attributes:
        asked: (kind, name) of each question.
    """

    def __init__(self, clock: IReactorTime, insecure: Sequence[str] = (), **answers: Answers) -> None:
        super().__init__(clock)
        self.answers = answers
        self.insecure = insecure
        self.asked: list[tuple[str, str]] = []

    def look_up(self, name: str, kind: int) -> Deferred[LookedUp]:
        """Answer."""
        word = "TLSA" if kind == TLSA else dns.QUERY_TYPES[kind]
        self.asked.append((word, name))
        answer = self.answers.get(word, {}).get(name, error.DNSNameError())
        if isinstance(answer, Exception):
            return fail(answer)
        if isinstance(answer, str):
            return Deferred()
        pairs = [each if isinstance(each, tuple) else (name, each) for each in answer]
        found = [dns.RRHeader(owner, payload.TYPE or TLSA, ttl=60, payload=payload) for owner, payload in pairs]
        return succeed(LookedUp((found, [], []), not {name, "*"} & set(self.insecure)))


def tlsa(*texts: str) -> list[dns.UnknownRecord]:
    """TLSA records, each of a text such as ``3 1 1 abcd``."""
    found = []
    for text in texts:
        *numbers, data = text.split()
        found.append(dns.UnknownRecord(bytes(map(int, numbers)) + bytes.fromhex(data)))
    return found


def txt(*texts: str) -> list[dns.Record_TXT]:
    """TXT records."""
    return [dns.Record_TXT(each.encode()) for each in texts]
