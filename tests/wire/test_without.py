"""Extensions that a server offers wrongly are left alone, in each place that connects, and by the command."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred

from tests.wire.test_client_settings import TAKERS
from txsmtpx import (
    Extension,
    MailOptions,
    NotOffered,
    RelayBackend,
    SMTPPool,
    SMTPServerFactory,
    connect,
    send_mail,
)
from txsmtpx.extensions import registry
from txsmtpx.testing import Network, Outcome, ScriptedServer

ME, YOU, BODY = "me@example.org", "you@example.net", b"Subject: x\r\n\r\nx\r\n"
WITHOUT = {"PIPELINING", "CHUNKING"}
OFFERS = ["PIPELINING", "CHUNKING", "8BITMIME", "SIZE 100000"]


class Hasty(ScriptedServer):
    """Offers what it does not do: of the commands in a segment it sees the first, and it knows no BDAT."""

    def __init__(self):
        super().__init__(OFFERS, BDAT="502 5.5.1 What")

    def dataReceived(self, data):
        if not self._in_data:
            data = data[: data.index(b"\n") + 1]
        super().dataReceived(data)


def by_connect(net, **how):
    async def sending():
        client = await connect(net, tls="none", reactor=net.clock, **how)
        return await client.send(ME, [YOU], BODY)

    return Deferred.fromCoroutine(sending())


def by_send_mail(net, **how):
    return send_mail(net, ME, [YOU], BODY, tls="none", reactor=net.clock, **how)


def by_pool(net, **how):
    return SMTPPool(net, tls="none", reactor=net.clock, **how).send(ME, [YOU], BODY)


def by_relay(net, **how):
    """Our client sends to our server, which relays to the network."""
    backend = RelayBackend([net], domains=["example.net"], tls="none", reactor=net.clock, **how)
    here = Network(SMTPServerFactory(backend, reactor=net.clock), clock=net.clock)
    here.pumps = net.pumps  # so that all are moved
    return here.greeted().send(ME, [YOU], BODY)


ways = pytest.mark.parametrize("way", [by_connect, by_send_mail, by_pool, by_relay], ids=lambda way: way.__name__)


@ways
def test_a_server_that_offers_what_it_does_not_do(network, way):
    net = network(Hasty)
    Outcome(way(net))
    net.flush()
    assert net.servers[0].messages == []  # the client waits for replies, or BDAT was rejected
    net.advance(1000)
    net = network(Hasty)
    result = net.result(way(net, without=WITHOUT))
    assert [recipient for recipient, _ in result.accepted] == [YOU]
    server = net.servers[0]
    assert [verb for verb in server.verbs if verb in ("EHLO", "MAIL", "RCPT", "DATA", "BDAT")] == [
        "EHLO", "MAIL", "RCPT", "DATA"
    ]  # fmt: skip
    assert server.messages[0].endswith(BODY)
    net.advance(1000)


@pytest.mark.parametrize("keyword", [each.keyword for each in registry.EXTENSIONS if each.keyword])
def test_each_of_them(network, keyword):
    """It is as if the server did not offer it."""
    offers = {each.keyword: each.keyword for each in registry.EXTENSIONS}
    offers |= {"AUTH": "AUTH PLAIN", "SIZE": "SIZE 10", "LIMITS": "LIMITS RCPTMAX=1", "XCLIENT": "XCLIENT NAME",
               "XFORWARD": "XFORWARD NAME", "DELIVERBY": "DELIVERBY 10"}  # fmt: skip
    net = network(offers=list(offers.values()))
    every = set(net.greeted().extensions)
    left = set(net.greeted(without=[keyword.lower()]).extensions)
    requiring = {"8BITMIME": {"SMTPUTF8", "BINARYMIME"}, "CHUNKING": {"BINARYMIME"}}.get(keyword, set())
    assert every - left == {keyword, *requiring} & every


def test_what_the_message_needs_is_not_offered_then(network):
    net = network(offers=["SMTPUTF8", "8BITMIME"])
    with pytest.raises(NotOffered, match="SMTPUTF8"):
        net.result(net.greeted(without={"8BITMIME"}).send(ME, [YOU], BODY, MailOptions(smtputf8=True)))


def test_after_xclient_too(network):
    net = network(offers=["XCLIENT NAME", "PIPELINING"], XCLIENT="220 2.0.0 Go on")
    client = net.greeted(without={"PIPELINING"})
    net.result(client.xclient(name="client.example"))
    assert "PIPELINING" not in client.extensions


def test_starttls(network):
    """A server whose STARTTLS does not work, and that we trust as it is."""
    net = network(offers=["STARTTLS"], STARTTLS="454 4.7.0 Not now")
    net.result(connect(net, tls="opportunistic", without={"STARTTLS"}, reactor=net.clock))
    assert net.servers[0].verbs == ["EHLO"]


def test_an_extension_of_ones_own(network):
    paint = Extension("X-PAINT", "none")
    net = network(offers=["X-PAINT", "X-OTHER"])
    client = net.greeted(extensions=[paint], without={"x-paint"})
    assert set(client.extensions) == {"X-OTHER"}


# ---- what is refused

THERE_ARE = "; there are " + ", ".join(sorted(each.keyword for each in registry.EXTENSIONS))
NONE = "without: no extension is called "
NO_SET = "without must be a set of keywords, such as {'PIPELINING'}, not "
WRONG = {
    "unknown": ({"PIPLINING"}, ValueError, f"{NONE}'PIPLINING'{THERE_ARE}"),
    "of a server, but not ours": ({"ETRN"}, ValueError, f"{NONE}'ETRN'{THERE_ARE}"),
    "empty": ({""}, ValueError, f"{NONE}''{THERE_ARE}"),
    "beyond ASCII": ({"CHUN\u212aING"}, ValueError, f"{NONE}'CHUN\u212aING'{THERE_ARE}"),
    "None in it": ([None], TypeError, f"{NO_SET}[None]"),
    "octets in it": ([b"DSN"], TypeError, f"{NO_SET}[b'DSN']"),
    "a text": ("PIPELINING", TypeError, f"{NO_SET}'PIPELINING'"),
    "no text": ("", TypeError, f"{NO_SET}''"),
    "octets": (b"DSN", TypeError, f"{NO_SET}b'DSN'"),
    "None": (None, TypeError, f"{NO_SET}None"),
    "a number": (7, TypeError, f"{NO_SET}7"),
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("taker", TAKERS)
def test_what_is_no_set_of_keywords(taker, wrong):
    without, error, text = WRONG[wrong]
    with pytest.raises((ValueError, TypeError)) as caught:
        TAKERS[taker]("tcp:mail.example.net:587", without=without)
    if "RelayBackend: without must be" not in str(caught.value):
        assert (type(caught.value), str(caught.value)) == (error, text)


@pytest.mark.parametrize("taker", TAKERS)
def test_what_contradicts_itself(taker):
    with pytest.raises(ValueError, match=r"^without AUTH there is no login: leave out auth$"):
        TAKERS[taker]("tcp:mail.example.net:587", without={"auth"}, auth=("me", "secret"))
    for how in ({}, {"tls": "required"}):
        with pytest.raises(ValueError, match=r"^without STARTTLS there is no TLS: use tls:HOST:PORT, or"):
            TAKERS[taker]("tcp:mail.example.net:587", without={"STARTTLS"}, **how)


def test_what_does_not_contradict_itself():
    clear = ("tcp:mail.example.net:25", {"tls": "none"})
    for endpoint, how in (("tls:mail.example.net:465", {}), clear, ("tcp:localhost:25", {})):
        assert SMTPPool(endpoint, without={"STARTTLS"}, **how).settings.without == {"STARTTLS"}


# ---- the command


def relayed_by(*given):
    from txsmtpx.tap import Options

    parsed = Options()
    parsed.parseOptions(["--relay-domain", "a", *given])
    (listener,) = parsed.process.listeners
    return [pool.settings.without for pool in listener.chosen_backend.pools]


def test_an_option_of_relays():
    given = ["-b", "relay:tcp:mail.example.net:25,tls:mail.example.net:465"]
    assert relayed_by(*given) == [set()] * 2
    assert relayed_by(*given, "--relay-without", "chunking", "--relay-without", "PIPELINING") == [WITHOUT] * 2
