"""The scripted server says what it was told, or what the addresses ask for, and has heard what it was sent."""

from __future__ import annotations

import pytest
from twisted.internet.ssl import PrivateCertificate
from twisted.internet.task import Clock

from txsmtpx.testing import HANG_UP, SILENCE, Link, ScriptedServer


@pytest.mark.parametrize(
    ("script", "asked", "said"),
    [
        ({}, ["NOOP"], ["250 2.0.0 Ok"]),
        ({"NOOP": "250-2.0.0 a\n250 2.0.0 b"}, ["noop"], ["250-2.0.0 a", "250 2.0.0 b"]),
        ({"NOOP": [SILENCE, None, b"2", b"50"]}, ["NOOP"] * 3, ["250 2.0.0 Ok", "2"]),
        ({"VRFY": lambda argument: f"252 2.5.0 {argument}?"}, ["VRFY me"], ["252 2.5.0 me?"]),
        ({"offers": ["SIZE 10", "STARTTLS"]}, ["EHLO a"], ["250-scripted.example", "250-SIZE 10", "250 STARTTLS"]),
        ({"close_after_sent": 28}, ["NOOP"], ["250 2."]),
        ({}, ["BDAT 0 LAST"], ["503 5.5.1 For whom"]),
        ({"BDAT": ["554 5.5.1 No"]}, ["BDAT 0 LAST", "BDAT 0 LAST"], ["554 5.5.1 No", "503 5.5.1 For whom"]),
        ({"BDAT": lambda argument: "554 5.5.1 No"}, ["BDAT 0"], ["554 5.5.1 No"]),
    ],
)
def test_what_the_script_says(script, asked, said):
    link = Link(ScriptedServer(**script), Clock())
    assert link.replies() == ["220 scripted.example"]
    assert link.ask(*asked) == said
    link.hang_up()


def test_what_the_script_has_heard():
    server = ScriptedServer(lmtp=True, END=["250 2.0.0 One", "452 4.2.2 Two"])
    link = Link(server, Clock())
    link.replies()
    link.ask("LHLO a", "MAIL FROM:<a@b>", "RCPT TO:<c@d>", "RCPT TO:<e@f>", "DATA")
    assert link.ask("Subject: x", "", "..dot", ".") == ["250 2.0.0 One", "452 4.2.2 Two"]
    assert server.messages == [b"Subject: x\r\n\r\n.dot\r\n"]
    assert server.raw.endswith(b"\r\n.\r\n")
    link.ask("MAIL FROM:<a@b>", "RCPT TO:<c@d>")
    link.send(b"BDAT 2\r\nxyBDAT 1 LAST\r\n")
    link.send(b"z")
    assert (server.messages[1:], server.chunks) == ([b"xyz"], [b"xy", b"z"])
    link.hang_up()
    assert link.over


ENVELOPE = ["MAIL FROM:<a@b>", "RCPT TO:<c@d>"]


def begun(**script):
    server = ScriptedServer(**script)
    link = Link(server, Clock())
    link.replies()
    return server, link


def test_octets_and_verbs_are_counted():
    server, link = begun()
    link.ask("noop x", "Rset")
    assert (server.lines, server.verbs) == (["noop x", "Rset"], ["NOOP", "RSET"])
    assert server.octets_received == len("noop x\r\nRset\r\n")
    assert server.octets_sent == len("220 scripted.example\r\n") + 2 * len("250 2.0.0 Ok\r\n")


def test_octets_that_are_no_text():
    server, link = begun()
    link.send(b"NOOP \xff\r\n")
    assert server.lines == ["NOOP \\xff"]


@pytest.mark.parametrize("octets", [0, 3, 13])
def test_it_closes_after_what_it_received(octets):
    """What comes after that is not received."""
    server, link = begun(close_after_received=octets)
    link.send(b"NOOP 1\r\nNOOP 2\r\nNOOP 3\r\n")
    assert link.over
    assert server.lost
    assert server.octets_received == octets
    assert server.lines == (["NOOP 1"] if octets > 8 else [])


@pytest.mark.parametrize("verb", ["GREETING", "NOOP", "END", "DATA"])
def test_it_hangs_up(verb):
    server, link = begun(**{verb: HANG_UP})
    link.ask("NOOP", *ENVELOPE, "DATA", "Hi", ".")
    assert link.over
    assert server.lost


def test_quit_ends_the_connection_unless_it_is_refused():
    _, link = begun(QUIT=["500 5.5.1 Stay", None])
    assert link.ask("QUIT") == ["500 5.5.1 Stay"]
    assert not link.over
    assert link.ask("QUIT") == ["221 2.0.0 Bye"]
    assert link.over


def test_one_message_one_reply_by_smtp():
    server, link = begun()
    assert link.ask(*ENVELOPE, "RCPT TO:<e@f>", "DATA", ".")[-2:] == ["354 Go on", "250 2.0.0 Taken"]
    assert server.messages == [b""]


def test_no_message_after_a_refused_data():
    server, link = begun(DATA="503 5.5.1 No")
    assert link.ask("DATA", "NOOP") == ["503 5.5.1 No", "250 2.0.0 Ok"]
    assert server.messages == []


@pytest.mark.parametrize("again", ["RSET", "MAIL FROM:<a@b>", "EHLO a"])
def test_a_new_transaction_has_no_recipients(again):
    server, link = begun()
    link.ask(*ENVELOPE)
    link.ask(again)
    link.send(b"BDAT 1 LAST\r\nx")
    assert link.replies() == ["503 5.5.1 For whom"]
    assert server.messages == []


def test_a_rejected_recipient_has_no_reply_of_its_own():
    _, link = begun(lmtp=True, RCPT=["250 2.1.5 Ok", "550 5.1.1 No"])
    assert link.ask(*ENVELOPE, "RCPT TO:<e@f>", "DATA", ".")[3:] == ["354 Go on", "250 2.0.0 Taken"]


def test_the_reply_to_bdat_may_come_early():
    server, link = begun(early_bdat_reply=True)
    link.ask(*ENVELOPE)
    assert link.ask("BDAT 2 LAST") == ["250 2.0.0 Taken"]
    assert server.messages == []
    link.send(b"xy")
    assert (server.messages, link.replies()) == ([b"xy"], [])


def test_an_exchange_of_several_lines():
    """A generator receives the lines of the client as long as it returns 334."""
    seen = []

    def exchange(argument):
        seen.append(argument)
        seen.append((yield "334 VXNlcg=="))
        seen.append((yield "334 UGFzcw=="))
        yield "235 2.7.0 Welcome"

    server, link = begun(AUTH=exchange)
    assert link.ask("AUTH LOGIN", "bWU=", "c2VjcmV0", "NOOP") == [
        "334 VXNlcg==",
        "334 UGFzcw==",
        "235 2.7.0 Welcome",
        "250 2.0.0 Ok",
    ]
    assert seen == ["LOGIN", "bWU=", "c2VjcmV0"]
    assert server.verbs == ["AUTH", "BWU=", "C2VJCMV0", "NOOP"]


def test_verbs_that_are_no_keyword():
    _, link = begun(replies={"X-FOO": "250 2.0.0 foo"})
    assert link.ask("x-foo") == ["250 2.0.0 foo"]


def test_a_reply_to_no_command():
    server, link = begun()
    server.send_reply("421 4.3.2 Bye")
    assert link.replies() == ["421 4.3.2 Bye"]
    server.send_reply(HANG_UP)
    assert link.over


def test_starttls(pem):
    """After it, STARTTLS is offered no more."""
    options = PrivateCertificate.loadPEM(pem.both.read_bytes()).options()
    server, link = begun(offers=["SIZE", "STARTTLS"], tls=options)
    assert link.ask("STARTTLS") == ["220 2.0.0 Ready"]
    link.start_tls(pem.client_options())
    assert link.ask("EHLO a") == ["250-scripted.example", "250 SIZE"]
    assert server.tls
    link.hang_up()


def test_without_options_it_does_not_hear_what_follows_starttls():
    server, link = begun()
    assert link.ask("STARTTLS") == ["220 2.0.0 Ready"]
    assert link.ask("NOOP") == []
    assert (server.tls, server.verbs) == (False, ["STARTTLS"])


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ({"RPCT": "550 No"}, "no argument RPCT; did you mean RCPT"),
        ({"RCPT": 550}, "RCPT must be a reply, a function or a list of these, not 550"),
        ({"RCPT": ["250 Ok", 550]}, "RCPT must be a reply"),
        ({"GREETING": 220}, "GREETING must be"),
        ({"END": 250}, "END must be"),
        ({"replies": {"X-FOO": 1.5}}, "replies must be"),
    ],
)
def test_what_is_no_reply(script, error):
    with pytest.raises(TypeError, match=error):
        ScriptedServer(**script)


REJECTED = "Rejected, as the address asks for"


class Client(Link):
    """A client of the server, which has sent its hello."""

    def __init__(self, **script) -> None:
        self.clock = Clock()
        super().__init__(ScriptedServer(**script), self.clock)
        self.ask("LHLO me" if script.get("lmtp") else "EHLO me")

    def codes(self, *lines: str) -> list[str]:
        return [line.partition(" R")[0] for line in self.ask(*lines)]


def test_at_mail_and_rcpt():
    client = Client()
    assert client.ask("MAIL FROM:<reject-553-5.1.8@x>", "MAIL FROM:<me@x> SIZE=5", "rcpt to: <defer@x>") == [
        f"553 5.1.8 {REJECTED}",
        "250 2.1.0 Sender ok",
        "451 4.7.1 Deferred, try again later",
    ]
    assert client.ask("RCPT TO:<@a,@b:reject-550@x>") == [f"550 5.0.0 {REJECTED}"]
    assert client.ask("DATA", "Hi", ".")[-1][:3] == "250"
    client.hang_up()


def test_prepared_replies_come_first():
    client = Client(RCPT=["250 2.1.5 Prepared"])
    client.ask("MAIL FROM:<me@x>")
    assert client.codes(*["RCPT TO:<reject-550@x>"] * 2) == ["250 2.1.5 Prepared", "550 5.0.0"]
    client.hang_up()


def test_delays_keep_the_order():
    client = Client()
    assert client.ask("MAIL FROM:<me@x>") == ["250 2.1.0 Sender ok"]
    assert client.ask("RCPT TO:<slow-3s@x>", "RCPT TO:<slow-2s@x>", "RCPT TO:<you@x>", "QUIT") == []
    client.clock.advance(3)
    assert client.replies() == ["250 2.1.5 Recipient ok"]
    client.clock.advance(2)
    assert [line[:3] for line in client.replies()] == ["250", "250", "221"]
    assert client.over


def test_a_delay_ends_with_the_connection():
    client = Client()
    client.ask("MAIL FROM:<slow-3s@x>")
    client.hang_up()
    assert client.clock.getDelayedCalls() == []


@pytest.mark.parametrize("address", ["drop@x", "reject-421-4.3.2@x"])
def test_the_connection_is_closed(address):
    client = Client()
    replies = client.codes("MAIL FROM:<me@x>", f"RCPT TO:<{address}>", "RCPT TO:<you@x>")
    assert replies[1:2] == ([] if address == "drop@x" else ["421 4.3.2"])
    assert client.over


MESSAGE = ("DATA", "Hi", ".")


def test_the_end_of_a_message_by_smtp():
    client = Client()
    client.ask("MAIL FROM:<me@x>", "RCPT TO:<you@x>", "RCPT TO:<data-452-4.2.2@x>", "RCPT TO:<data-550@x>")
    assert client.codes(*MESSAGE)[1:] == ["452 4.2.2"]
    client.ask("MAIL FROM:<data-554@x>", "RCPT TO:<you@x>")
    assert client.codes(*MESSAGE)[1:] == ["554 5.0.0"]
    client.ask("MAIL FROM:<me@x>", "RCPT TO:<data-slow-3s@x>", "RCPT TO:<data-550@x>")
    assert client.codes(*MESSAGE)[1:] == ["550 5.0.0"]
    client.ask("MAIL FROM:<me@x>", "RCPT TO:<you@x>", "RCPT TO:<data-slow-3s@x>")
    assert client.codes(*MESSAGE)[1:] == []
    client.clock.advance(3)
    assert client.replies() == ["250 2.0.0 Taken"]
    client.hang_up()


def test_the_end_of_a_message_by_lmtp():
    client = Client(lmtp=True)
    client.ask("MAIL FROM:<me@x>", "RCPT TO:<you@x>", "RCPT TO:<data-452-4.2.2@x>", "RCPT TO:<data-550@x>")
    assert client.codes(*MESSAGE)[1:] == ["250 2.0.0 Taken", "452 4.2.2", "550 5.0.0"]
    client.hang_up()
