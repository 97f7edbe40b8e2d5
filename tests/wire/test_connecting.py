"""The way to a connection that is ready for MAIL."""

from __future__ import annotations

import re

import pytest
from twisted.internet import reactor
from twisted.internet.address import IPv6Address
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectError, ConnectionRefusedError, TimeoutError
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent

from tests.internet import Internet, a, mx, server
from tests.ports import listening
from tests.secure_names import SecureNames, tlsa
from txsmtpx import MXEndpoint, NotOffered, SMTPError, Timeouts, connect, send_mail
from txsmtpx.grammar.mta_sts import STSPolicy
from txsmtpx.mx_tls.mx_security import MXSecurity
from txsmtpx.mx_tls.sts_policies import FoundPolicy
from txsmtpx.mx_tls.tls_policy_table import TLSPolicy
from txsmtpx.testing import HANG_UP, SILENCE, Network, Outcome, ScriptedServer
from txsmtpx.wire import connecting
from txsmtpx.wire.connecting import chosen_reactor


@pytest.mark.system
async def test_there_is_nobody():
    port = await listening(reactor, ScriptedServer)
    number = port.getHost().port
    await port.stopListening()
    with pytest.raises(ConnectionRefusedError):
        await connect(f"tcp:127.0.0.1:{number}")
    with pytest.raises(ConnectError):
        await connect("unix:/nowhere/at/all")


@pytest.mark.parametrize("greeting", ["554 5.7.1 Not you", "450 4.7.0 Later", "421 4.3.2 Never"])
def test_an_unfriendly_greeting(network, greeting):
    net = network(GREETING=greeting)
    with pytest.raises(SMTPError) as caught:
        net.result(connect(net, tls="none", reactor=net.clock))
    assert str(caught.value) == f"greeting: {greeting}"
    assert net.servers[0].lost
    assert net.servers[0].lines == ["QUIT"]


def test_what_we_call_ourselves(network):
    net = network()
    net.result(connect(net, tls="none", domain="me.example.org", reactor=net.clock))
    net.result(connect(net, tls="none", lmtp=True, reactor=net.clock))
    assert [server.lines for server in net.servers] == [["EHLO me.example.org"], ["LHLO [192.0.2.25]"]]


@pytest.mark.parametrize(
    ("host", "said"),
    [("::ffff:192.0.2.25", "[192.0.2.25]"), ("fe80::1%eth0", "[IPv6:fe80::1]"), ("2001:DB8::1", "[IPv6:2001:db8::1]")],
)
def test_our_address_is_said_plainly(network, host, said):
    """RFC 5321 §4.1.3: an address literal has no zone; an IPv4 address has its own form."""
    net = network()
    client = net.result(connect(net, tls="none", reactor=net.clock))
    client.protocol.transport.hostAddress = IPv6Address("TCP", host, 4000)
    net.result(client.hello())
    net.result(client.hello("B\u00fccher.example"))
    assert net.servers[0].lines[-2:] == [f"EHLO {said}", "EHLO xn--bcher-kva.example"]


@pytest.mark.system
async def test_our_address_where_we_have_no_name():
    servers = []

    def make():
        servers.append(ScriptedServer())
        return servers[-1]

    port = await listening(reactor, make)
    client = await connect(f"tcp:127.0.0.1:{port.getHost().port}")
    await client.quit()
    await port.stopListening()
    assert servers[0].lines == ["EHLO [127.0.0.1]", "QUIT"]


def test_cancelled_before_there_is_a_connection():
    class Waiting:
        def connect(self, factory):
            self.connecting = Deferred()
            return self.connecting

    net, endpoint = Network(), Waiting()
    sending = send_mail(endpoint, "me@example.org", ["you@example.net"], b"", tls="none", reactor=net.clock)
    outcome = Outcome(sending)
    sending.cancel()
    assert isinstance(outcome.error, CancelledError)
    assert endpoint.connecting.called
    assert net.clock.getDelayedCalls() == []


def test_a_connection_has_its_time(network):
    class Nowhere:
        cancelled = False

        def connect(self, factory):
            def cancel(deferred):
                self.cancelled = True

            return Deferred(cancel)

    net = network()
    nowhere = Nowhere()
    outcome = Outcome(connect(nowhere, tls="none", timeouts=Timeouts(connect=9), reactor=net.clock))
    net.clock.advance(8.9)
    assert not outcome.fired
    net.clock.advance(0.2)
    assert isinstance(outcome.error, TimeoutError)
    assert "no connection within 9 seconds" in str(outcome.error)
    assert nowhere.cancelled


def test_the_reactor_that_a_caller_means():
    clock = Clock()
    assert chosen_reactor(None) is reactor
    assert chosen_reactor(clock) is clock
    assert chosen_reactor(reactor) is reactor


@pytest.mark.parametrize("wrong", [Clock, 42, "reactor", object()], ids=["a class", "42", "a text", "an object"])
def test_what_is_no_reactor(wrong):
    with pytest.raises(TypeError, match=f"^reactor is a reactor of Twisted or a Clock, not {re.escape(repr(wrong))}$"):
        chosen_reactor(wrong)


def test_the_whole_way_has_a_time(network):
    """A server that is slow at each step, but never longer than the time of the step."""
    net = network(EHLO=SILENCE)
    connecting = connect(net, tls="none", timeouts=Timeouts(ready=9), reactor=net.clock)
    outcome = Outcome(connecting)
    net.flush()
    net.advance(8.9)
    assert not outcome.fired
    net.advance(0.2)
    assert isinstance(outcome.error, TimeoutError)
    assert str(outcome.error).startswith("connect: not ready within 9 seconds")
    net.advance(100)
    assert net.servers[0].lost


def test_options_of_tls_that_cannot_be_used_are_refused_before_connecting(tmp_path):
    class Never:
        def connect(self, factory):
            raise AssertionError("nothing is connected")

    (tmp_path / "roots.pem").write_text("nonsense")
    with pytest.raises(ValueError, match=r"roots\.pem"):
        connect(Never(), tls="implicit", hostname="mx.example.net", trust_roots=str(tmp_path / "roots.pem"))


def test_tls_that_is_required_and_not_offered_is_no_reason_to_send_a_message_in_the_clear(network):
    net = network()
    outcome = Outcome(connect(net, tls="required", hostname="mx.example.net", reactor=net.clock))
    net.flush()
    assert isinstance(outcome.error, NotOffered)
    assert (outcome.error.command, outcome.error.temporary) == ("STARTTLS", True)
    assert net.servers[0].verbs == ["EHLO", "QUIT"]


@pytest.mark.parametrize("optional", [False, True])
def test_a_login_that_is_optional(network, optional):
    net = network()
    connecting = connect(net, tls="none", auth=("me", "secret"), auth_optional=optional, reactor=net.clock)
    outcome = Outcome(connecting)
    net.flush()
    assert (outcome.error is None) is optional
    assert net.servers[0].verbs == ["EHLO", "QUIT"][: 1 if optional else 2]


def test_a_login_that_is_rejected_says_quit(network):
    net = network(offers=["AUTH PLAIN"], AUTH="535 5.7.8 No")
    connecting = connect(net, tls="none", auth=("me", "secret"), allow_insecure_auth=True, reactor=net.clock)
    outcome = Outcome(connecting)
    net.flush()
    assert outcome.error.code == 535
    assert net.servers[0].verbs == ["EHLO", "AUTH", "QUIT"]


# ---- TLS to exchangers: without it, if it fails, only where a policy allows that

HOST, ADDRESS = "mx.example.net", "192.0.2.1"
FAILS = {"rejected": "454 4.7.0 Not now", "closed": HANG_UP, "malformed": b"220 Ready\r\n250 no TLS at all\r\n"}


class Policies:
    """The MTA-STS policy of any domain."""

    def __init__(self, mode):
        text = f"version: STSv1\nmode: {mode}\nmx: {HOST}\nmax_age: 1000\n"
        self.found = FoundPolicy(text, STSPolicy.parsed(text))

    async def policy(self, domain, records):
        return self.found


def by(level, mode=None):
    policies = () if level is None else [TLSPolicy("*", level)]
    return MXSecurity(policies, mta_sts=None if mode is None else Policies(mode))


def to_exchanger(security, made, *records):
    """The outcome of a connection to an exchanger with these TLSA records, and the servers that were connected to."""
    internet = Internet(**{ADDRESS: made})
    names = SecureNames(
        internet, MX={"example.net": [mx(10, HOST)]}, A={HOST: a(ADDRESS)}, AAAA={HOST: []},
        TLSA={f"_25._tcp.{HOST}": tlsa(*records)} if records else {},
    )  # fmt: skip
    outcome = Outcome(connect(MXEndpoint(internet, "example.net", resolver=names, security=security), reactor=internet))
    internet.go_on(1)
    return outcome, internet


LENIENT = {
    "may": (by("may"), ()),
    "auto": (by(None), ()),
    "dane without records": (by("dane"), ()),
    "tested": (by(None, "testing"), ()),
    "no policy": (by(None, "none"), ()),
}
RECORD = f"3 1 1 {'ab' * 32}"
STRICT = {
    "encrypt": (by("encrypt"), ()),
    "verify": (by("verify"), ()),
    "secure": (by("secure"), ()),
    "auto with records": (by(None), (RECORD,)),
    "auto with records that cannot be used": (by(None), ("1 1 1 ab",)),
    "dane": (by("dane"), (RECORD,)),
    "dane with records that cannot be used": (by("dane"), ("1 1 1 ab",)),
    "dane-only": (by("dane-only"), (RECORD,)),
    "enforced": (by(None, "enforce"), ()),
}


@pytest.mark.parametrize("fails", FAILS)
@pytest.mark.parametrize("level", LENIENT)
def test_mail_goes_out_without_tls_if_that_fails_and_the_policy_allows_it(level, fails):
    """As Postfix does for "may" (smtp_tls_security_level)."""
    security, records = LENIENT[level]
    with capturedLogs() as events:
        outcome, internet = to_exchanger(security, server("STARTTLS", STARTTLS=FAILS[fails]), *records)
    client = outcome.result()
    assert client.tls is None
    first, second = internet.net.servers
    assert (first.verbs[:2], second.verbs) == (["EHLO", "STARTTLS"], ["EHLO"])
    assert len(internet.net.result(client.send("a@example.org", ["b@example.net"], b"x\r\n")).accepted) == 1
    told = [formatEvent(each) for each in events if each["log_namespace"] == connecting.__name__]
    (line,) = told
    assert line.startswith("TLS with the servers of example.net failed; trying without, as the policy allows: ")
    assert len(line) > 100  # the reason


@pytest.mark.parametrize("fails", FAILS)
@pytest.mark.parametrize("level", STRICT)
def test_mail_never_goes_out_without_tls_if_the_policy_needs_it(level, fails):
    security, records = STRICT[level]
    outcome, internet = to_exchanger(security, server("STARTTLS", STARTTLS=FAILS[fails]), *records)
    assert outcome.error is not None
    assert outcome.error.temporary
    (only,) = internet.net.servers
    assert "MAIL" not in only.verbs
    assert only.lost


@pytest.mark.parametrize("level", STRICT)
def test_a_server_without_starttls_gets_no_mail_if_the_policy_needs_tls(level):
    security, records = STRICT[level]
    outcome, internet = to_exchanger(security, server(), *records)
    assert isinstance(outcome.error, NotOffered)
    assert outcome.error.temporary
    assert [each.verbs for each in internet.net.servers] == [["EHLO", "QUIT"]]


@pytest.mark.parametrize("level", LENIENT)
def test_a_server_without_starttls_gets_mail_if_the_policy_allows_it(level):
    security, records = LENIENT[level]
    outcome, internet = to_exchanger(security, server(), *records)
    assert outcome.result().tls is None
    assert [each.verbs for each in internet.net.servers] == [["EHLO"]]


def test_the_level_none_uses_no_tls(authority):
    outcome, internet = to_exchanger(by("none"), server("STARTTLS", tls=authority.server(HOST)))
    assert outcome.result().tls is None
    assert [each.verbs for each in internet.net.servers] == [["EHLO"]]


def test_any_certificate_will_do_where_none_is_verified(authority):
    for level in ("may", "encrypt"):
        outcome, _ = to_exchanger(by(level), server("STARTTLS", tls=authority.server("other.test", days=(-9, -2))))
        assert outcome.result().tls is not None
        assert not outcome.result().tls.verified


def test_a_second_exchanger_with_tls_comes_before_the_first_without(authority):
    internet = Internet(**{
        ADDRESS: server("STARTTLS", STARTTLS="454 4.7.0 Not now"),
        "192.0.2.2": server("STARTTLS", tls=authority.server("two.test")),
    })  # fmt: skip
    names = SecureNames(
        internet, MX={"example.net": [mx(10, HOST), mx(20, "two.test")]},
        A={HOST: a(ADDRESS), "two.test": a("192.0.2.2")}, AAAA={HOST: [], "two.test": []},
    )  # fmt: skip
    endpoint = MXEndpoint(internet, "example.net", resolver=names, security=by("may"))
    outcome = Outcome(connect(endpoint, reactor=internet))
    internet.go_on(1)
    assert outcome.result().tls is not None
    assert outcome.result().server_name == "two.test"


def test_without_tls_only_those_exchangers_are_tried_whose_policy_allows_it():
    """The first has no TLSA records, and is full when it is tried again.  The second has some."""
    greetings = [None, "554 5.7.1 Full"]
    internet = Internet(**{
        ADDRESS: lambda: ScriptedServer(["STARTTLS"], STARTTLS="454 4.7.0 Not now", GREETING=greetings.pop(0)),
        "192.0.2.2": server("STARTTLS", STARTTLS="454 4.7.0 Not now"),
    })  # fmt: skip
    names = SecureNames(
        internet, MX={"example.net": [mx(10, HOST), mx(20, "two.test")]},
        A={HOST: a(ADDRESS), "two.test": a("192.0.2.2")}, AAAA={HOST: [], "two.test": []},
        TLSA={"_25._tcp.two.test": tlsa(RECORD)},
    )  # fmt: skip
    endpoint = MXEndpoint(internet, "example.net", resolver=names, security=by(None))
    outcome = Outcome(connect(endpoint, reactor=internet))
    internet.go_on(1)
    assert outcome.error is not None
    assert internet.order == [ADDRESS, "192.0.2.2"] * 2
    assert [each.verbs[:2] for each in internet.net.servers[1::2]] == [["EHLO", "STARTTLS"]] * 2


@pytest.mark.parametrize("made", [server(), server("STARTTLS", STARTTLS="454 4.7.0 Not now")])
def test_a_connection_without_tls_is_reported_once_as_failed(made):
    class Told:
        def ended(self, session, records):
            failures.append((session.failure, session.address))

    failures = []
    outcome, _ = to_exchanger(MXSecurity([TLSPolicy("*", "may")], reporters=[Told()]), made)
    assert outcome.result().tls is None
    ((failure, _),) = failures
    assert failure in ("starttls-not-supported", "validation-failure")


def test_without_tls_a_failure_is_the_error_of_that_connection():
    def fail_again():
        return ScriptedServer(["STARTTLS"], STARTTLS="454 4.7.0 Not now", GREETING=greetings.pop(0))

    greetings = [None, "554 5.7.1 Not you"]
    outcome, internet = to_exchanger(by("may"), fail_again)
    assert "554 5.7.1 Not you" in str(outcome.error)
    assert len(internet.net.servers) == 2


@pytest.mark.parametrize("settings", [{"tls": "required"}, {"tls": "none"}, {"tls_verify": False}])
def test_the_security_of_an_endpoint_leaves_no_choice_to_the_settings(settings):
    internet = Internet()
    endpoint = MXEndpoint(internet, "example.net", resolver=SecureNames(internet), security=by("may"))
    with pytest.raises(ValueError, match=r"^the endpoint has security=, which decides about TLS: leave out tls and "):
        connect(endpoint, reactor=internet, **settings)
