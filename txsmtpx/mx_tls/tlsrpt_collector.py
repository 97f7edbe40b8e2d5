"""
Reports of connections to the collector of tlsrpt-reporter, which sends TLS reports to domains (RFC 8460).

Theory of operation.  The collector, ``tlsrpt-collectd``, listens on a UNIX socket for datagrams.  Each has the record
of the domain that asks for reports, and the outcome of a connection.  Domains without that record get no report.
tlsrpt-reporter adds the outcomes of a day up and sends the reports.
"""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Iterable
from typing import cast

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.names import dns
from twisted.python.failure import Failure

from txsmtpx.mx_tls.tls_session import PolicyType, TLSSession
from txsmtpx.wire.client_tls import TLSResult
from txsmtpx.wire.dns_records import DNSFailed, Records

log = Logger(__name__)

_TYPES: dict[PolicyType, int] = {"tlsa": 1, "sts": 2, "no-policy-found": 9}
_FAILURES: dict[TLSResult, int] = {
    "starttls-not-supported": 201,
    "certificate-host-mismatch": 202,
    "certificate-not-trusted": 203,
    "certificate-expired": 204,
    "validation-failure": 205,
    "sts-policy-fetch-error": 301,
    "sts-policy-invalid": 302,
    "sts-webpki-invalid": 303,
    "tlsa-invalid": 304,
    "dnssec-invalid": 305,
    "dane-required": 306,
}
"""The numbers in datagrams of version 1."""

MOST_LINES = 100
"""Lines of a policy, patterns or TLSA records in a datagram.  A policy of 64 KB would not fit into one."""
MOST_LINE = 200
"""Characters of a line.  A TLSA record with a digest has at most 134."""
MOST_RECORD = 4096
"""Characters of the record that asks for reports."""

_RECORD = re.compile(r"v=TLSRPTv1[ \t]*;.*", re.DOTALL)


class TLSRPTCollector:
    """
    Sends the outcome of each connection to ``tlsrpt-collectd``.

    The delivery of mail does not wait for the collector.  If it does not take a datagram, that is logged once, until it
    takes one again.

    Args:
        path: The socket of the collector, such as ``/var/run/tlsrpt-collectd.sock``.

    Example:
        ::

            security = MXSecurity(reporters=[TLSRPTCollector("/var/run/tlsrpt-collectd.sock")])
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = os.fspath(path)
        self._failing = False

    def ended(self, session: TLSSession, records: Records) -> None:
        """
        Report a connection, if the domain asks for reports.

        Args:
            session: The connection.
            records: Looks up the record that asks for reports.
        """
        if not session.domain.startswith("["):
            Deferred.fromCoroutine(self._report(session, records)).addErrback(_unexpected)

    async def _report(self, session: TLSSession, records: Records) -> None:
        try:
            answer = await records.record_set(f"_smtp._tls.{session.domain}", "TXT")
        except DNSFailed:
            return
        texts = [str(b"".join(cast(dns.Record_TXT, each).data), "utf-8", "replace") for each in answer.records]
        record = tlsrpt_record(texts)
        if record is not None:
            self._send(datagram(session, record))

    def _send(self, octets: bytes) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            try:
                sender.sendto(octets, self._path)
            except OSError as error:
                if not self._failing:
                    reason = error.strerror or error
                    log.warn("no TLS report can be sent to {path}: {error}", path=self._path, error=reason)
                self._failing = True
            else:
                self._failing = False


def tlsrpt_record(texts: Iterable[str]) -> str | None:
    """
    Return the record in the TXT records of ``_smtp._tls`` that asks for reports.

    Args:
        texts: The text of each record.

    Returns:
        The record; None if not exactly one is for TLSRPT (RFC 8460 §3), or it is longer than `MOST_RECORD`.

    Example:
        >>> tlsrpt_record(["v=TLSRPTv1; rua=mailto:tls@example.org"])
        'v=TLSRPTv1; rua=mailto:tls@example.org'
    """
    found = [each for each in texts if _RECORD.fullmatch(each)]
    return found[0] if len(found) == 1 and len(found[0]) <= MOST_RECORD else None


def datagram(session: TLSSession, record: str) -> bytes:
    """
    Return the datagram for a connection.

    Args:
        session: The connection.
        record: The record that asks for reports.

    Returns:
        The octets, JSON.

    Example:
        >>> datagram(TLSSession("example.org", "no-policy-found"), "v=TLSRPTv1; rua=mailto:tls@example.org")[:54]
        b'{"dpv": "1", "d": "example.org", "pr": "v=TLSRPTv1; ru'
    """
    domain = session.base or session.domain
    policy: dict[str, object] = {"policy-type": _TYPES[session.policy], "policy-domain": domain}
    if session.policy_text:
        policy["policy-string"] = [each[:MOST_LINE] for each in session.policy_text[:MOST_LINES]]
    if session.patterns:
        policy["mx-host"] = list(session.patterns[:MOST_LINES])
    failed = session.failure is not None
    if session.failure is not None:
        given = {"n": session.host, "r": session.address, "a": session.text[:500]}
        detail = {"c": _FAILURES[session.failure], **{name: value for name, value in given.items() if value}}
        policy["failure-details"] = [detail]
    policy |= {"t": int(failed), "f": int(failed)}
    return json.dumps({"dpv": "1", "d": session.domain, "pr": record, "policies": [policy]}).encode()


def _unexpected(failure: Failure) -> None:
    log.failure("a TLS report could not be made", failure)
