"""
Guarantee 26: an error says which command or phase it answers, whose fault it is, whether to try again, and whether the
message was delivered; it is also an instance of Twisted's class where Twisted has one.
"""

from __future__ import annotations

import copy
import pickle
import traceback

import pytest
from twisted.internet import error as twisted_error
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.error import ConnectionClosed, ConnectionDone, ConnectionLost, DNSLookupError, TimeoutError

import txsmtpx
from tests.ports import listening
from txsmtpx import (
    AllServersFailed,
    CommandCancelled,
    ConnectionAborted,
    Delivered,
    DeliveryError,
    DNSFailed,
    Fault,
    MailOptions,
    MessageTooBig,
    NetworkError,
    NoSuchDomain,
    NotOffered,
    NullMX,
    PoolBusy,
    ProtocolError,
    RecipientsRefused,
    SMTPError,
    Timeouts,
    TLSFailed,
    connect,
    send_mail,
)
from txsmtpx.testing import HANG_UP, SILENCE, Outcome, ScriptedServer
from txsmtpx.wire.failover import Attempt

NO, MAYBE, YES = Delivered.NO, Delivered.MAYBE, Delivered.YES
SECONDS = Timeouts(greeting=11, command=11, mail=11, rcpt=11, data=11, block=11, end=11, quit=1)
BODY = b"Subject: x\r\n\r\nx\r\n"

PHASES = {  # what fails: (verb of the script, offers, the command that the error names)
    "greeting": ("GREETING", [], "greeting"),
    "EHLO": ("EHLO", [], "EHLO"),
    "AUTH": ("AUTH", ["AUTH PLAIN"], "AUTH"),
    "MAIL": ("MAIL", [], "MAIL"),
    "RCPT": ("RCPT", [], "RCPT"),
    "DATA": ("DATA", [], "DATA"),
    "DATA in one flight": ("DATA", ["PIPELINING"], "DATA"),
    "the message by DATA": ("END", [], "DATA"),
    "the message by BDAT": ("END", ["CHUNKING"], "BDAT"),
}
EACH = pytest.mark.parametrize("phase", PHASES)


def failed(network, phase, answer, cancel=False):
    """The error of one call with which that phase fails."""
    verb, offers, command = PHASES[phase]
    more = {"HELO": answer} if verb == "EHLO" else {}
    net = network(offers=offers, **{verb: answer, **more})
    auth = {"auth": ("me", "secret"), "allow_insecure_auth": True} if verb == "AUTH" else {}
    sending = send_mail(
        net, "me@example.org", ["you@example.net"], BODY, tls="none", timeouts=SECONDS, reactor=net.clock, **auth
    )
    outcome = Outcome(sending)
    net.flush()
    if cancel:
        sending.cancel()
    net.advance(12)
    assert isinstance(outcome.error, DeliveryError)
    assert outcome.error.command == (command if "HELO" not in net.servers[0].verbs else "HELO")
    return outcome.error


def possibly(phase):
    return MAYBE if phase.startswith("the message") else NO


@EACH
@pytest.mark.parametrize(("code", "temporary"), [(450, True), (421, True), (550, False), (554, False)])
def test_a_reply_that_says_no(network, phase, code, temporary):
    error = failed(network, phase, f"{code} {code // 100}.0.0 No")
    assert isinstance(error, RecipientsRefused if phase == "RCPT" and code != 421 else SMTPError)
    assert (error.temporary, error.delivered, error.fault) == (temporary, NO, Fault.SERVER)
    if isinstance(error, SMTPError):
        assert error.reply.code == error.code == code


@EACH
def test_a_lost_connection(network, phase):
    error = failed(network, phase, HANG_UP)
    assert isinstance(error, NetworkError)
    assert isinstance(error, ConnectionDone)
    assert (error.temporary, error.delivered, error.fault) == (True, possibly(phase), Fault.NETWORK)
    assert error.reply is error.code is None
    assert str(error) == f"{error.command}: Connection was closed cleanly: Connection done."


@EACH
def test_silence(network, phase):
    error = failed(network, phase, SILENCE)
    assert isinstance(error, NetworkError)
    assert isinstance(error, TimeoutError)
    assert (error.temporary, error.delivered, error.fault) == (True, possibly(phase), Fault.NETWORK)
    assert "no answer in time" in str(error)


@EACH
@pytest.mark.parametrize("answer", ["nonsense", b"199 Hm\r\n", "250-x\n251 y"])
def test_no_reply_at_all(network, phase, answer):
    error = failed(network, phase, answer)
    assert isinstance(error, ProtocolError)
    assert (error.temporary, error.delivered, error.fault) == (True, possibly(phase), Fault.SERVER)


@EACH
def test_cancelled_by_the_caller(network, phase):
    error = failed(network, phase, SILENCE, cancel=True)
    assert isinstance(error, CommandCancelled)
    assert isinstance(error, CancelledError)
    assert not isinstance(error, ProtocolError)
    assert (error.delivered, error.fault) == (possibly(phase), Fault.CALLER)


@pytest.mark.parametrize("offers", [["PIPELINING"], ["PIPELINING", "CHUNKING"]], ids=str)
@pytest.mark.parametrize("first", ["MAIL", "RCPT", "DATA"])
def test_in_one_flight_it_is_the_first_reply_that_is_missing(network, first, offers):
    if "CHUNKING" in offers and first == "DATA":
        offers = ["PIPELINING"]
    silent = dict.fromkeys(["MAIL", "RCPT", "DATA"][["MAIL", "RCPT", "DATA"].index(first) :], HANG_UP)
    net = network(offers=offers, **silent)
    outcome = Outcome(net.greeted().send("me@example.org", ["you@example.net"], BODY))
    net.flush()
    assert outcome.error.command == first
    assert outcome.error.delivered is NO


@pytest.mark.parametrize("said", [HANG_UP, SILENCE, "nonsense"])
@pytest.mark.parametrize("offers", [[], ["CHUNKING"]], ids=["DATA", "BDAT"])
def test_half_a_message_is_none(network, offers, said):
    """The end of it was not sent, so that it was not delivered, whatever the server has."""
    net = network(offers=offers)
    waiting = Deferred()

    async def body():
        yield BODY
        await waiting

    outcome = Outcome(given := net.greeted().send("me@example.org", ["you@example.net"], body()))
    net.flush()
    if said == SILENCE:
        given.cancel()
    else:
        net.servers[0].send_reply(said)
    net.flush()
    assert isinstance(outcome.error, DeliveryError)
    assert outcome.error.delivered is NO


def test_a_yes_before_the_end_may_be_one(network):
    net = network()
    waiting = Deferred()

    async def body():
        yield BODY
        await waiting

    outcome = Outcome(net.greeted().send("me@example.org", ["you@example.net"], body()))
    net.flush()
    net.servers[0].send_reply("250 2.0.0 Thanks")
    net.flush()
    assert isinstance(outcome.error, ProtocolError)
    assert (outcome.error.command, outcome.error.delivered) == ("DATA", MAYBE)


# ---- before there is a connection

FAMILIES = twisted_error.ConnectError, ConnectionClosed, DNSLookupError
CLASSES = [kind for kind in vars(twisted_error).values() if isinstance(kind, type)]
KINDS = [kind for kind in CLASSES if issubclass(kind, FAMILIES) and "Process" not in kind.__name__]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_connecting_fails(network, kind):
    """With whatever Twisted has for it."""

    class Nowhere:
        def connect(self, factory):
            return fail(kind("the reason"))

    net = network()
    outcome = Outcome(connect(Nowhere(), tls="none", reactor=net.clock))
    error = outcome.error
    assert isinstance(error, NetworkError)
    assert isinstance(error, kind)
    assert type(error).__name__ == kind.__name__
    assert error.command == ("DNS" if kind is DNSLookupError else "connect")
    assert (error.temporary, error.delivered, error.fault) == (True, NO, Fault.NETWORK)
    assert "the reason" in str(error)
    for again in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert type(again) is type(error)
        assert (again.args, again.__dict__) == (error.args, error.__dict__)


@pytest.mark.system
async def test_nobody_listens():
    port = await listening(reactor, ScriptedServer)
    number = port.getHost().port
    await port.stopListening()
    for endpoint in (f"tcp:127.0.0.1:{number}", f"tls:127.0.0.1:{number}"):
        with pytest.raises(twisted_error.ConnectionRefusedError) as caught:
            await connect(endpoint)
        assert (caught.value.command, caught.value.osError is None) == ("connect", False)
        assert isinstance(caught.value, NetworkError)
    with pytest.raises(NetworkError) as caught:
        await connect("unix:/nowhere/at/all")
    assert isinstance(caught.value, twisted_error.ConnectError)


def test_no_connection_in_time(network):
    class Nowhere:
        def connect(self, factory):
            return Deferred()

    net = network()
    outcome = Outcome(connect(Nowhere(), tls="none", timeouts=Timeouts(connect=9), reactor=net.clock))
    net.advance(10)
    assert isinstance(outcome.error, NetworkError)
    assert isinstance(outcome.error, TimeoutError)
    assert outcome.error.command == "connect"
    given = connect(Nowhere(), tls="none", reactor=net.clock)
    outcome = Outcome(given)
    given.cancel()
    assert isinstance(outcome.error, CommandCancelled)
    assert (outcome.error.command, outcome.error.fault) == ("connect", Fault.CALLER)


@pytest.mark.parametrize(("kind", "fault"), [(NoSuchDomain, Fault.CALLER), (NullMX, Fault.SERVER)])
def test_the_dns_says_no(kind, fault):
    error = kind("no")
    assert isinstance(error, NetworkError)
    assert isinstance(error, DNSLookupError)
    assert (error.command, error.temporary, error.delivered, error.fault) == ("DNS", False, NO, fault)
    assert type(copy.copy(error)) is kind


def test_tls_fails(network, authority):
    net = network(offers=["STARTTLS"], tls=authority.server("other.example.net"))
    outcome = Outcome(
        connect(net, tls="required", hostname="mx.example.net", trust_roots=authority.path, reactor=net.clock)
    )
    net.flush()
    error = outcome.error
    assert isinstance(error, TLSFailed)
    assert isinstance(error, ConnectionLost)
    assert (error.command, error.temporary, error.delivered, error.fault) == ("TLS", True, NO, Fault.SERVER)


@pytest.mark.parametrize("said", [HANG_UP, SILENCE])
def test_the_handshake_does_not_end(network, authority, said):
    net = network(offers=["STARTTLS"], tls=None)
    connecting = connect(net, tls="required", hostname="mx.example.net", trust_roots=authority.path, reactor=net.clock)
    outcome = Outcome(connecting)
    net.flush()
    net.servers[0].send_reply(said)
    net.flush()
    net.advance(301)
    assert isinstance(outcome.error, NetworkError)
    assert isinstance(outcome.error, TimeoutError if said == SILENCE else ConnectionClosed)
    assert outcome.error.command == "TLS"


# ---- what is not offered

NOT_OFFERED = {
    "SMTPUTF8": (lambda client: client.send("mé@example.org", ["you@example.net"], BODY), "MAIL", False),
    "BINARYMIME": (lambda client: client.mail("", MailOptions(body="BINARYMIME")), "MAIL", False),
    "REQUIRETLS": (lambda client: client.mail("", MailOptions(requiretls=True)), "MAIL", False),
    "STARTTLS": (lambda client: client.start_tls(None), "STARTTLS", True),
    "AUTH": (lambda client: client.authenticate(("me", "secret")), "AUTH", True),
    "CHUNKING": (lambda client: client.bdat(b""), "BDAT", False),
    "XCLIENT": (lambda client: client.xclient(name="x"), "XCLIENT", False),
    "VRFY": (lambda client: client.verify("yöu"), "VRFY", False),
}


@pytest.mark.parametrize("what", NOT_OFFERED)
def test_what_is_not_offered(network, what):
    call, command, temporary = NOT_OFFERED[what]
    net = network()
    outcome = Outcome(call(net.greeted(allow_insecure_auth=True)))
    net.flush()
    error = outcome.error
    assert isinstance(error, NotOffered)
    assert isinstance(error, DeliveryError)
    assert (error.command, error.temporary, error.delivered) == (command, temporary, NO)
    assert error.reply is None


def test_whose_fault_a_login_in_the_clear_is(network):
    outcome = Outcome(network(offers=["AUTH PLAIN"]).greeted().authenticate(("me", "secret")))
    assert isinstance(outcome.error, NotOffered)
    assert (outcome.error.command, outcome.error.fault) == ("AUTH", Fault.CALLER)


def test_a_limit_of_the_server_is_no_reply_of_the_server(network):
    outcome = Outcome(network(offers=["SIZE 10"]).greeted().send("", ["you@example.net"], BODY))
    error = outcome.error
    assert isinstance(error, MessageTooBig)
    assert isinstance(error, NotOffered)
    assert (error.command, error.temporary, error.delivered, error.fault) == ("MAIL", False, NO, Fault.CALLER)
    assert error.reply is None


@pytest.mark.parametrize(("limits", "to", "command", "temporary"), [
    ("MAILMAX=1", ["a@b.example"], "MAIL", True),
    ("RCPTMAX=1 MAILMAX=2", ["a@b.example", "b@b.example", "c@b.example"], "MAIL", False),
    ("RCPTDOMAINMAX=1", ["a@c.example"], "RCPT", True),
    ("RCPTDOMAINMAX=1", ["a@c.example", "a@d.example"], "RCPT", False),
])  # fmt: skip
def test_the_limits_of_a_session(network, limits, to, command, temporary):
    """A new one helps, unless the message alone is too much."""
    net = network(offers=[f"LIMITS {limits}"])
    client = net.greeted()
    net.result(client.send("", ["a@b.example"], BODY))
    outcome = Outcome(client.send("", to, BODY))
    assert isinstance(outcome.error, NotOffered)
    assert (outcome.error.command, outcome.error.temporary) == (command, temporary)


# ---- afterwards


@pytest.mark.parametrize("how", ["lost", "nonsense", "421", "cancelled", "body"])
def test_each_later_command_has_an_error_of_its_own(network, how):
    def body():
        yield BODY
        raise OSError("the disk is gone")

    script = {"lost": HANG_UP, "nonsense": "nonsense", "421": "421 4.3.2 Down", "cancelled": SILENCE, "body": None}
    net = network(MAIL=script[how])
    client = net.greeted()
    first = Outcome(given := client.send("me@example.org", ["you@example.net"], body() if how == "body" else BODY))
    net.flush()
    if how == "cancelled":
        given.cancel()
    assert first.error is not None
    later = [Outcome(client.noop()).error for _ in range(2)]
    kind = ConnectionAborted if how in ("cancelled", "body") else type(first.error)
    assert all(type(error) is kind for error in later)
    assert len({id(error) for error in [first.error, *later]}) == 3
    assert all(isinstance(error, DeliveryError) and error.delivered is NO for error in later)
    assert [len(traceback.extract_tb(error.__traceback__)) for error in later] in ([n, n] for n in range(20))
    if how == "body":
        assert [str(error) for error in later] == ["the body of a message failed"] * 2
        assert [error.command for error in later] == ["DATA"] * 2
    if kind is ConnectionAborted:
        assert all(isinstance(error, twisted_error.ConnectionAborted) for error in later)
        assert all(error.fault is Fault.CALLER for error in later)


def test_what_fails_while_nothing_is_asked_is_told_to_the_next(network):
    net = network()
    client = net.greeted()
    net.servers[0].transport.loseConnection()
    net.flush()
    error = Outcome(client.noop()).error
    assert isinstance(error, ConnectionDone)
    assert (error.command, error.delivered) == ("idle", NO)


def test_what_waits_its_turn_is_cancelled(network):
    net = network(NOOP=SILENCE)
    client = net.greeted()
    Outcome(client.noop())
    outcome = Outcome(given := client.send("me@example.org", ["you@example.net"], BODY))
    given.cancel()
    assert isinstance(outcome.error, CommandCancelled)
    assert (outcome.error.command, outcome.error.delivered) == ("idle", NO)
    assert client.usable


# ---- values


def test_they_are_one_family():
    """All errors that txsmtpx exports, but those of the server: of its parser, its filters and its stores."""
    exported = [getattr(txsmtpx, name) for name in txsmtpx.__all__]
    kinds = [each for each in exported if isinstance(each, type) and issubclass(each, Exception)]
    for other in (txsmtpx.Malformed, txsmtpx.FilterFailed, txsmtpx.StoreError):
        kinds.remove(other)
    assert len(kinds) >= 16
    assert all(issubclass(each, DeliveryError) for each in kinds)


def test_the_errors_of_several_servers_and_of_a_pool():
    never, later = SMTPError(550, message="x", command="greeting"), SMTPError(450, message="y", command="greeting")
    for errors, temporary in (([never, never], False), ([never, later], True)):
        error = AllServersFailed("example.net", [Attempt("mx.example.net", "192.0.2.1", each) for each in errors])
        assert isinstance(error, NetworkError)
        assert isinstance(error, twisted_error.ConnectError)
        assert (error.command, error.temporary, error.delivered) == ("connect", temporary, NO)
        for again in (copy.copy(error), pickle.loads(pickle.dumps(error))):
            assert (str(again), again.temporary) == (str(error), temporary)
    busy = PoolBusy(1.5)
    assert isinstance(busy, NetworkError)
    assert isinstance(busy, TimeoutError)
    assert (busy.command, busy.temporary, busy.delivered, busy.fault) == ("connect", True, NO, Fault.CALLER)
    assert str(copy.copy(busy)) == "no connection to the server became free within 1.5 seconds"
    failed = DNSFailed("no answer")
    assert (failed.command, failed.temporary, failed.fault) == ("DNS", True, Fault.NETWORK)
    assert type(pickle.loads(pickle.dumps(failed))) is DNSFailed


@pytest.mark.parametrize("code", [500, 550])
def test_ehlo_is_rejected_and_the_connection_closed(network, code):
    """The client tries HELO then; what the server has said is the error, not the loss."""
    net = network(EHLO=f"{code} 5.7.1 Not you", HELO=HANG_UP)
    outcome = Outcome(send_mail(net, "me@example.org", ["you@example.net"], BODY, tls="none", reactor=net.clock))
    net.flush()
    assert isinstance(outcome.error, SMTPError)
    assert str(outcome.error) == f"EHLO: {code} 5.7.1 Not you"
    assert (outcome.error.temporary, outcome.error.fault, outcome.error.delivered) == (False, Fault.SERVER, NO)


def test_silence_after_a_rejected_ehlo_is_silence(network):
    net = network(EHLO="500 5.5.1 What?", HELO=SILENCE)
    outcome = Outcome(connect(net, tls="none", reactor=net.clock, timeouts=SECONDS))
    net.flush()
    net.advance(12)
    assert isinstance(outcome.error, TimeoutError)
    assert outcome.error.command == "HELO"
    assert outcome.error.temporary


@pytest.mark.parametrize("said", ["421 4.4.2 Too slow", "250 2.0.0 Surprise"])
def test_what_comes_while_a_body_is_waited_for(network, said):
    """With CHUNKING no reply is expected then; it is the message that fails."""

    async def body():
        yield b"Subject: x\r\n"
        await Deferred()

    net = network(offers=["CHUNKING"])
    outcome = Outcome(net.greeted().send("me@example.org", ["you@example.net"], body()))
    net.flush()
    net.servers[0].send_reply(said)
    net.flush()
    assert isinstance(outcome.error, SMTPError if said[0] == "4" else ProtocolError)
    assert (outcome.error.command, outcome.error.temporary, outcome.error.delivered) == ("BDAT", True, NO)
