"""The decision about one connection to an exchanger, and what is reported of its end."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest
from twisted.protocols.tls import TLSMemoryBIOProtocol

from tests.authority import Authority
from txsmtpx import NetworkError, NotOffered, SMTPError, TLSFailed
from txsmtpx.grammar.tlsa import TLSARecord
from txsmtpx.mx_tls.host_decision import HostDecision, MakeTLS
from txsmtpx.mx_tls.tls_session import TLSSession
from txsmtpx.wire.client_settings import ClientSettings, TLSMode
from txsmtpx.wire.client_tls import ClientTLS, UnverifiedTLS
from txsmtpx.wire.dane_tls import DANETLS

HOST, ADDRESS = "mx.example.net", "192.0.2.1"
SESSION = TLSSession("example.net", "sts", ("version: STSv1",), ("mx.example.net",), HOST)
SETTINGS = ClientSettings()


def any_certificate(_: ClientSettings) -> UnverifiedTLS:
    return UnverifiedTLS(HOST, warns=False)


def decided(mode: TLSMode = "required", make: MakeTLS = any_certificate) -> tuple[HostDecision, list[TLSSession]]:
    told: list[TLSSession] = []
    return HostDecision(mode, make, SESSION, told.append), told


def test_a_connection_that_is_ready() -> None:
    decision, told = decided()
    assert isinstance(decision.options(SETTINGS), UnverifiedTLS)
    decision.ended(None, ADDRESS, True)
    (session,) = told
    assert (session.domain, session.policy, session.host, session.address) == ("example.net", "sts", HOST, ADDRESS)
    assert (session.policy_text, session.patterns) == (("version: STSv1",), ("mx.example.net",))
    assert (session.failure, session.text, session.delivers) == (None, "", True)


def test_without_tls_there_is_nothing_to_report() -> None:
    decision, told = decided("none")
    decision.ended(None, ADDRESS, False)
    decision.ended(NetworkError("lost"), ADDRESS, False)
    assert told == []


def test_a_server_that_does_not_offer_starttls() -> None:
    decision, told = decided("opportunistic")
    decision.ended(None, ADDRESS, False)
    decision.ended(NotOffered("no STARTTLS", command="STARTTLS"), ADDRESS, False)
    assert {(each.failure, each.text) for each in told} == {
        ("starttls-not-supported", "the server does not offer STARTTLS")
    }
    assert [each.delivers for each in told] == [True, False]


@pytest.mark.parametrize("error", [
    SMTPError(454, (4, 7, 0), "Not now"), NetworkError("lost in the handshake"), TLSFailed("x"),
], ids=["rejected", "lost", "TLS"])  # fmt: skip
def test_any_other_failure(error: Exception) -> None:
    decision, told = decided()
    decision.options(SETTINGS)
    decision.ended(error, ADDRESS, False)
    (session,) = told
    assert (session.failure, session.text, session.delivers) == ("validation-failure", str(error), False)


def test_a_certificate_that_was_accepted(authority: Authority) -> None:
    decision, told = decided("required", lambda _: ClientTLS(HOST, str(authority.path)))
    decision.options(SETTINGS)
    decision.ended(None, ADDRESS, True)
    decision.ended(NetworkError("lost"), ADDRESS, False)
    assert [(each.failure, each.text) for each in told] == [(None, ""), ("validation-failure", "lost")]


def test_a_failure_of_a_policy_that_is_tested_is_that_of_the_connection() -> None:
    told: list[TLSSession] = []
    session = replace(SESSION, failure="certificate-host-mismatch", text="not in the policy")
    HostDecision("opportunistic", any_certificate, session, told.append).ended(None, ADDRESS, True)
    assert [(each.failure, each.text, each.delivers) for each in told] == [(session.failure, session.text, True)]


def test_a_certificate_that_was_refused(authority: Authority) -> None:
    for error in (None, TLSFailed("the certificate has expired")):
        made = ClientTLS(HOST, str(authority.path), enforces=False)
        decision, told = decided("opportunistic", lambda _, made=made: made)
        decision.options(SETTINGS)
        made.refused, made.result = "the certificate has expired", "certificate-expired"
        decision.ended(error, ADDRESS, True)
        (session,) = told
        assert (session.failure, session.text) == ("certificate-expired", "the certificate has expired")
        assert session.delivers is (error is None)


def test_a_certificate_that_no_tlsa_record_matches() -> None:
    made = DANETLS(HOST, [TLSARecord(3, 1, 1, bytes(32))], [HOST])
    made.clientConnectionForTLS(cast(TLSMemoryBIOProtocol, None))
    decision, told = decided("required", lambda _: made)
    decision.options(SETTINGS)
    made.refused = "no TLSA record matches the certificate"
    decision.ended(TLSFailed(made.refused), ADDRESS, False)
    assert told[0].failure == "validation-failure"
    assert told[0].text == made.refused


def test_a_name_that_no_certificate_can_have(authority: Authority) -> None:
    decision, told = decided("required", lambda _: ClientTLS("mx_1.example.net", str(authority.path)))
    with pytest.raises(TLSFailed, match=r"^no certificate can be verified for this name: ") as caught:
        decision.options(SETTINGS)
    decision.ended(caught.value, ADDRESS, False)
    assert told[0].failure == "validation-failure"
