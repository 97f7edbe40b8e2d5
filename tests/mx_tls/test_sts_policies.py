"""The MTA-STS policies of domains: looked up, fetched, kept and refreshed (RFC 8461 §3, §5.1, §10.2)."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IProtocol
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.names import dns, error
from twisted.protocols.tls import TLSMemoryBIOFactory

from tests.authority import Authority
from tests.internet import REFUSES, SWALLOWS, Internet, a, aaaa
from tests.ports import listening
from tests.secure_names import NEVER, SecureNames, txt
from txsmtpx import TLSFailed
from txsmtpx.mx_tls.sts_cache import KeptPolicy, STSCache
from txsmtpx.mx_tls.sts_policies import DAY, FAILURES, MOST_OCTETS, MTASTS, FoundPolicy
from txsmtpx.testing import Outcome
from txsmtpx.wire.dns_records import Records

if TYPE_CHECKING:
    from tests.conftest import LoggedFailures

DOMAIN, HOST, ADDRESS = "example.net", "mta-sts.example.net", "192.0.2.1"
NOW = 1_900_000_000.0
WEEK = 7 * DAY


def policy(mode: str = "enforce", max_age: float = WEEK, mx: str = "*.example.net") -> str:
    return f"version: STSv1\r\nmode: {mode}\r\nmx: {mx}\r\nmax_age: {max_age:.0f}\r\n"


def page(text: str, status: str = "200 OK", *headers: str, kind: str = "text/plain") -> bytes:
    """An answer of a web server."""
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(text)}", *headers, "", text]
    return "\r\n".join(lines).encode()


class Web(Protocol):
    """A web server that gives one answer to each request."""

    def __init__(self, answer: Callable[[], bytes | None], requests: list[bytes]) -> None:
        self._answer = answer
        self._requests = requests
        self._received = b""

    def dataReceived(self, data: bytes) -> None:
        self._received += data
        if self._received.endswith(b"\r\n\r\n"):
            self._requests.append(self._received)
            self._received = b""
            answer = self._answer()
            if answer is not None:
                assert self.transport is not None
                self.transport.write(answer)


class World:
    """
    A domain with a policy, on an Internet in memory.

    Attributes:
        page: What the web server answers; None for nothing.
        requests: What it was asked.
        names: The resolver.
        internet: The reactor, whose servers are those of the addresses.
        sts: The policies.
    """

    def __init__(self, authority: Authority) -> None:
        self.page: bytes | None = page(policy())
        self.requests: list[bytes] = []
        self.internet = Internet()
        self.names = SecureNames(
            self.internet,
            TXT={f"_mta-sts.{DOMAIN}": txt("v=STSv1; id=1")},
            A={HOST: a(ADDRESS)},
            AAAA={HOST: []},
        )
        self.authority = authority
        self.serve(HOST)
        self.cache = STSCache()
        self.restart()

    def restart(self) -> None:
        """Another process has the same cache."""
        now = self.now
        self.sts = MTASTS(self.internet, self.cache, trust_roots=str(self.authority.path), now=now)

    def now(self) -> float:
        return NOW + self.internet.seconds()

    def serve(self, *names: str, authority: Authority | None = None, days: tuple[int, int] = (-1, 1)) -> None:
        """Have a web server with a certificate for these names."""
        options = (authority or self.authority).server(*names, days=days)

        def make() -> IProtocol:
            inner = Factory.forProtocol(lambda: Web(lambda: self.page, self.requests))  # type: ignore[arg-type]
            made: IProtocol = TLSMemoryBIOFactory(options, False, inner, self.internet).buildProtocol(None)
            return made

        self.internet.servers[ADDRESS] = make

    @property
    def records(self) -> Records:
        return Records(self.internet, self.names, 5)

    def ask(self, domain: str = DOMAIN, seconds: float = 0) -> Outcome[FoundPolicy]:
        outcome = Outcome(Deferred.fromCoroutine(self.sts.policy(domain, self.records)))
        self.internet.go_on(seconds)
        return outcome

    def found(self) -> FoundPolicy:
        return self.ask().result()

    def publish(self, number: int, text: str = policy()) -> None:
        """A new policy, with a new id."""
        self.names.answers["TXT"][f"_mta-sts.{DOMAIN}"] = txt(f"v=STSv1; id={number}")
        self.page = page(text)

    def refresh(self) -> None:
        outcome = Outcome(Deferred.fromCoroutine(self.sts.refresh(self.records)))
        self.internet.go_on()
        assert outcome.result() is None


@pytest.fixture
def world(authority: Authority) -> Iterator[World]:
    made = World(authority)
    yield made
    made.internet.net.hang_up()
    assert made.internet.getDelayedCalls() == []


def failure(found: FoundPolicy) -> str:
    """Why there is no policy."""
    assert (found.policy, found.text) == (None, "")
    assert found.reason
    return str(found.failure)


# ---- the fetch


def test_a_policy_is_fetched(world: World) -> None:
    found = world.found()
    assert found.policy is not None
    assert (found.policy.mode, found.policy.mx, found.policy.max_age) == ("enforce", ("*.example.net",), WEEK)
    assert (found.text, found.failure, found.reason) == (policy(), None, "")
    (request,) = world.requests
    assert request.startswith(b"GET /.well-known/mta-sts.txt HTTP/1.1\r\n")
    assert b"\r\nHost: mta-sts.example.net\r\n" in request


@pytest.mark.parametrize("records", [
    [], txt("v=STSv1;"), txt("v=STSv1; id=1", "v=STSv1; id=2"), txt("v=spf1 -all"), error.DNSNameError(),
    error.DNSServerError(), error.DNSQueryTimeoutError(7),
], ids=["none", "no id", "two", "another", "no name", "SERVFAIL", "silence"])  # fmt: skip
def test_without_a_record_nothing_is_fetched(world: World, records: list[object] | Exception) -> None:
    """RFC 8461 §3.1: the domain has no policy then."""
    world.names.answers["TXT"][f"_mta-sts.{DOMAIN}"] = records
    assert world.found() == FoundPolicy()
    assert world.requests == []


def test_a_record_that_never_comes(world: World) -> None:
    world.names.answers["TXT"][f"_mta-sts.{DOMAIN}"] = NEVER
    assert world.ask(seconds=6).result() == FoundPolicy()


def test_a_record_in_several_strings(world: World) -> None:
    world.names.answers["TXT"][f"_mta-sts.{DOMAIN}"] = [dns.Record_TXT(b"v=STS", b"v1; i", b"d=1")]
    assert world.found().policy is not None


def test_a_record_that_is_an_alias(world: World) -> None:
    """RFC 8461 §8.2: of one that a provider publishes."""
    alias = (f"_mta-sts.{DOMAIN}", dns.Record_CNAME(b"provider.test"))
    world.names.answers["TXT"] = {f"_mta-sts.{DOMAIN}": [alias], "provider.test": txt("v=STSv1; id=1")}
    world.names.answers["A"] = {HOST: [(HOST, dns.Record_CNAME(b"web.test"))], "web.test": a(ADDRESS)}
    assert world.found().policy is not None


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 Temporary", "308 Permanent"])
def test_a_redirect_is_not_followed(world: World, status: str) -> None:
    """RFC 8461 §3.3."""
    world.page = page(policy(), status, f"Location: https://{HOST}/other.txt")
    found = world.found()
    assert failure(found) == "sts-policy-fetch-error"
    assert found.reason == f"{HOST} answers {status}"
    assert len(world.requests) == 1


@pytest.mark.parametrize("status", ["404 Not Found", "500 Error", "204 No Content", "203 Changed", "206 Part"])
def test_any_other_status_is_no_policy(world: World, status: str) -> None:
    world.page = page("" if status.startswith("204") else policy(), status)
    assert failure(world.found()) == "sts-policy-fetch-error"


@pytest.mark.parametrize("kind", ["text/html", "application/octet-stream", "", "text/plainer"])
def test_another_media_type_is_no_policy(world: World, kind: str) -> None:
    """RFC 8461 §3.2: so that a server for files of users does not become one for policies."""
    world.page = page(policy(), kind=kind)
    assert failure(world.found()) == "sts-policy-invalid"


@pytest.mark.parametrize("kind", ["text/plain; charset=utf-8", "Text/Plain", "text/plain;charset=us-ascii"])
def test_parameters_of_the_media_type_do_not_matter(world: World, kind: str) -> None:
    world.page = page(policy(), kind=kind)
    assert world.found().policy is not None


@pytest.mark.parametrize("text", ["", "<html>", policy("report"), policy(max_age=10**9), "version: STSv1\r\n"])
def test_a_text_that_is_no_policy(world: World, text: str) -> None:
    world.page = page(text)
    found = world.found()
    assert failure(found) == "sts-policy-invalid"
    assert found.reason.startswith("the policy is invalid: ")


def test_a_text_that_is_no_utf8(world: World) -> None:
    world.page = page(policy() + "x: ??\r\n").replace(b"??", b"\xff\xfe")
    assert world.found().policy is not None


@pytest.mark.parametrize("more", [0, 1])
def test_a_policy_has_a_size(world: World, more: int) -> None:
    """RFC 8461 §3.3: 64 KB."""
    world.page = page(policy().ljust(MOST_OCTETS + more, "\n"))
    found = world.found()
    if more:
        assert failure(found) == "sts-policy-fetch-error"
        assert found.reason == f"{HOST}: the answer has more than 65536 octets"
        world.internet.advance(4)  # an idle connection is closed then
    else:
        assert found.policy is not None


def test_a_policy_without_an_end_is_cut_off(world: World) -> None:
    world.page = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n" + b"a" * 10**6
    assert failure(world.found()) == "sts-policy-fetch-error"


def test_a_server_that_hangs(world: World) -> None:
    """RFC 8461 §3.3: one minute."""
    world.page = None
    asked = world.ask(seconds=59)
    assert not asked.fired
    world.internet.go_on(2)
    assert failure(asked.result()) == "sts-policy-fetch-error"
    assert world.internet.getDelayedCalls() == []


@pytest.mark.parametrize("where", [REFUSES, SWALLOWS])
def test_a_server_that_cannot_be_reached(world: World, where: str) -> None:
    world.internet.servers[ADDRESS] = where
    found = world.ask(seconds=61).result()
    assert failure(found) == "sts-policy-fetch-error"
    assert found.reason.startswith(f"{HOST}: ")


@pytest.mark.parametrize("answer", [error.DNSNameError(), error.DNSServerError(), []], ids=["name", "SERVFAIL", "none"])
def test_a_server_without_an_address(world: World, answer: list[object] | Exception) -> None:
    world.names.answers |= {"A": {HOST: answer}, "AAAA": {HOST: answer}}
    assert failure(world.found()) == "sts-policy-fetch-error"


def test_the_name_of_a_domain_is_no_cause(world: World) -> None:
    domain = "certificate.example.net"
    world.names.answers["TXT"][f"_mta-sts.{domain}"] = txt("v=STSv1; id=1")
    world.names.answers["A"][f"mta-sts.{domain}"] = error.DNSServerError()
    assert failure(world.ask(domain).result()) == "sts-policy-fetch-error"


def test_the_next_address_is_tried(world: World) -> None:
    world.names.answers["AAAA"] = {HOST: aaaa("2001:db8::1")}
    assert world.ask(seconds=1).result().policy is not None
    assert world.internet.order == ["2001:db8::1", ADDRESS]


def test_the_words_of_a_web_server_have_no_control_characters(world: World) -> None:
    """They come into the log, and into reports."""
    world.page = page("", "404 \x1b[31mgone")
    assert world.found().reason == f"{HOST} answers 404 \\x1b[31mgone"


# ---- the certificate (RFC 8461 §3.3)


@pytest.mark.parametrize("names", [["example.net"], ["*.mta-sts.example.net"], ["mx.example.net"], [ADDRESS], []])
def test_a_certificate_for_another_name(world: World, names: list[str]) -> None:
    world.serve(*names)
    assert failure(world.found()) == "sts-webpki-invalid"
    assert world.requests == []


@pytest.mark.parametrize("names", [["*.example.net"], ["other.test", HOST]])
def test_a_certificate_for_the_name(world: World, names: list[str]) -> None:
    world.serve(*names)
    assert world.found().policy is not None


@pytest.mark.parametrize("days", [(-9, -2), (2, 9)], ids=["expired", "not yet"])
def test_a_certificate_out_of_its_time(world: World, days: tuple[int, int]) -> None:
    world.serve(HOST, days=days)
    found = world.found()
    assert failure(found) == "sts-webpki-invalid"
    assert "the certificate " in found.reason
    assert world.requests == []


def test_a_certificate_of_a_stranger(world: World, tmp_path_factory: pytest.TempPathFactory) -> None:
    world.serve(HOST, authority=Authority(tmp_path_factory.mktemp("stranger"), "stranger"))
    assert failure(world.found()) == "sts-webpki-invalid"
    assert world.requests == []


def test_a_server_without_tls(world: World) -> None:
    world.internet.servers[ADDRESS] = lambda: Web(lambda: world.page, world.requests)
    outcome = world.ask(seconds=61)
    assert failure(outcome.result()) == "sts-policy-fetch-error"


# ---- the id


def test_with_the_same_id_nothing_is_fetched(world: World) -> None:
    first = world.found()
    world.page = page("gone", "404 Not Found")
    assert [world.found() for _ in range(3)] == [first] * 3
    assert len(world.requests) == 1


def test_with_another_id_the_policy_is_fetched(world: World) -> None:
    world.found()
    world.publish(2, policy("testing"))
    for _ in range(2):
        found = world.found()
        assert found.policy is not None
        assert found.policy.mode == "testing"
    assert len(world.requests) == 2


def test_a_new_policy_that_cannot_be_fetched_leaves_the_old_one(world: World) -> None:
    """RFC 8461 §5.1; the failure is reported."""
    first = world.found()
    world.publish(2)
    world.page = page("gone", "404 Not Found")
    assert world.found() == first._replace(failure="sts-policy-fetch-error", reason=f"{HOST} answers 404 Not Found")


@pytest.mark.parametrize("records", [[], txt("v=STSv1;"), error.DNSNameError()], ids=["none", "no id", "no name"])
def test_a_record_that_is_gone_leaves_the_policy(world: World, records: list[object] | Exception) -> None:
    """RFC 8461 §10.2: an attacker can change answers of the DNS."""
    first = world.found()
    world.names.answers["TXT"][f"_mta-sts.{DOMAIN}"] = records
    assert world.found() == first
    assert len(world.requests) == 1


def test_a_record_that_cannot_be_looked_up_leaves_the_policy(world: World) -> None:
    first = world.found()
    world.names.answers["TXT"][f"_mta-sts.{DOMAIN}"] = error.DNSServerError("bad")
    found = world.found()
    assert (found.policy, found.failure) == (first.policy, "sts-policy-fetch-error")
    assert found.reason.startswith("the record of the policy could not be looked up: ")


def test_a_policy_that_has_expired_does_not_count(world: World) -> None:
    world.page = page(policy(max_age=1000))
    world.found()
    world.internet.advance(1000)
    world.names.answers["TXT"] = {}
    assert world.found() == FoundPolicy()


def test_a_policy_that_must_not_be_kept_is_used_once(world: World) -> None:
    world.page = page(policy(max_age=0))
    for number in (1, 2):
        assert world.found().policy is not None
        assert len(world.requests) == number


def test_the_mode_none_takes_a_policy_back(world: World) -> None:
    """RFC 8461 §2.3, §8.3."""
    world.found()
    world.publish(2, policy("none"))
    found = world.found().policy
    assert found is not None
    assert found.mode == "none"


# ---- failures


@pytest.mark.parametrize("kept", [True, False])
def test_after_a_failure_there_is_a_pause(world: World, kept: bool) -> None:
    """RFC 8461 §3.3: five minutes."""
    if kept:
        world.found()
    before = len(world.requests)
    world.publish(2)
    world.page = page("gone", "404 Not Found")
    first = world.found()
    assert len(world.requests) == before + 1
    world.page = page(policy("testing"))
    world.internet.advance(299)
    assert world.found() == first
    assert len(world.requests) == before + 1
    world.internet.advance(1)
    found = world.found()
    assert found.policy is not None
    assert (found.policy.mode, found.failure) == ("testing", None)


def test_failures_that_are_remembered_have_a_bound(world: World) -> None:
    assert world.sts._failed._most == FAILURES


# ---- several callers


def test_two_callers_share_one_fetch(world: World) -> None:
    held, world.page = world.page, None
    asked = [world.ask(), world.ask()]
    assert not any(each.fired for each in asked)
    (server,) = world.internet.at[ADDRESS]
    assert held is not None
    server.wrappedProtocol.transport.write(held)
    world.internet.go_on()
    first, second = [each.result() for each in asked]
    assert first.policy is not None
    assert first == second
    assert len(world.requests) == 1


@pytest.mark.parametrize("which", [0, 1])
def test_to_cancel_one_caller_leaves_the_fetch_to_the_other(world: World, which: int) -> None:
    held, world.page = world.page, None
    given = [Deferred.fromCoroutine(world.sts.policy(DOMAIN, world.records)) for _ in range(2)]
    asked = [Outcome(each) for each in given]
    world.internet.go_on()
    given[which].cancel()
    assert isinstance(asked[which].error, CancelledError)
    (server,) = world.internet.at[ADDRESS]
    assert held is not None
    server.wrappedProtocol.transport.write(held)
    world.internet.go_on()
    assert asked[1 - which].result().policy is not None


def test_a_fetch_whose_callers_are_all_cancelled_still_fills_the_cache(world: World) -> None:
    held, world.page = world.page, None
    given = Deferred.fromCoroutine(world.sts.policy(DOMAIN, world.records))
    outcome = Outcome(given)
    world.internet.go_on()
    given.cancel()
    assert isinstance(outcome.error, CancelledError)
    (server,) = world.internet.at[ADDRESS]
    assert held is not None
    server.wrappedProtocol.transport.write(held)
    world.internet.go_on()
    assert world.found().policy is not None
    assert len(world.requests) == 1


def test_a_stop_ends_the_fetches(world: World, logged_failures: LoggedFailures) -> None:
    world.page = None
    outcome = Outcome(Deferred.fromCoroutine(world.sts.policy(DOMAIN, world.records)))
    world.internet.go_on()
    world.sts.stop()
    world.internet.go_on()
    assert isinstance(outcome.error, CancelledError)
    assert world.internet.getDelayedCalls() == []
    assert logged_failures.flush() == []


# ---- refresh (RFC 8461 §10.2)


@pytest.mark.parametrize(("max_age", "due"), [(1000, 500), (DAY, DAY / 2), (WEEK, DAY), (365 * DAY, DAY)])
def test_a_policy_that_is_used_is_fetched_again_in_time(world: World, max_age: float, due: float) -> None:
    """When half of its time has passed, or a day; nothing waits for that."""
    world.page = page(policy(max_age=max_age))
    first = world.found()
    world.internet.advance(due - 1)
    assert world.found() == first
    assert len(world.requests) == 1
    world.internet.advance(1)
    world.page = page(policy("testing", max_age))
    assert world.found() == first
    assert len(world.requests) == 2
    found = world.found().policy
    assert found is not None
    assert found.mode == "testing"
    assert len(world.requests) == 2


def test_a_policy_that_is_due_is_refreshed_without_mail(world: World) -> None:
    world.found()
    world.internet.advance(DAY - 1)
    world.refresh()
    assert len(world.requests) == 1
    world.internet.advance(1)
    world.refresh()
    world.refresh()
    assert len(world.requests) == 2
    world.names.answers["TXT"] = {}
    world.internet.advance(WEEK - 1)
    assert world.found().policy is not None


def test_a_refresh_that_fails_leaves_the_policy_until_it_expires(world: World) -> None:
    first = world.found()
    world.page = page("gone", "404 Not Found")
    for _ in range(6):
        world.internet.advance(DAY)
        world.refresh()
        assert world.found().policy == first.policy
    world.internet.advance(DAY)
    world.refresh()
    assert world.cache.domains() == []
    assert failure(world.found()) == "sts-policy-fetch-error"


@pytest.mark.parametrize("records", [error.DNSServerError(), []], ids=["SERVFAIL", "none"])
def test_a_refresh_without_a_record_fetches_nothing(world: World, records: list[object] | Exception) -> None:
    first = world.found()
    world.names.answers["TXT"][f"_mta-sts.{DOMAIN}"] = records
    world.internet.advance(DAY)
    world.refresh()
    assert len(world.requests) == 1
    assert world.found().policy == first.policy


def test_a_policy_of_the_future_counts_and_is_fetched_again(world: World) -> None:
    """The clock was wrong, or is wrong: then the policy would be kept for years, or be lost."""
    first = world.found()
    kept = world.cache.get(DOMAIN, world.now())
    assert kept is not None
    world.cache.put(DOMAIN, KeptPolicy(kept.record_id, NOW + 365 * DAY, kept.text))
    world.refresh()
    assert len(world.requests) == 2
    assert world.found() == first
    assert world.cache.get(DOMAIN, world.now()) == kept


def test_mail_waits_if_a_stored_policy_cannot_be_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients of the server can use up its descriptors."""
    world.found()

    def get(domain: str, now: float) -> KeptPolicy | None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(world.cache, "get", get)
    outcome = world.ask()
    assert isinstance(outcome.error, TLSFailed)
    assert "policy of example.net cannot be read: Too many open files" in str(outcome.error)
    world.refresh()


def test_policies_that_have_expired_are_forgotten(world: World) -> None:
    world.page = page(policy(max_age=1000))
    world.found()
    world.internet.advance(999)
    world.names.answers["TXT"] = {}
    world.refresh()
    assert world.cache.domains() == [DOMAIN]
    world.internet.advance(1)
    world.refresh()
    assert world.cache.domains() == []


def test_another_process_refreshes_what_is_stored(world: World) -> None:
    world.found()
    world.restart()
    world.internet.advance(DAY)
    world.refresh()
    assert len(world.requests) == 2


def test_one_domain_does_not_keep_the_others_from_a_refresh(world: World) -> None:
    world.found()
    kept = world.cache.get(DOMAIN, world.now())
    assert kept is not None
    world.cache.put("a.test", kept)
    world.cache.put("z.test", kept)
    world.names.answers["TXT"]["_mta-sts.a.test"] = error.DNSServerError()
    world.internet.advance(DAY)
    world.refresh()
    assert len(world.requests) == 2
    assert ("TXT", "_mta-sts.z.test") in world.names.asked


def test_a_refresh_of_many_policies_does_not_stop_the_reactor(world: World) -> None:
    world.found()
    kept = world.cache.get(DOMAIN, world.now())
    assert kept is not None
    for number in range(25):
        world.cache.put(f"{number}.test", kept)
    outcome = Outcome(Deferred.fromCoroutine(world.sts.refresh(world.records)))
    assert not outcome.fired
    world.internet.advance(0)
    assert outcome.fired


def test_the_refresh_is_repeated_each_hour(world: World) -> None:
    world.found()
    call = world.sts.refreshing(lambda: world.records)
    call.start(3600)
    for _ in range(24):
        world.internet.advance(3600)
        world.internet.go_on()
    assert len(world.requests) == 2
    call.stop()


def test_a_refresh_that_raises_is_logged_and_repeated(
    world: World, logged_failures: LoggedFailures, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> list[str]:
        raise RuntimeError("no domains")

    monkeypatch.setattr(world.cache, "domains", broken)
    call = world.sts.refreshing(lambda: world.records)
    call.start(3600)
    world.internet.advance(3600)
    assert call.running
    call.stop()
    assert [str(each.value) for each in logged_failures.flush(RuntimeError)] == ["no domains"] * 2


# ---- the end


def test_the_end_aborts_fetches(world: World) -> None:
    """It is not known then whether there is a policy, so no mail is sent without."""
    world.page = None
    asked = [world.ask(), world.ask()]
    world.sts.stop()
    assert [type(each.error) for each in asked] == [CancelledError] * 2
    world.internet.go_on()
    assert world.internet.getDelayedCalls() == []
    world.page = page(policy())
    assert world.found().policy is not None  # it can be used again


def test_the_end_aborts_a_fetch_that_nothing_waits_for(world: World) -> None:
    first = world.found()
    world.internet.advance(DAY)
    world.page = None
    assert world.found() == first
    world.sts.stop()
    world.internet.go_on()
    assert world.internet.getDelayedCalls() == []


@pytest.mark.parametrize("hangs", ["the web", "the DNS"])
def test_the_end_aborts_a_refresh(world: World, hangs: str) -> None:
    world.found()
    world.internet.advance(DAY)
    world.page = None
    if hangs == "the DNS":
        world.names.answers["TXT"][f"_mta-sts.{DOMAIN}"] = NEVER
    call = world.sts.refreshing(lambda: world.records)
    call.start(3600)
    world.internet.go_on()
    call.stop()
    world.sts.stop()
    world.internet.go_on()
    assert world.internet.getDelayedCalls() == []
    assert len(world.requests) == (2 if hangs == "the web" else 1)


# ---- on real sockets


@pytest.mark.system
async def test_a_web_server_on_a_socket(authority: Authority) -> None:
    requests: list[bytes] = []
    options = authority.server(HOST)
    inner = Factory.forProtocol(lambda: Web(lambda: page(policy()), requests))  # type: ignore[arg-type]
    port = await listening(reactor, lambda: TLSMemoryBIOFactory(options, False, inner).buildProtocol(None))
    names = SecureNames(
        Clock(), TXT={f"_mta-sts.{DOMAIN}": txt("v=STSv1; id=1")}, A={HOST: a("127.0.0.1")}, AAAA={HOST: []}
    )
    sts = MTASTS(reactor, STSCache(), trust_roots=authority.path, port=port.getHost().port)
    found = await sts.policy(DOMAIN, Records(reactor, names, 5))
    assert found == FoundPolicy(policy(), found.policy)
    assert found.policy is not None
    assert len(requests) == 1
    await port.stopListening()
