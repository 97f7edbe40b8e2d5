"""
Guarantee 25: no octet of a message leaves before a recipient has been accepted, and none after the server has said no;
a server that runs the octets of a chunk it has refused as commands has none to run.
"""

from __future__ import annotations

import re

import pytest
from twisted.internet.protocol import Protocol

from txsmtpx import ProtocolError, RecipientsRefused, SMTPError
from txsmtpx.dialog.transfer import CHUNK
from txsmtpx.testing import HANG_UP, SILENCE, Network, Outcome

BOTH = ["PIPELINING", "CHUNKING"]
TO = ["one@example.net", "two@example.net"]
FORGED = b"MAIL FROM:<forged@example.org>\r\nRCPT TO:<victim@example.net>\r\nBDAT 6 LAST\r\nforged"
BODY = b"Subject: x\r\n\r\n" + FORGED + b"\r\n"
BIG = (b"x" * 70 + b"\r\n") * 30_000 + FORGED + b"\r\n"  # 2.1 MB
BODIES = {"small": BODY, "64 KB": BODY * 500, "big": BIG, "an iterator": None}


class Careless(Protocol):
    """
    A server that answers 502 to a BDAT it does not expect, and takes its octets for commands, as go-smtp does.

    Attributes:
        lines: What it took for commands.
        messages: (sender, message).
    """

    def __init__(self, offers=BOTH, refuse=(), most=None):
        """
        Args:
            refuse: Senders and recipients that it does not take.
            most: Octets of a message.
        """
        self.lines, self.messages = [], []
        self._offers, self._refuse, self._most = offers, refuse, most
        self._buffer = b""
        self._forget()

    def _forget(self):
        self._sender, self._recipients, self._message, self._chunk, self._last = None, [], b"", None, False

    def connectionMade(self):
        self._say("220 careless.example")

    def connectionLost(self, reason=None):
        self.lost = True

    def _say(self, line):
        self.transport.write(f"{line}\r\n".encode())

    def dataReceived(self, data):
        self._buffer += data
        while self._take_chunk() if self._chunk is not None else self._take_line():
            pass

    def _take_line(self):
        line, end, self._buffer = self._buffer.partition(b"\r\n")
        if not end:
            self._buffer = line
            return False
        self.lines.append(line.decode())
        verb, _, argument = line.decode().partition(" ")
        getattr(self, f"_{verb.lower()}", self._unknown)(argument)
        return True

    def _take_chunk(self):
        if len(self._buffer) < self._chunk:
            return False
        self._message += self._buffer[: self._chunk]
        self._buffer, self._chunk = self._buffer[self._chunk :], None
        if self._most is not None and len(self._message) > self._most:
            self._say("552 5.3.4 Too big")  # and nothing is left of the transaction
            self._forget()
        elif self._last:
            self.messages.append((self._sender, self._message))
            self._say("250 2.0.0 Taken")
            self._forget()
        else:
            self._say("250 2.0.0 Go on")
        return True

    def _unknown(self, argument):
        self._say("500 5.5.2 What?")

    def _ehlo(self, argument):
        for each in ["careless", *self._offers]:
            self._say(f"250-{each}")
        self._say("250 HELP")

    def _mail(self, argument):
        refused = any(each in argument for each in self._refuse)
        if not refused:
            self._sender = re.search("<(.*)>", argument)[1]
        self._say("550 5.1.0 Not you" if refused else "250 2.1.0 Ok")

    def _rcpt(self, argument):
        refused = self._sender is None or any(each in argument for each in self._refuse)
        if not refused:
            self._recipients.append(argument)
        self._say("550 5.1.1 Nobody" if refused else "250 2.1.5 Ok")

    def _bdat(self, argument):
        if not self._recipients:
            self._say("502 5.5.1 Missing RCPT TO command.")
            return
        words = argument.split()
        self._chunk, self._last = int(words[0]), len(words) > 1

    def _rset(self, argument):
        self._forget()
        self._say("250 2.0.0 Ok")

    def _quit(self, argument):
        self._say("221 2.0.0 Bye")
        self.transport.loseConnection()


def body_of(kind):
    return (BIG[at : at + 1000] for at in range(0, len(BIG), 1000)) if kind == "an iterator" else BODIES[kind]


def to_careless(**how):
    net = Network(Careless(**how))
    return net, net.greeted()


@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("refuse", [["one", "two"], ["me@"]], ids=["recipients", "sender"])
@pytest.mark.parametrize("offers", [["CHUNKING"], BOTH], ids=str)
def test_what_nobody_is_to_get_is_not_sent(kind, refuse, offers):
    net, client = to_careless(offers=offers, refuse=refuse)
    outcome = Outcome(client.send("me@example.org", TO, body_of(kind)))
    net.flush()
    assert isinstance(outcome.error, SMTPError if refuse == ["me@"] else RecipientsRefused)
    (server,) = net.servers
    assert server.messages == []
    assert not [line for line in server.lines if line.startswith("BDAT") or "forged" in line]
    net.result(client.quit())


@pytest.mark.parametrize("kind", ["big", "an iterator"])
@pytest.mark.parametrize("offers", [["CHUNKING"], BOTH], ids=str)
@pytest.mark.parametrize("most", [1000, CHUNK + 1, CHUNK * 2 + 1])
def test_after_a_refused_chunk_none_follows(kind, offers, most):
    net, client = to_careless(offers=offers, most=most)
    with pytest.raises(SMTPError, match=r"BDAT: 552 5\.3\.4 Too big"):
        net.result(client.send("me@example.org", TO, body_of(kind)))
    (server,) = net.servers
    assert server.messages == []
    assert not [line for line in server.lines if "forged" in line]
    assert server.lines.count("500 5.5.2 What?") == 0
    net.result(client.quit())
    count = sum(line.startswith("BDAT") for line in server.lines)
    assert 1 <= count <= 1 + most // CHUNK
    assert [line.split()[0] for line in server.lines] == ["EHLO", "MAIL", "RCPT", "RCPT", *["BDAT"] * count, "QUIT"]


@pytest.mark.parametrize("offers", [[], ["PIPELINING"], ["CHUNKING"], BOTH], ids=str)
def test_nothing_leaves_before_the_answer_to_rcpt(network, offers):
    net = network(offers=offers, MAIL=SILENCE, RCPT=SILENCE, DATA=SILENCE)
    Outcome(net.greeted().send("me@example.org", TO, BODY))
    (server,) = net.servers
    for said in ("250 2.1.0 Ok", "550 5.1.1 No"):
        net.flush()
        assert "BDAT" not in server.verbs
        assert server.chunks == []
        server.send_reply(said)
    net.flush()
    server.send_reply("250 2.1.5 Ok")
    server._accepted = ["one@example.net"]
    net.flush()
    assert server.verbs[-1] == ("BDAT" if "CHUNKING" in offers else "DATA")


@pytest.mark.parametrize("lmtp", [False, True])
def test_no_empty_message_of_a_sender_that_was_refused(network, lmtp):
    """RCPT and DATA were accepted all the same: the lone dot would deliver an empty message."""
    net = network(offers=["PIPELINING"], lmtp=lmtp, MAIL="550 5.1.0 Not you")
    client = net.greeted(lmtp=lmtp)
    with pytest.raises(SMTPError, match=r"^MAIL: 550 5\.1\.0 Not you$"):
        net.result(client.send("me@example.org", TO, BODY))
    assert net.servers[0].messages == []
    assert net.servers[0].lost
    error = Outcome(client.noop()).error
    assert isinstance(error, ProtocolError)
    assert (str(error), error.command) == ("the server accepted DATA after it had refused MAIL", "DATA")


def test_the_lone_dot_is_not_waited_for(network):
    """RFC 2920 §3.1; the refusal is told at once, whatever becomes of the dot."""
    net = network(offers=["PIPELINING"], RCPT="550 5.1.1 No", END=SILENCE)
    client = net.greeted()
    with pytest.raises(RecipientsRefused):
        net.result(client.send("me@example.org", TO, BODY))
    assert net.servers[0].raw == b".\r\n"
    net.servers[0].send_reply("554 5.5.1 No valid recipients")
    assert net.result(client.noop()).code == 250


# ---- by hand


def begun(network, **script):
    net = network(offers=["CHUNKING"], **script)
    client = net.greeted()
    net.result(client.mail("me@example.org"))
    return net, client


@pytest.mark.parametrize("last", [False, True])
def test_by_hand_a_chunk_needs_a_recipient(network, last):
    net, client = begun(network, RCPT="550 5.1.1 No")
    with pytest.raises(SMTPError):
        net.result(client.rcpt("you@example.net"))
    for sending in (lambda: client.bdat(BODY, last), lambda: client.transmit(BODY)):
        with pytest.raises(ValueError, match="before a recipient has been accepted"):
            net.result(sending())
    assert net.servers[0].verbs == ["EHLO", "MAIL", "RCPT"]


def test_by_hand_data_needs_a_recipient(network):
    net, client = begun(network)
    with pytest.raises(ValueError, match="before a recipient has been accepted"):
        net.result(client.data(BODY))
    assert net.servers[0].messages == [b""]  # which is for nobody: RFC 2920 §3.1
    assert net.result(client.noop()).code == 250


@pytest.mark.parametrize("end", ["reset", "mail", "hello", "bdat"])
def test_by_hand_a_recipient_is_one_of_this_transaction(network, end):
    net, client = begun(network)
    net.result(client.rcpt("you@example.net"))
    ends = {"mail": lambda: client.mail(""), "bdat": lambda: client.bdat(b"x\r\n", True)}
    net.result(ends.get(end, getattr(client, end))())
    with pytest.raises(ValueError, match="before a recipient has been accepted"):
        net.result(client.bdat(BODY, True))


def test_by_hand_no_chunk_follows_a_refused_one(network):
    net, client = begun(network, BDAT=[None, "552 5.3.4 Full"])
    net.result(client.rcpt("you@example.net"))
    codes = [net.result(client.bdat(b"x\r\n"))[0].code for _ in range(2)]
    assert codes == [250, 552]
    with pytest.raises(ValueError, match="before a recipient has been accepted"):
        net.result(client.bdat(BODY, True))
    assert net.servers[0].verbs.count("BDAT") == 2


def test_a_chunk_that_is_not_the_last_has_one_answer_in_lmtp_too(network):
    net = network(offers=["CHUNKING"], lmtp=True)
    client = net.greeted(lmtp=True)
    net.result(client.mail(""))
    net.result(client.rcpt("one@example.net"))
    net.result(client.rcpt("two@example.net"))
    assert [reply.code for reply in net.result(client.bdat(b"a\r\n", accepted=2))] == [250]
    assert [reply.code for reply in net.result(client.bdat(b"b\r\n", last=True, accepted=2))] == [250, 250]
    assert net.servers[0].messages == [b"a\r\nb\r\n"]
    assert net.result(client.noop()).code == 250


def test_lost_while_a_chunk_is_under_way(network):
    net = network(offers=BOTH, BDAT=HANG_UP)
    outcome = Outcome(net.greeted().send("me@example.org", TO, BIG))
    net.flush()
    assert "BDAT: Connection was closed cleanly" in str(outcome.error)
    assert net.servers[0].verbs.count("BDAT") == 1
