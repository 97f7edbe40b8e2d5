"""The deliveries of a queue while it runs: to exchangers, with the TLS that their domains and messages need."""

from collections.abc import Iterator

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.names import dns

from tests.internet import REFUSES, Internet, a, mx, server
from tests.queue.memory_queue_store import MemoryQueueStore
from tests.secure_names import NEVER, SecureNames, tlsa
from txsmtpx import MailOptions, MailQueue
from txsmtpx.mx_tls.mx_security import MXSecurity
from txsmtpx.mx_tls.sts_cache import STSCache
from txsmtpx.mx_tls.sts_policies import MTASTS
from txsmtpx.mx_tls.tls_policy_table import TLSPolicy
from txsmtpx.mx_tls.tls_session import TLSSession
from txsmtpx.queue.deliveries import Deliveries, Delivering
from txsmtpx.queue.delivery_settings import QueueSettings
from txsmtpx.queue.route import Routes
from txsmtpx.testing import SILENCE, Outcome
from txsmtpx.wire.dns_records import Records

ANN, ME, HOST, ADDRESS = "ann@example.net", "me@example.org", "mx.example.net", "192.0.2.1"
BODY = b"Subject: x\r\n\r\nhello\r\n"
NOT_REQUIRED = b"TLS-Required: No\r\n" + BODY


class Told:
    """A reporter."""

    def __init__(self) -> None:
        self.sessions: list[TLSSession] = []

    def ended(self, session: TLSSession, records: Records) -> None:
        self.sessions.append(session)


class Queue:
    """
    A queue that delivers to an exchanger in memory.

    Attributes:
        store: Its store.
        internet: The reactor, whose servers are those of the addresses.
        told: The reporter.
    """

    def __init__(self, *policies, made=None, records=(), root=()):
        self.store, self.told = MemoryQueueStore(), Told()
        self.internet = Internet(**{ADDRESS: made or server()})
        self.names = SecureNames(
            self.internet, MX={"example.net": [mx(10, HOST)]}, A={HOST: a(ADDRESS)}, AAAA={HOST: []},
            TLSA={f"_25._tcp.{HOST}": tlsa(*records)} if records else {}, NS={"": root},
        )  # fmt: skip
        self.queue = MailQueue(
            self.store, security=self.security(policies), resolver=self.names, reporter=None, reactor=self.internet,
            now=lambda: 1_000_000 + self.internet.seconds(),
        )  # fmt: skip
        self.queue.startService()
        self.internet.go_on()

    def security(self, policies):
        """With MTA-STS, whose policies are refreshed until the queue stops."""
        return MXSecurity(policies, mta_sts=MTASTS(self.internet, STSCache()), reporters=[self.told])

    def submit(self, body=BODY, options=None, sender=ME):
        outcome = Outcome(self.queue.submit(sender, [ANN], body, options))
        self.internet.go_on(1)
        return outcome.result()

    @property
    def states(self):
        return [state for _, state, *_ in self.store.final] + [state for _, state, _ in self.store.pending()]

    @property
    def servers(self):
        return self.internet.net.servers

    def stop(self):
        outcome = Outcome(self.queue.stopService())
        self.internet.go_on(60)
        assert outcome.fired
        assert self.internet.getDelayedCalls() == []


@pytest.fixture
def queue() -> Iterator[object]:
    made = []

    def make(*arguments, **keywords):
        made.append(Queue(*arguments, **keywords))
        return made[-1]

    yield make
    for each in made:
        each.stop()


def by(level):
    return TLSPolicy("*", level)


WRONG = f"3 1 1 {'ab' * 32}"


def test_mail_goes_to_the_exchanger(queue):
    one = queue()
    one.submit()
    assert one.states == ["delivered"]
    assert one.servers[0].messages == [BODY]


@pytest.mark.parametrize(("level", "records"), [("encrypt", ()), ("secure", ()), ("auto", (WRONG,)), ("dane-only", ())])
def test_mail_that_the_policy_does_not_let_go_waits(queue, level, records):
    one = queue(by(level), records=records)
    one.submit()
    assert one.states == ["waiting"]
    assert not any("MAIL" in each.verbs for each in one.servers)
    assert one.told.sessions[0].failure is not None


# ---- TLS-Required: No (RFC 8689 §5)


@pytest.mark.parametrize(("level", "records"), [("encrypt", ()), ("secure", ()), ("auto", (WRONG,)), ("dane-only", ())])
def test_a_message_that_needs_no_tls_goes_out_without(queue, level, records):
    one = queue(by(level), records=records)
    one.submit(NOT_REQUIRED)
    assert one.states == ["delivered"]
    assert one.servers[0].messages == [NOT_REQUIRED]


def test_a_message_that_needs_no_tls_has_it_if_it_is_there(queue, authority):
    one = queue(by("secure"), made=server("STARTTLS", tls=authority.server("other.test")))
    one.submit(NOT_REQUIRED)
    assert one.states == ["delivered"]
    assert one.servers[0].tls


def test_such_a_message_opens_no_way_for_the_others(queue):
    """Its connection is not used for a message that needs TLS, and the other way round."""
    one = queue(by("encrypt"))
    one.submit(NOT_REQUIRED)
    one.submit()
    one.submit(NOT_REQUIRED)
    assert sorted(one.states) == ["delivered", "delivered", "waiting"]
    assert [message for each in one.servers for message in each.messages] == [NOT_REQUIRED] * 2


def test_requiretls_overrides_the_field(queue):
    """RFC 8689 §4.1."""
    one = queue(by("encrypt"), made=server("REQUIRETLS"))
    one.submit(NOT_REQUIRED, MailOptions(requiretls=True))
    assert one.states == ["waiting"]
    assert not any("MAIL" in each.verbs for each in one.servers)


# ---- REQUIRETLS (RFC 8689 §4.2.1)


def test_requiretls_needs_more_than_tls(queue, authority):
    one = queue(by("encrypt"), made=server("STARTTLS", "REQUIRETLS", tls=authority.server(HOST)))
    one.submit(options=MailOptions(requiretls=True))
    assert one.states == ["failed"]
    assert not any("MAIL" in each.verbs for each in one.servers)


def test_without_requiretls_tls_may_fail(queue):
    """As the level "may" allows; with it, mail is returned."""
    one = queue(by("may"), made=server("STARTTLS", "REQUIRETLS", STARTTLS="454 4.7.0 Not now"))
    one.submit()
    assert one.states == ["delivered"]
    one.submit(options=MailOptions(requiretls=True))
    assert one.states == ["delivered", "failed"]


# ---- the start and the stop


def lines(events):
    return [formatEvent(each) for each in events if each["log_namespace"] == "txsmtpx.mx_tls.mx_security"]


def test_a_queue_that_starts_logs_whether_dnssec_is_validated(queue):
    with capturedLogs() as events:
        one = queue(root=[dns.Record_NS(b"a.root-servers.net")])
    assert lines(events) == ["the name server validates by DNSSEC: DANE is used"]
    assert ("NS", "") in one.names.asked


def test_a_queue_stops_while_the_dns_is_silent(queue):
    with capturedLogs() as events:
        queue(root=NEVER).stop()
    assert lines(events) == []


def test_what_is_delivered_now(queue):
    one = queue(made=server(EHLO=SILENCE))
    deliveries = one.queue._deliveries
    assert deliveries.activity()[:2] == (0, 0)
    one.submit()
    assert deliveries.activity()[:2] == (1, 0)
    assert deliveries.activity().now == 1_000_000 + one.internet.seconds()


def test_a_destination_whose_connections_fail_is_paused(queue):
    one = queue(made=REFUSES)
    for _ in range(10):
        one.submit()
    assert one.queue._deliveries.activity().paused == 1


class Watched(MXSecurity):
    """Notes when it is started and stopped."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def start(self, reactor, resolver=None):
        self.calls.append("start")

    def stop(self):
        self.calls.append("stop")


def test_the_security_of_connections_runs_as_long_as_the_deliveries():
    clock, security = Clock(), Watched()
    store = MemoryQueueStore()
    routes, settings = Routes([]), QueueSettings()
    queue = Delivering(store, routes, settings, "", security, None, None, print, print, clock.seconds)
    deliveries = Deliveries(clock, queue)
    assert security.calls == []
    deliveries.start()
    assert deliveries.activity() == (0, 0, 0.0)
    stopped = Outcome(Deferred.fromCoroutine(deliveries.stop()))
    clock.advance(60)
    assert stopped.fired
    assert security.calls == ["start", "stop"]
