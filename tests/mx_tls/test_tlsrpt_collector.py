"""Reports to the collector of tlsrpt-reporter: the datagrams of libtlsrpt, version 1 (RFC 8460)."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

import pytest
from twisted.internet.task import Clock
from twisted.logger import LogEvent, capturedLogs, formatEvent
from twisted.names import dns, error

from tests.secure_names import NEVER, SecureNames, txt
from txsmtpx.mx_tls import tlsrpt_collector
from txsmtpx.mx_tls.tls_session import PolicyType, TLSSession
from txsmtpx.mx_tls.tlsrpt_collector import TLSRPTCollector, datagram, tlsrpt_record
from txsmtpx.wire.client_tls import TLSResult
from txsmtpx.wire.dns_records import Records

if TYPE_CHECKING:
    from tests.conftest import LoggedFailures

DOMAIN, HOST, ADDRESS = "example.net", "mx.example.net", "192.0.2.1"
RECORD = "v=TLSRPTv1; rua=mailto:tls@example.net"
READY = TLSSession(DOMAIN, "no-policy-found", host=HOST, address=ADDRESS, delivers=True)


@pytest.fixture
def path(directory: Path) -> Path:
    return directory / "collectd.sock"


@pytest.fixture
def socket_of_collector(path: Path) -> Iterator[socket.socket]:
    """What the collector listens on."""
    with listening(path) as bound:
        yield bound


def listening(path: Path) -> socket.socket:
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    bound.bind(os.fspath(path))
    bound.setblocking(False)
    return bound


def received(collector: socket.socket) -> list[Any]:
    """The datagrams so far."""
    found = []
    while True:
        try:
            found.append(json.loads(collector.recv(10**6)))
        except BlockingIOError:
            return found


def records(answer: object = None) -> Records:
    clock = Clock()
    given: Any = txt(RECORD) if answer is None else answer
    return Records(clock, SecureNames(clock, TXT={f"_smtp._tls.{DOMAIN}": given}), 5)


def sent(session: TLSSession) -> Any:
    """The policy of the datagram for a connection."""
    found = json.loads(datagram(session, RECORD))
    assert list(found) == ["dpv", "d", "pr", "policies"]
    assert (found["dpv"], found["d"], found["pr"]) == ("1", session.domain, RECORD)
    (policy,) = found["policies"]
    return policy


# ---- the datagram


def test_a_connection_without_a_policy() -> None:
    assert sent(READY) == {"policy-type": 9, "policy-domain": DOMAIN, "t": 0, "f": 0}


def test_a_connection_by_dane() -> None:
    """RFC 8460 §1.1: the domain of the policy is the name that has the records, as in reports of Postfix."""
    session = TLSSession(DOMAIN, "tlsa", ("3 1 1 abcd", "2 0 1 ef"), host=HOST, delivers=True, base=HOST)
    assert sent(session) == {
        "policy-type": 1, "policy-domain": HOST, "policy-string": ["3 1 1 abcd", "2 0 1 ef"], "t": 0, "f": 0,
    }  # fmt: skip


def test_a_connection_that_has_failed() -> None:
    lines_of_policy = ("version: STSv1", "mode: enforce")
    patterns = ("*.example.net",)
    session = TLSSession(DOMAIN, "sts", lines_of_policy, patterns, HOST, ADDRESS, "certificate-expired", "why")
    assert sent(session) == {
        "policy-type": 2, "policy-domain": DOMAIN, "policy-string": list(lines_of_policy),
        "mx-host": ["*.example.net"], "failure-details": [{"c": 204, "n": HOST, "r": ADDRESS, "a": "why"}],
        "t": 1, "f": 1,
    }  # fmt: skip


def test_what_is_not_known_is_left_out() -> None:
    session = TLSSession(DOMAIN, "sts", failure="sts-policy-fetch-error")
    assert sent(session)["failure-details"] == [{"c": 301}]


NUMBERS = {
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
"""tlsrpt_failure_t of tlsrpt.h."""


@pytest.mark.parametrize("failure", get_args(TLSResult))
def test_each_failure_has_its_number(failure: TLSResult) -> None:
    (detail,) = sent(TLSSession(DOMAIN, "sts", failure=failure))["failure-details"]
    assert detail == {"c": NUMBERS[failure]}


@pytest.mark.parametrize("kind", get_args(PolicyType))
def test_each_type_of_policy_has_its_number(kind: PolicyType) -> None:
    """tlsrpt_policy_type_t of tlsrpt.h."""
    assert sent(TLSSession(DOMAIN, kind))["policy-type"] == {"tlsa": 1, "sts": 2, "no-policy-found": 9}[kind]


def test_any_text_is_json() -> None:
    session = TLSSession(DOMAIN, "sts", ('"\\\0\u2603',), failure="validation-failure", text='"\r\n\ud7ff' * 1000)
    octets = datagram(session, f'{RECORD}; x="')
    assert octets.isascii()
    (policy,) = json.loads(octets)["policies"]
    assert policy["policy-string"] == ['"\\\0\u2603']
    assert len(policy["failure-details"][0]["a"]) == 500


# ---- the record (RFC 8460 §3)


@pytest.mark.parametrize(("texts", "found"), [
    ([RECORD], RECORD),
    (["v=TLSRPTv1;rua=https://tls.example.net/"], "v=TLSRPTv1;rua=https://tls.example.net/"),
    (["v=TLSRPTv1 ; rua=x"], "v=TLSRPTv1 ; rua=x"),
    (["v=spf1 -all", RECORD, ""], RECORD),
    (["v=TLSRPTv10; rua=x", RECORD], RECORD),
])  # fmt: skip
def test_the_record(texts: list[str], found: str) -> None:
    assert tlsrpt_record(texts) == found


@pytest.mark.parametrize("texts", [
    [], [""], ["v=TLSRPTv1"], ["v=tlsrptv1; rua=x"], [f" {RECORD}"], ["rua=x; v=TLSRPTv1;"], [RECORD, RECORD],
    [RECORD, "v=TLSRPTv1; rua=mailto:other@example.net"],
])  # fmt: skip
def test_there_is_no_record(texts: list[str]) -> None:
    assert tlsrpt_record(texts) is None


# ---- the collector


def test_a_connection_is_reported(path: Path, socket_of_collector: socket.socket) -> None:
    collector = TLSRPTCollector(path)
    collector.ended(READY, records())
    collector.ended(READY, records([dns.Record_TXT(b"v=TLSRPT", b"v1; rua=x")]))
    first, second = received(socket_of_collector)
    assert first == json.loads(datagram(READY, RECORD))
    assert second["pr"] == "v=TLSRPTv1; rua=x"


@pytest.mark.parametrize("answer", [
    [], txt("v=spf1 -all"), txt(RECORD, RECORD), error.DNSNameError(), error.DNSServerError(), NEVER,
], ids=["none", "another", "two", "no name", "SERVFAIL", "silence"])  # fmt: skip
def test_without_a_record_nothing_is_sent(path: Path, socket_of_collector: socket.socket, answer: object) -> None:
    with capturedLogs() as events:
        TLSRPTCollector(path).ended(READY, records(answer))
    assert received(socket_of_collector) == []
    assert lines(events) == []


@pytest.mark.parametrize("domain", ["[192.0.2.1]", "[IPv6:2001:db8::1]"])
def test_an_address_literal_asks_for_no_reports(path: Path, socket_of_collector: socket.socket, domain: str) -> None:
    clock = Clock()
    names = SecureNames(clock)
    TLSRPTCollector(path).ended(TLSSession(domain, "no-policy-found"), Records(clock, names, 5))
    assert names.asked == received(socket_of_collector) == []


def lines(events: list[LogEvent]) -> list[str]:
    return [formatEvent(each) for each in events if each["log_namespace"] == tlsrpt_collector.__name__]


def test_a_missing_socket_is_logged_once_until_it_is_back(path: Path) -> None:
    collector = TLSRPTCollector(str(path))
    with capturedLogs() as events:
        for _ in range(3):
            collector.ended(READY, records())
    assert lines(events) == [f"no TLS report can be sent to {path}: No such file or directory"]
    with listening(path) as bound, capturedLogs() as events:
        collector.ended(READY, records())
        assert len(received(bound)) == 1
    with capturedLogs() as again:
        collector.ended(READY, records())
        collector.ended(READY, records())
    assert lines(events) == []
    assert lines(again) == [f"no TLS report can be sent to {path}: Connection refused"]


def test_a_collector_that_does_not_read_keeps_nothing_waiting(path: Path, socket_of_collector: socket.socket) -> None:
    collector = TLSRPTCollector(path)
    with capturedLogs() as events:
        for _ in range(3000):
            collector.ended(READY, records())
    assert lines(events) == [f"no TLS report can be sent to {path}: Resource temporarily unavailable"]
    assert 0 < len(received(socket_of_collector)) < 3000
    collector.ended(READY, records())
    assert len(received(socket_of_collector)) == 1


def test_a_policy_of_any_size_is_reported(path: Path, socket_of_collector: socket.socket) -> None:
    """Its beginning.  A domain chooses the policy, and must not fill the log of the operator."""
    record = "v=TLSRPTv1; rua=mailto:".ljust(tlsrpt_collector.MOST_RECORD, "\u2603")
    patterns = tuple([f"{number}.example.net".rjust(253, "x") for number in range(9000)])
    lines_of = ("\u2603" * 60_000, *patterns)
    with capturedLogs() as events:
        for more in (READY, replace(READY, failure="validation-failure", text="\u2603" * 9999)):
            TLSRPTCollector(path)._send(datagram(replace(more, policy_text=lines_of, patterns=patterns), record))
    assert lines(events) == []
    for each in received(socket_of_collector):
        (found,) = each["policies"]
        assert (len(found["policy-string"]), len(found["mx-host"])) == (100, 100)
        assert max(map(len, found["policy-string"])) == 200


def test_a_record_that_is_too_long_is_none() -> None:
    record = "v=TLSRPTv1; rua=mailto:"
    assert tlsrpt_record([record.ljust(4096, "x")]) is not None
    assert tlsrpt_record([record.ljust(4097, "x")]) is None


def test_a_path_that_is_too_long_is_logged(tmp_path: Path) -> None:
    with capturedLogs() as events:
        TLSRPTCollector(tmp_path / ("x" * 200)).ended(READY, records())
    (line,) = lines(events)
    assert line.endswith("too long")


def test_a_fault_of_this_program_is_logged_and_stops_no_mail(path: Path, logged_failures: LoggedFailures) -> None:
    class Broken:
        async def record_set(self, name: str, kind: str) -> object:
            raise RuntimeError("no records")

    TLSRPTCollector(path).ended(READY, cast(Records, Broken()))
    assert [str(each.value) for each in logged_failures.flush(RuntimeError)] == ["no records"]
