"""
A message's way through a connection: RFC 2920's corners, RFC 3030, RFC 2033, and servers that know none of them.
"""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone

from txsmtpx import ProtocolError, RecipientsRefused, SMTPError
from txsmtpx.testing import HANG_UP, Outcome

TO = ["one@example.net", "two@example.net", "three@example.net"]
BODY = b"Subject: x\r\n\r\n.dots\r\n..\r\n"

SERVERS = {
    "plain": [],
    "pipelining": ["PIPELINING"],
    "chunking": ["CHUNKING"],
    "both": ["PIPELINING", "CHUNKING"],
}
BIG = b"0123456789abcde\n" * 200_000  # 3.4 MB with its line ends


@pytest.fixture(params=SERVERS, ids=str)
def offers(request):
    return SERVERS[request.param]


@pytest.mark.parametrize("one_by_one", [False, True])
@pytest.mark.parametrize("lmtp", [False, True])
def test_a_message_arrives_whole(network, offers, lmtp, one_by_one):
    net = network(offers=offers, lmtp=lmtp, one_by_one=one_by_one)
    client = net.greeted(lmtp=lmtp)
    result = net.result(client.send("me@example.org", TO, BODY))
    assert [recipient for recipient, _ in result.accepted] == TO
    assert [str(reply) for _, reply in result.accepted] == ["250 2.0.0 Taken"] * 3
    assert result.refused == []
    (server,) = net.servers
    assert server.messages == [BODY]
    assert server.verbs[:5] == ["LHLO" if lmtp else "EHLO", "MAIL", "RCPT", "RCPT", "RCPT"]
    assert server.verbs[5:] == (["BDAT"] if "CHUNKING" in offers else ["DATA"])


def test_the_envelope_leaves_in_one_flight(network):
    """Nothing of it waits for an answer, for there is none."""
    net = network(offers=["PIPELINING"], MAIL="")
    sending = net.greeted().send("me@example.org", TO, BODY)
    net.flush()
    assert net.servers[0].verbs == ["EHLO", "MAIL", "RCPT", "RCPT", "RCPT", "DATA"]
    assert net.servers[0].lines[-1] == "DATA"  # in capitals, as all of them
    sending.addErrback(lambda failure: None)


def test_without_pipelining_each_command_waits(network):
    net = network(MAIL="")
    sending = net.greeted().send("me@example.org", TO, BODY)
    net.flush()
    assert net.servers[0].verbs == ["EHLO", "MAIL"]
    sending.addErrback(lambda failure: None)


def another_message_passes(net, client):
    """On the same connection, and nothing of the one before is left."""
    result = net.result(client.send("me@example.org", ["another@example.net"], b"second\r\n"))
    assert [recipient for recipient, _ in result.accepted] == ["another@example.net"]
    assert net.servers[0].messages[-1] == b"second\r\n"


@pytest.mark.parametrize("lmtp", [False, True])
@pytest.mark.parametrize("data", ["354 Go on", "503 5.5.1 No valid recipients", "554 5.5.1 No valid recipients"])
def test_mail_refused(network, offers, lmtp, data):
    """Whatever the server says to the rest of the flight, the refusal is that of MAIL."""
    refused = {"MAIL": ["550 5.1.0 Not you"], "RCPT": ["503 5.5.1 No"] * 3 * ("PIPELINING" in offers)}
    net = network(offers=offers, lmtp=lmtp, DATA=[data] * ("PIPELINING" in offers), END=[None], **refused)
    client = net.greeted(lmtp=lmtp)
    with pytest.raises(SMTPError) as caught:
        net.result(client.send("me@example.org", TO, BODY))
    assert str(caught.value) == "MAIL: 550 5.1.0 Not you"
    assert (caught.value.code, caught.value.command) == (550, "MAIL")
    assert b"dots" not in b"".join(net.servers[0].messages)
    another_message_passes(net, client)


def test_lost_after_a_recipient_was_refused(network):
    """Whether the others are refused too nobody knows, so it is the loss that is told, and it may be tried again."""
    net = network(offers=["PIPELINING"], RCPT=["550 5.1.1 No", HANG_UP])
    with pytest.raises(ConnectionDone):
        net.result(net.greeted().send("me@example.org", TO, BODY))


@pytest.mark.parametrize(("then", "error"), [(HANG_UP, ConnectionDone), ("nonsense", ProtocolError)])
def test_what_a_refusal_counts_for_when_the_rest_never_comes(network, offers, then, error):
    """Of LMTP's recipients the others are unknown; of a server that talks nonsense even the refusal of MAIL."""
    net = network(offers=offers, lmtp=True, END=["550 5.2.1 No", then])
    with pytest.raises(error):
        net.result(net.greeted(lmtp=True).send("me@example.org", TO, BODY))
    if "PIPELINING" in offers:
        net = network(offers=offers, MAIL="550 5.1.0 Not you", RCPT=then)
        with pytest.raises(SMTPError if then == HANG_UP else ProtocolError):
            net.result(net.greeted().send("me@example.org", TO, BODY))


@pytest.mark.parametrize("lmtp", [False, True])
@pytest.mark.parametrize("data", ["354 Go on", "503 5.5.1 No valid recipients"])
def test_all_recipients_refused(network, offers, lmtp, data):
    replies = ["550 5.1.1 one", "452 4.2.2 two", "550 5.1.1 three"]
    net = network(offers=offers, lmtp=lmtp, RCPT=list(replies), DATA=[data] * ("PIPELINING" in offers))
    client = net.greeted(lmtp=lmtp)
    with pytest.raises(RecipientsRefused) as caught:
        net.result(client.send("me@example.org", TO, BODY))
    assert [(recipient, str(error.reply)) for recipient, error in caught.value.refused] == list(
        zip(TO, replies, strict=True)
    )
    if offers == ["PIPELINING"]:
        assert net.servers[0].messages == ([b""] if data.startswith("354") else [])  # the lone dot
    else:
        assert net.servers[0].messages == []
    another_message_passes(net, client)
    assert net.servers[0].verbs.count("RSET") == 1


@pytest.mark.parametrize("lmtp", [False, True])
def test_some_recipients_refused(network, offers, lmtp):
    net = network(offers=offers, lmtp=lmtp, RCPT=["250 2.1.5 a", "550 5.1.1 b", "250 2.1.5 c"])
    result = net.result(net.greeted(lmtp=lmtp).send("me@example.org", TO, BODY))
    assert [(recipient, str(reply)) for recipient, reply in result.accepted] == [
        (TO[0], "250 2.0.0 Taken"),
        (TO[2], "250 2.0.0 Taken"),
    ]
    assert [(recipient, str(error)) for recipient, error in result.refused] == [(TO[1], "RCPT: 550 5.1.1 b")]
    assert net.servers[0].messages == [BODY]


def test_data_refused(network):
    for offers in ([], ["PIPELINING"]):
        net = network(offers=offers, DATA=["451 4.3.0 Later"])
        client = net.greeted()
        with pytest.raises(SMTPError) as caught:
            net.result(client.send("me@example.org", TO, BODY))
        assert (str(caught.value), caught.value.temporary) == ("DATA: 451 4.3.0 Later", True)
        another_message_passes(net, client)


def test_the_message_refused(network, offers):
    net = network(offers=offers, END=["552 5.3.4 Too much"])
    client = net.greeted()
    with pytest.raises(SMTPError) as caught:
        net.result(client.send("me@example.org", TO, BODY))
    verb = "BDAT" if "CHUNKING" in offers else "DATA"
    assert str(caught.value) == f"{verb}: 552 5.3.4 Too much"
    another_message_passes(net, client)


def test_lmtp_has_an_outcome_a_position(network, offers):
    """The same address twice is two of them, and one refused at RCPT is none."""
    twice = ["a@example.net", "b@example.net", "a@example.net", "c@example.net"]
    net = network(
        offers=offers,
        lmtp=True,
        RCPT=[None, "550 5.1.1 b", None, None],
        END=["250 2.0.0 first", "452 4.2.2 second", "250 2.0.0 third"],
    )
    result = net.result(net.greeted(lmtp=True).send("me@example.org", twice, BODY))
    assert [(each, str(reply)) for each, reply in result.accepted] == [
        ("a@example.net", "250 2.0.0 first"),
        ("c@example.net", "250 2.0.0 third"),
    ]
    verb = "BDAT" if "CHUNKING" in offers else "DATA"
    assert [(each, str(error)) for each, error in result.refused] == [
        ("b@example.net", "RCPT: 550 5.1.1 b"),
        ("a@example.net", f"{verb}: 452 4.2.2 second"),
    ]


def test_lmtp_all_refused_after_the_data(network, offers):
    net = network(offers=offers, lmtp=True, END=["550 5.2.1 x", "452 4.2.2 y", "550 5.2.1 z"])
    client = net.greeted(lmtp=True)
    with pytest.raises(RecipientsRefused) as caught:
        net.result(client.send("me@example.org", TO, BODY))
    assert [reply.code for _, reply in caught.value.refused] == [550, 452, 550]
    another_message_passes(net, client)


def test_a_server_that_knows_helo_alone(network):
    for code in (500, 502, 504, 550):
        net = network(EHLO=f"{code} 5.5.1 What?")
        client = net.greeted()
        assert client.extensions == {}
        assert net.result(client.send("me@example.org", TO, BODY)).refused == []
        assert net.servers[0].verbs[:2] == ["EHLO", "HELO"]
        assert net.servers[0].lines[2] == "MAIL FROM:<me@example.org>"
        assert net.servers[0].messages == [BODY]


@pytest.mark.parametrize("hasty", [False, True], ids=["patient", "hasty"])
def test_chunks_refused_in_the_middle(network, offers, hasty):
    """The octets of a refused chunk are octets, the rest is not sent, and the connection is fit for the next."""
    if "CHUNKING" not in offers:
        offers = [*offers, "CHUNKING"]
    replies = [None, None, None, "552 5.3.4 Full"] + ["503 5.5.1 Over"] * 50
    net = network(offers=offers, early_bdat_reply=hasty, BDAT=replies)
    client = net.greeted()
    with pytest.raises(SMTPError) as caught:
        net.result(client.send("me@example.org", TO, BIG))
    assert str(caught.value) == "BDAT: 552 5.3.4 Full"
    assert net.servers[0].verbs.count("BDAT") < 5  # of 7
    assert net.servers[0].messages == []
    another_message_passes(net, client)


@pytest.mark.parametrize("lmtp", [False, True])
def test_a_big_message_by_chunks(network, lmtp):
    net = network(offers=["PIPELINING", "CHUNKING"], lmtp=lmtp)
    client = net.greeted(lmtp=lmtp)
    result = net.result(client.send("me@example.org", TO, BIG))
    assert len(result.accepted) == 3
    assert net.servers[0].messages == [BIG.replace(b"\n", b"\r\n")]
    assert net.servers[0].verbs.count("BDAT") == 7
    another_message_passes(net, client)


def stop_in_data(net, client, said):
    """Send a message that stops in the middle and never goes on; there the server says something."""
    stopped = []

    async def body():
        try:
            yield b"Subject: x\r\n\r\n"
            await Deferred()
        finally:
            stopped.append(True)

    sending = Outcome(client.send("me@example.org", TO, body()))
    net.flush()
    assert net.servers[0].raw == b"Subject: x\r\n\r\n"
    assert not sending.fired
    net.servers[0].send_reply(said)
    net.flush()
    assert stopped == [True]
    return sending.result()


@pytest.mark.parametrize("lmtp", [False, True])
def test_an_early_refusal_during_data(network, lmtp):
    """There is no other way to stop than to hang up; the error is what the server said."""
    net = network(lmtp=lmtp)
    client = net.greeted(lmtp=lmtp)
    with pytest.raises(SMTPError) as caught:
        stop_in_data(net, client, "552 5.3.4 Too much")
    assert str(caught.value) == "DATA: 552 5.3.4 Too much"
    assert not client.usable
    assert net.servers[0].messages == []
    assert net.servers[0].lost


def test_an_early_yes_during_data_is_nonsense(network):
    net = network()
    client = net.greeted()
    with pytest.raises(ProtocolError, match=r"^the server answered before the end of the data$"):
        stop_in_data(net, client, "250 2.0.0 Thanks")
    assert not client.usable
    assert net.servers[0].messages == []


@pytest.mark.parametrize(
    ("script", "verb"),
    [
        ({"DATA": "250 2.0.0 Ok"}, "DATA"),
        ({"RCPT": "354 Go on"}, "RCPT"),
        ({"RCPT": "300 Hm"}, "RCPT"),
        ({"MAIL": "334 "}, "MAIL"),
        ({"END": "354 Go on"}, "DATA"),
    ],
)
def test_a_yes_that_is_none(network, script, verb):
    """Neither is "go on" a receipt, nor a receipt "go on"."""
    for offers in ([], ["PIPELINING"]):
        net = network(offers=offers, **script)
        client = net.greeted()
        with pytest.raises(ProtocolError, match=f"no answer to {verb}"):
            net.result(client.send("me@example.org", TO, BODY))
        assert not client.usable


def test_hundreds_of_recipients(network, offers):
    to = [f"user{n}@example.net" for n in range(300)]
    net = network(offers=offers, RCPT=["250 2.1.5 Ok", "550 5.1.1 No"] * 150)
    result = net.result(net.greeted().send("me@example.org", to, BODY))
    assert [each for each, _ in result.accepted] == to[::2]
    assert [each for each, _ in result.refused] == to[1::2]


@pytest.mark.parametrize("recipients", [[], "you@example.net", ()])
def test_recipients_are_a_list(network, recipients):
    net = network()
    client = net.greeted()
    with pytest.raises(ValueError, match=r"^recipients are a list of at least one address$"):
        net.result(client.send("me@example.org", recipients, BODY))
    assert net.servers[0].verbs == ["EHLO"]
    another_message_passes(net, client)


def test_two_messages_at_once_do_not_mix(network, offers):
    """The second waits; its commands would be taken for the body of the first."""
    net = network(offers=offers)
    client = net.greeted()
    first = client.send("me@example.org", TO, BIG)
    second = client.send("me@example.org", TO, BODY)
    noop = client.noop()
    assert len(net.result(first).accepted) == len(net.result(second).accepted) == 3
    assert net.result(noop).code == 250
    assert net.servers[0].messages == [BIG.replace(b"\n", b"\r\n"), BODY]
    assert net.servers[0].verbs[-1] == "NOOP"


@pytest.mark.parametrize("answers", [{"RCPT": b""}, {"BDAT": b"", "RCPT": "503 5.5.1 No"}, {"DATA": b""}], ids=str)
def test_a_refused_sender_and_then_nothing(network, offers, answers):
    """What was said counts for more than that nothing more was said."""
    net = network(offers=offers, MAIL="550 5.7.1 Not you", **answers)
    with pytest.raises(SMTPError, match=r"^MAIL: 550 5\.7\.1 Not you$"):
        net.result(net.greeted().send("me@example.org", TO, BODY))


@pytest.mark.parametrize("offers", [["CHUNKING"], ["CHUNKING", "PIPELINING"]], ids=str)
def test_a_refused_chunk_and_then_nothing(network, offers):
    net = network(offers=offers, BDAT=["250 2.0.0 Ok", b"552 5.3.4 Too big\r\n", HANG_UP], RSET=HANG_UP)
    outcome = Outcome(net.greeted().send("me@example.org", TO, BIG))
    net.flush()
    assert str(outcome.error) == "BDAT: 552 5.3.4 Too big"
