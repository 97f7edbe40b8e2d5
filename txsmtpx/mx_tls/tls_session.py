"""What is known of the TLS of one connection to an exchanger, for reports and metrics (RFC 8460)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from txsmtpx.wire.client_tls import TLSResult
from txsmtpx.wire.dns_records import Records

PolicyType = Literal["tlsa", "sts", "no-policy-found"]
"""The type of the policy that was applied (RFC 8460 §4.4)."""


@dataclass(frozen=True)
class TLSSession:
    """
    A connection to an exchanger, or one that has failed before a message could be sent.

    Attributes:
        domain: The domain of the recipients.
        policy: The type of the policy.
        policy_text: The lines of the policy, or the TLSA records.
        patterns: The patterns of an MTA-STS policy.
        host: The name of the exchanger; "" if there was none yet.
        address: Its address; "" if it is not known.
        failure: What has failed; None for nothing.
        text: The failure in words.
        delivers: True if mail can be sent on the connection in spite of a failure.
        base: The name that has the TLSA records, which is the domain of that policy (RFC 8460 §1.1); otherwise "".
    """

    domain: str
    policy: PolicyType
    policy_text: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    host: str = ""
    address: str = ""
    failure: TLSResult | None = None
    text: str = ""
    delivers: bool = False
    base: str = ""


class TLSReporter(Protocol):
    """Is told of each connection to an exchanger."""

    def ended(self, session: TLSSession, records: Records) -> None:
        """
        Take note of a connection.

        Args:
            session: The connection.
            records: Looks up records, such as those that ask for reports.
        """
