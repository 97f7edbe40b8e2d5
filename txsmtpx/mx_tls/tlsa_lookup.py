"""The TLSA records of an exchanger (RFC 7672 §2.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from twisted.names import dns

from txsmtpx.grammar import asciitext
from txsmtpx.grammar.tlsa import TLSARecord
from txsmtpx.wire.dns_records import DNSFailed, Records
from txsmtpx.wire.transport_security import Host


@dataclass(frozen=True)
class TLSARecords:
    """
    The TLSA records of an exchanger.

    Attributes:
        base: The name that they belong to, without port and protocol.
        records: The records; at least one, of which none may be usable.
    """

    base: str
    records: tuple[TLSARecord, ...]


async def tlsa_records(host: Host, port: int, records: Records) -> TLSARecords | None:
    """
    Look up the TLSA records of an exchanger.

    They are looked up at the last target of the aliases of its name, and then at the name itself.  If only the first
    alias is secure, they are looked up at the name itself (RFC 7672 §2.2.3).

    Args:
        host: The exchanger.
        port: Its port.
        records: Looks up records.

    Returns:
        The records; None if there are none that DNSSEC has validated.

    Raises:
        DNSFailed: The DNS gives no usable answer, such as one that is bogus: the exchanger must not be used.
    """
    is_alias = asciitext.lower(host.canonical) not in ("", asciitext.lower(host.name))
    if host.secure:
        bases = [host.canonical, host.name] if is_alias else [host.name]
    elif is_alias and (await records.record_set(host.name, "CNAME")).secure:
        bases = [host.name]
    else:
        return None
    for base in bases:
        answer = await records.record_set(f"_{port}._tcp.{base}", "TLSA")
        if answer.secure and answer.records:
            found = [TLSARecord.of(cast(dns.UnknownRecord, each).data) for each in answer.records]
            return TLSARecords(base, tuple(found))
    return None


__all__ = ["DNSFailed", "TLSARecords", "tlsa_records"]
