"""
Look-ups of MX, A, AAAA, CNAME, PTR, TLSA and TXT records (RFC 1035, RFC 5321 §5.1, RFC 6698).

`NoSuchDomain` is an answer of the DNS, and permanent.  `DNSFailed` is the lack of an answer, and temporary.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NoReturn, cast

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import DNSLookupError
from twisted.internet.interfaces import IReactorTime, IResolver
from twisted.names import dns
from twisted.names.error import AuthoritativeDomainError, DNSNameError, ResolverError
from twisted.python.failure import Failure

from txsmtpx.errors import Fault, NetworkError
from txsmtpx.grammar import asciitext
from txsmtpx.grammar.domain import to_a_label
from txsmtpx.wire.system_resolver import TLSA, Answer, LookedUp, SystemResolver
from txsmtpx.wire.uncancelled import uncancelled

MAX_ALIASES = 8
"""CNAME records that are followed for one name."""

Kind = Literal["MX", "A", "AAAA", "CNAME", "PTR", "TLSA", "TXT"]

_TYPES: dict[Kind, int] = {
    "MX": dns.MX,
    "A": dns.A,
    "AAAA": dns.AAAA,
    "CNAME": dns.CNAME,
    "PTR": dns.PTR,
    "TLSA": TLSA,
    "TXT": dns.TXT,
}

_METHODS = {
    "MX": "lookupMailExchange",
    "A": "lookupAddress",
    "AAAA": "lookupIPV6Address",
    "PTR": "lookupPointer",
    "TXT": "lookupText",
}
"""
The methods of a resolver of twisted.names, which does not know whether an answer is secure.

The other types count only if they are secure, so such a resolver is not asked for them.
"""


class DNSFailed(NetworkError, DNSLookupError):
    """
    The DNS has given no usable answer; a later attempt may succeed.

    Example:
        >>> DNSFailed("SERVFAIL for mail.example.org").temporary
        True
    """

    command = "DNS"


class NoSuchDomain(NetworkError, DNSLookupError):
    """
    The DNS has no such domain, or no address of it and of its exchangers.

    Example:
        >>> NoSuchDomain("exmaple.org does not exist").temporary
        False
    """

    command = "DNS"
    temporary = False
    fault = Fault.CALLER
    ttl = 0
    """Seconds for which this answer may be kept (RFC 2308 §5)."""


@dataclass(frozen=True)
class RecordSet:
    """
    The records of one name and one type.

    Attributes:
        records: The records; empty if the DNS has answered that there are none.
        ttl: Seconds for which the answer may be kept: the least TTL of its records.  Without records it is that of the
            negative answer (RFC 2308 §5), 0 if the answer names none.
        secure: True if a trusted name server has validated all of it by DNSSEC, the aliases included.
        name: The name that has the records: the last target of the aliases.
    """

    records: Sequence[object]
    ttl: int
    secure: bool = False
    name: str = ""


class Records:
    """
    Looks up records with a resolver.  Each query has a time limit.

    Args:
        clock: Measures the time limit.
        resolver: A resolver of twisted.names, or a SystemResolver.  None: a new SystemResolver.
        seconds: The time limit for each query; for all queries of `record_set`.
    """

    def __init__(self, clock: IReactorTime, resolver: IResolver | SystemResolver | None, seconds: float) -> None:
        self._clock = clock
        self._resolver = SystemResolver(clock) if resolver is None else resolver
        self._seconds = seconds

    async def existing(self, name: str, kind: Kind) -> RecordSet:
        """
        Look up records of a name that must exist.  CNAME records are followed (RFC 5321 §5.1).

        Args:
            name: The name.
            kind: The type of the records.

        Returns:
            The records; none if the DNS has answered that there are none of this type.

        Raises:
            NoSuchDomain: The name does not exist.
            DNSFailed: The DNS gives no usable answer.
        """
        return await self._look_up(name, kind)

    async def record_set(self, name: str, kind: Kind) -> RecordSet:
        """
        Look up records that the caller keeps for their TTL.  CNAME records are followed, within one time limit for all.

        Args:
            name: The name.
            kind: The type of the records.

        Returns:
            The records and their TTL.  If the name does not exist, there are no records.

        Raises:
            DNSFailed: The DNS gives no usable answer.
        """

        def silent(_: object, seconds: float) -> NoReturn:
            raise DNSFailed(f"the {kind} of {name} could not be looked up: no answer within {seconds:g} seconds")

        try:
            looking = Deferred.fromCoroutine(self._look_up(name, kind))
            return await looking.addTimeout(self._seconds, self._clock, silent)
        except NoSuchDomain as error:
            return RecordSet((), error.ttl)

    async def _look_up(self, name: str, kind: Kind) -> RecordSet:
        alias = host_name(name)
        least: list[int] = []
        secure = True
        for _ in range(MAX_ALIASES):
            (answers, authority, _additional), validated = await self._answers(alias, kind)
            secure = secure and validated
            found = [record for record in answers if record.type == _TYPES[kind]]
            aliases = [record for record in answers if record.type == dns.CNAME]
            least += [record.ttl for record in found + aliases]
            targets = {asciitext.lower(decoded(each.name)): _target(each) for each in aliases}
            asked, alias = alias, _last_target(targets, alias)
            if found or alias == asked:
                ttl = min(least) if found else min([*least, _negative_ttl(authority)])
                return RecordSet([record.payload for record in found], ttl, secure, alias)
        raise DNSFailed(f"the {kind} of {name} could not be looked up: more than {MAX_ALIASES} aliases")

    async def _answers(self, name: str, kind: Kind) -> LookedUp:
        if not isinstance(self._resolver, SystemResolver) and kind not in _METHODS:
            return LookedUp(([], [], []))
        try:
            if isinstance(self._resolver, SystemResolver):
                looking = self._resolver.look_up(name, _TYPES[kind])
            else:
                waiting: Deferred[Answer] = getattr(self._resolver, _METHODS[kind])(name)
                looking = _uncancellable(waiting).addCallback(LookedUp)
            return await looking.addTimeout(self._seconds, self._clock, self._silent)
        except CancelledError:
            raise
        except (DNSNameError, AuthoritativeDomainError) as error:
            missing = NoSuchDomain(f"there is no domain {name}")
            messages = [each for each in error.args if isinstance(each, dns.Message)]
            missing.ttl = _negative_ttl(messages[0].authority) if messages else 0
            raise missing from None
        except Exception as error:  # resolvers raise exceptions of many classes, Twisted's own undocumented
            raise DNSFailed(f"the {kind} of {name} could not be looked up: {_reason(error)}") from error

    def _silent(self, _: object, seconds: float) -> NoReturn:
        raise ResolverError(f"no answer within {seconds:g} seconds")


_HOST = re.compile(r"(?!.{254})[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*")
"""RFC 1035 §2.3.4; with the underscore, which host names must not have, but some do."""


def host_name(domain: str) -> str:
    """
    Return the form that the DNS is asked for: the A-label of a domain, without a dot at the end.

    Args:
        domain: A domain or host name.

    Returns:
        The name in ASCII.

    Raises:
        DNSFailed: The DNS cannot be asked for this name.  So it has not answered that the name does not exist.
    """
    try:
        name = to_a_label(domain).removesuffix(".")
    except ValueError as error:
        raise DNSFailed(f"{domain!r} cannot be looked up: {error}") from error
    if not _HOST.fullmatch(name):
        raise DNSFailed(f"{domain!r} cannot be looked up: not a host name")
    return name


def decoded(name: dns.Name) -> str:
    """
    Return a name of an answer as text.

    Args:
        name: The name.

    Returns:
        The text, without a dot at the end.  Octets beyond ASCII are escaped.
    """
    return str(name.name, "ascii", "backslashreplace").removesuffix(".")


def _negative_ttl(authority: Sequence[dns.RRHeader]) -> int:
    """Return the seconds for which an answer without records may be kept (RFC 2308 §5); 0 without a SOA record."""
    found = [min(each.ttl, cast(dns.Record_SOA, each.payload).minimum) for each in authority if each.type == dns.SOA]
    return min(found, default=0)


def _target(alias: dns.RRHeader) -> dns.Name:
    return cast(dns.Name, cast(dns.Record_CNAME, alias.payload).name)


def _last_target(targets: dict[str, dns.Name], name: str) -> str:
    """
    Follow the CNAME records of one answer.

    Args:
        targets: The target of each alias, by the alias in lower case.
        name: The name to begin with.

    Returns:
        The last target, or the name itself.

    Raises:
        DNSFailed: The records form a loop.
    """
    for _ in range(len(targets) + 1):
        target = targets.get(asciitext.lower(name))
        if target is None:
            return name
        name = decoded(target)
    raise DNSFailed(f"{name} could not be looked up: it is an alias of itself")


def _reason(error: Exception) -> str:
    """Return the text of a resolver's error; its class if it holds a whole answer, as errors of twisted.names do."""
    text = error.args[0] if error.args else None
    return text if isinstance(text, str) and text else type(error).__name__


def _uncancellable(lookup: Deferred[Answer]) -> Deferred[Answer]:
    """
    Return a Deferred of the same result that can be cancelled without cancelling the look-up.

    A resolver of twisted.names shares one query among all callers that ask the same question.  To cancel it would fail
    the look-ups of all of them.

    Returns:
        The Deferred.
    """
    return uncancelled(lookup.addErrback(_cancelled_by_another))


def _cancelled_by_another(failure: Failure) -> Failure:
    return Failure(ResolverError("the query was cancelled")) if failure.check(CancelledError) else failure
