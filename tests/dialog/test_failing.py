"""
Guarantee 15: whatever is lost, cancelled or said out of turn, and whenever, every Deferred fires once and tells why.
"""

from __future__ import annotations

import gc
import weakref

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.python.failure import Failure

from txsmtpx import ConnectionAborted, Plain, ProtocolError, RcptOptions, SMTPError, send_mail
from txsmtpx.testing import HANG_UP, SILENCE, Network, Outcome, ScriptedServer

OFFERS = {
    "plain": ["AUTH PLAIN"],
    "pipelining": ["PIPELINING", "AUTH PLAIN"],
    "chunking": ["PIPELINING", "CHUNKING", "AUTH PLAIN"],
}

COMMANDS = {
    "hello": lambda client: client.hello(),
    "authenticate": lambda client: client.authenticate(Plain("me", "secret")),
    "mail": lambda client: client.mail("me@example.org"),
    "rcpt": lambda client: client.rcpt("you@example.net"),
    "data": lambda client: client.data(b"x\r\n"),
    "bdat": lambda client: client.bdat(b"x\r\n", last=True),
    "transmit": lambda client: client.transmit(b"x\r\n"),
    "reset": lambda client: client.reset(),
    "noop": lambda client: client.noop(),
    "verify": lambda client: client.verify("you"),
    "expand": lambda client: client.expand("all"),
    "help": lambda client: client.help(),
    "command": lambda client: client.command("XTEST"),
    "start_tls": lambda client: client.start_tls(None),
    "send": lambda client: client.send("me@example.org", ["you@example.net"], b"x\r\n"),
}


def silent(network, **more):
    """A server that answers EHLO, and then nothing more."""
    verbs = ["AUTH", "MAIL", "RCPT", "DATA", "BDAT", "END", "RSET", "NOOP", "VRFY", "EXPN", "HELP", "STARTTLS"]
    script = {"EHLO": [None, SILENCE], **dict.fromkeys(verbs, SILENCE), **more}
    offers = ["CHUNKING", "PIPELINING", "AUTH PLAIN", "STARTTLS"]
    return network(offers=offers, replies={"XTEST": SILENCE}, **script)


def begun(network, command):
    """``command`` on a client, which waits for the reply; the verb that the next reply answers."""
    needs_recipient = command in ("bdat", "transmit")
    net = silent(network, **{"MAIL": None, "RCPT": None} if needs_recipient else {})
    client = net.greeted(allow_insecure_auth=True)
    if needs_recipient:
        net.result(client.mail("me@example.org"))
        net.result(client.rcpt("you@example.net"))
    before = len(net.servers[0].verbs)
    outcome = Outcome(given := COMMANDS[command](client))
    net.flush()
    assert not outcome.fired
    return net, client, given, outcome, net.servers[0].verbs[before]


@pytest.mark.parametrize("command", COMMANDS)
def test_cancelling_hangs_up(network, command):
    """No other command can be answered by the reply that nobody waits for now."""
    net, client, given, outcome, verb = begun(network, command)
    given.cancel()
    assert isinstance(outcome.error, CancelledError)
    assert str(outcome.error) == "the caller cancelled it"
    assert not client.usable
    after = Outcome(client.noop())
    assert isinstance(after.error, ConnectionAborted)
    assert (str(after.error), after.error.command) == (f"{verb} was cancelled", verb)
    net.flush()
    assert net.servers[0].lost
    assert len(outcome.results) == len(after.results) == 1


def test_cancelling_what_has_not_begun_harms_nobody(network):
    net = network(offers=["PIPELINING"], NOOP=[SILENCE, None])
    client = net.greeted()
    first, second, third = client.noop(), client.send("a@example.org", ["b@example.net"], b""), client.reset()
    net.flush()
    outcome = Outcome(second)
    second.cancel()
    assert isinstance(outcome.error, CancelledError)
    assert str(outcome.error) == "the caller cancelled it before it was sent"
    net.servers[0].send_reply("250 2.0.0 first")
    assert str(net.result(first)) == "250 2.0.0 first"
    assert net.result(third).code == 250
    assert net.servers[0].verbs == ["EHLO", "NOOP", "RSET"]


def test_cancelling_quit_and_close(network):
    for command in ("quit", "close"):
        net = silent(network, QUIT=SILENCE)
        client = net.greeted()
        given = getattr(client, command)()
        outcome = Outcome(given)
        given.cancel()
        net.flush()
        assert len(outcome.results) == 1
        assert net.servers[0].lost


UNASKED = ["250 2.0.0 Surprise", "550 5.0.0 Surprise", "354 Surprise", "nonsense", "2500 x", "", "250-", "\x00"]


@pytest.mark.parametrize("said", UNASKED)
def test_what_nobody_asked_for_ends_the_connection(network, said):
    net = network()
    client = net.greeted()
    net.servers[0].send_reply(f"{said}\r\n".encode())
    net.flush()
    if said == "250-":  # not all of it yet
        net.servers[0].send_reply(b"250 x\r\n")
        net.flush()
    assert not client.usable
    assert net.servers[0].lost
    with pytest.raises(ProtocolError):
        net.result(client.noop())


def test_a_reply_too_many_is_not_the_next_commands(network):
    net = network(NOOP=["250 2.0.0 one\n250 2.0.0 two"])
    client = net.greeted()
    assert str(net.result(client.noop())) == "250 2.0.0 one"
    with pytest.raises(ProtocolError, match=r"a reply to no command: 250 2\.0\.0 two"):
        net.result(client.mail("a@example.org"))
    assert "MAIL" not in net.servers[0].verbs


def test_a_reply_without_end(network):
    for endless in (b"250 " + b"x" * 20_000, b"250-x\r\n" * 2000):
        net = network(NOOP=endless)
        with pytest.raises(ProtocolError, match=r"a reply line without end|a reply has more than 1000 lines"):
            net.result(net.greeted().noop())


@pytest.mark.parametrize("command", COMMANDS)
def test_421_is_understood_anywhere(network, command):
    net, client, _, outcome, verb = begun(network, command)
    net.servers[0].send_reply("421 4.3.2 Going down")
    net.flush()
    assert isinstance(outcome.error, SMTPError)
    assert (outcome.error.code, outcome.error.message) == (421, "Going down")
    assert outcome.error.command == verb
    assert not client.usable
    assert net.servers[0].lost


def test_421_out_of_the_blue_is_remembered(network):
    net = network()
    client = net.greeted()
    net.servers[0].send_reply("421 4.4.2 Idle")
    net.flush()
    with pytest.raises(SMTPError, match=r"421 4\.4\.2 Idle") as idle:
        net.result(client.noop())
    assert idle.value.command == "idle"


async def caught(given):
    """The exception that ``given`` comes to, where it was raised."""
    try:
        await given
    except Exception as error:
        return error


@pytest.mark.parametrize("reason", [CONNECTION_DONE, CONNECTION_LOST])
def test_each_who_waits_has_an_exception_of_its_own(network, reason):
    """Guarantee 21: Twisted's is shared by all connections, and each raise adds frames to its traceback."""
    outcomes = []
    for _ in range(2):
        client = silent(network).client()
        dialog = client.protocol.dialog
        waiting = [client.greeting, *(dialog.expect("NOOP", "command") for _ in range(2)), client.noop()]
        outcomes += [Outcome(Deferred.fromCoroutine(caught(each))) for each in waiting]
        client.protocol.transport.producer.pauseProducing()
        outcomes.append(Outcome(Deferred.fromCoroutine(caught(client.protocol.writable()))))
        client.protocol.connectionLost(Failure(reason))
        outcomes.append(Outcome(Deferred.fromCoroutine(caught(client.noop()))))
    errors = [each.result() for each in outcomes]
    assert None not in errors
    assert len({id(error) for error in (*errors, reason)}) == len(errors) + 1
    assert reason.__traceback__ is None


def test_the_least_refusal_is_an_answer(network):
    net = network(RCPT="400 4.0.0 Later")
    client = net.greeted()
    net.result(client.mail("me@example.org"))
    with pytest.raises(SMTPError, match=r"400 4\.0\.0 Later"):
        net.result(client.rcpt("you@example.net"))
    assert client.usable


def test_421_within_a_body(network):
    net = network()
    client = net.greeted()

    def body():
        yield b"x\r\n"
        net.servers[0].send_reply("421 4.3.2 Going down")
        yield b"y\r\n"

    with pytest.raises(SMTPError, match=r"DATA: 421 4\.3\.2 Going down"):
        net.result(client.send("a@example.org", ["b@example.net"], body()))


def session(net, lmtp=False):
    """A message from the first octet to the last; what came of it."""
    sending = send_mail(
        net,
        "me@example.org",
        ["you@example.net", ("him@example.net", RcptOptions())],
        b"Subject: x\r\n\r\n.x\r\n",
        lmtp=lmtp,
        tls="none",
        auth=Plain("me", "secret"),
        allow_insecure_auth=True,
        reactor=net.clock,
    )
    outcome = Outcome(sending)
    net.flush()
    return outcome


@pytest.mark.parametrize("offers", OFFERS)
@pytest.mark.parametrize("lmtp", [False, True])
@pytest.mark.parametrize("which", ["close_after_sent", "close_after_received"])
def test_lost_after_every_octet(offers, lmtp, which):
    """There is an error that says so, unless only the farewell is lost; and nothing is left of the client."""
    script = {"offers": OFFERS[offers], "lmtp": lmtp}
    whole = Network(ScriptedServer(**script))
    assert session(whole, lmtp).error is None
    octets, farewell = {
        "close_after_sent": (whole.servers[0].octets_sent, len("221 2.0.0 Bye\r\n")),
        "close_after_received": (whole.servers[0].octets_received, len("QUIT\r\n")),
    }[which]
    assert octets > 150
    left = []
    for limit in range(1, octets):
        net = Network(ScriptedServer(**script, **{which: limit}))
        outcome = session(net, lmtp)
        assert len(outcome.results) == 1
        one_of_two = lmtp and which == "close_after_sent" and limit >= octets - farewell - len("250 2.0.0 Taken\r\n")
        if limit >= octets - farewell or one_of_two:
            assert outcome.error is None
            assert len(outcome.result().refused) == (limit < octets - farewell)
        else:
            assert isinstance(outcome.error, ConnectionDone)
        assert len(net.servers[0].messages) <= 1
        assert net.clock.getDelayedCalls() == []
        left.append(weakref.ref(net.clients[0]))
    del net, outcome, whole
    gc.collect()
    assert [reference for reference in left if reference() is not None] == []


@pytest.mark.parametrize("verb", ["GREETING", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "END", "QUIT"])
@pytest.mark.parametrize("answer", [HANG_UP, "nonsense", "421 4.3.2 Down", "599 No"], ids=str)
def test_failing_at_every_phase(network, verb, answer):
    net = network(offers=["PIPELINING", "AUTH PLAIN"], **{verb: answer})
    outcome = session(net)
    assert len(outcome.results) == 1
    assert net.servers[0].lost
    if verb == "QUIT":
        assert outcome.error is None
    elif answer == HANG_UP:
        assert isinstance(outcome.error, ConnectionDone)
    elif answer == "nonsense":
        assert isinstance(outcome.error, ProtocolError)
        assert "nonsense" in str(outcome.error)
    else:
        assert answer[:3] in str(outcome.error)


def test_a_client_that_is_done_with_is_gone(network):
    net = network()
    client = net.greeted()
    net.result(client.send("a@example.org", ["b@example.net"], b"x\r\n"))
    net.result(client.quit())
    reference = weakref.ref(client)
    net.pumps.clear()
    net.clients.clear()
    del client
    gc.collect()
    assert reference() is None


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "start_tls"])
def test_221_to_anything_but_quit_is_the_end(network, command):
    """RFC 5321 §4.2.3: the server closes; it has not done what was asked."""
    bye, in_transaction = "221 2.0.0 Bye", command in ("data", "bdat", "transmit")
    verbs = ["AUTH", "DATA", "BDAT", "END", "RSET", "NOOP", "VRFY", "EXPN", "HELP"]
    script = {"EHLO": [None, bye], **dict.fromkeys(("MAIL", "RCPT"), [None, bye] if in_transaction else bye)}
    net = network(offers=["CHUNKING", "AUTH PLAIN"], replies={"XTEST": bye}, **script, **dict.fromkeys(verbs, bye))
    client = net.greeted(allow_insecure_auth=True)
    if in_transaction:
        net.result(client.mail("me@example.org"))
        net.result(client.rcpt("you@example.net"))
    outcome = Outcome(COMMANDS[command](client))
    net.flush()
    assert isinstance(outcome.error, ConnectionDone)
    assert "the server ended the session: 221 2.0.0 Bye" in str(outcome.error)
    assert not client.usable
    assert net.servers[0].lost


def test_221_as_a_greeting_is_the_end(network):
    net = network(GREETING="221 2.0.0 Bye")
    client = net.client()
    with pytest.raises(ConnectionDone, match="the server ended the session"):
        net.result(client.greeting)


def test_221_unasked_is_the_end(network):
    net = network()
    client = net.greeted()
    net.servers[0].send_reply("221 2.0.0 Idle for too long")
    net.flush()
    assert not client.usable
    assert net.servers[0].lost
    with pytest.raises(ConnectionDone, match="Idle for too long"):
        net.result(client.mail("me@example.org"))


def test_221_to_quit_is_what_is_expected(network):
    net = network()
    client = net.greeted()
    assert net.result(client.quit()) is None
    assert net.servers[0].lost
