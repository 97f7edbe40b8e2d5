"""A client as a milter sees it, and what its answers become; the milter does what the test says, in memory."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.filters.milter.driven import MESSAGE, Context, Driven, connection
from tests.filters.milter.values import MODIFICATION, REPLY, VERDICT
from tests.milters import DIE, Milters
from txsmtpx.content import header
from txsmtpx.filters.milter import (
    MilterConnectionError,
    MilterError,
    MilterProtocolError,
    MilterTimeoutError,
    commands,
)
from txsmtpx.filters.milter import filter_replies as replies
from txsmtpx.filters.milter.negotiation import ALL_ACTIONS, MacroStage, Negotiation, Steps
from txsmtpx.filters.milter.packet import MAX_DATA
from txsmtpx.filters.reverse_name import ReverseName
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import Accept, Discard, change

REJECTED = Reply(550, (5, 7, 1), "Command rejected")
LATER = Reply(451, (4, 7, 1), "Service unavailable - try again later")


@pytest.mark.parametrize("one_by_one", [False, True])
def test_what_the_milter_sees(one_by_one):
    driven = Driven(one_by_one=one_by_one)
    assert driven.message() is None
    driven.end()
    assert driven.peer.told == [
        commands.Connect(b"[192.0.2.1]", b"4", 4000, b"192.0.2.1"),
        commands.Hello(b"client.example"),
        commands.Mail(b"<a@client.example>"),
        commands.Recipient(b"<b@mx.example>"),
        commands.Data(),
        commands.HeaderField(b"From", b"a@client.example"),
        commands.HeaderField(b"Subject", b"a\n\tb"),
        commands.EndOfHeader(),
        commands.Body(b"Hello\r\n"),
        commands.EndOfMessage(),
        commands.QuitNewConnection(),
        commands.Quit(),
    ]


def test_the_macros_it_sees():
    driven = Driven()
    driven.message()
    seen = driven.peer.macros
    assert set(seen) == {b"C", b"H", b"M", b"R", b"T", b"N", b"E"}
    assert seen[b"C"][b"j"] == b"mx.example"
    assert seen[b"M"][b"{mail_addr}"] == b"a@client.example"
    assert seen[b"R"] == {b"{rcpt_addr}": b"b@mx.example", b"{rcpt_host}": b"mx.example", b"{rcpt_mailer}": b"smtp"}
    assert seen[b"T"] == seen[b"N"] == seen[b"E"] == {b"i": b"1A-1"}
    driven.end()


def test_the_macros_it_chooses():
    driven = Driven(Milters(negotiation=Negotiation(macros={MacroStage.MAIL: (b"j",)}, steps=Steps(0))))
    driven.enveloped()
    assert driven.peer.macros[b"M"] == {b"j": b"mx.example"}
    driven.end()


@pytest.mark.parametrize(("peer", "command"), [
    ("192.0.2.1", commands.Connect(b"[192.0.2.1]", b"4", 4000, b"192.0.2.1")),
    ("2001:db8::1", commands.Connect(b"[2001:db8::1]", b"6", 4000, b"2001:db8::1")),
    ("", commands.Connect(b"localhost")),
])  # fmt: skip
def test_the_client_it_sees(peer, command):
    driven = Driven()
    client = connection(peer)
    driven.begin(client)
    driven.result(driven.filter.connected(client))
    assert driven.peer.told == [command]
    driven.end()


def test_the_confirmed_name_of_the_client():
    driven = Driven()
    client = connection()
    client.results.add([ReverseName("a.example", ("a.example",))])
    driven.begin(client)
    driven.result(driven.filter.connected(client))
    assert driven.peer.told == [commands.Connect(b"a.example", b"4", 4000, b"192.0.2.1")]
    driven.end()


def test_smtputf8_and_other_parameters():
    driven = Driven()
    driven.greeted()
    driven.result(driven.filter.mail("ü@b.example", MailOptions(smtputf8=True, size=5, body="8BITMIME")))
    driven.result(driven.filter.recipient("ö@d.example", RcptOptions(notify=["FAILURE"])))
    mail, recipient = driven.peer.told[2:]
    assert isinstance(mail, commands.Mail)
    assert mail.address == "<ü@b.example>".encode()
    assert set(mail.arguments) == {b"SMTPUTF8", b"SIZE=5", b"BODY=8BITMIME"}
    assert recipient == commands.Recipient("<ö@d.example>".encode(), (b"NOTIFY=FAILURE",))
    driven.end()


def test_a_second_transaction():
    driven = Driven()
    assert driven.message() is None
    driven.filter.reset()
    assert driven.result(driven.filter.mail("", MailOptions())) is None
    driven.filter.reset()
    assert driven.result(driven.filter.mail("", MailOptions())) is None
    driven.network.flush()
    assert driven.peer.told[-3:] == [commands.Mail(b"<>"), commands.Abort(), commands.Mail(b"<>")]
    driven.end()


def test_a_hello_ends_a_transaction():
    driven = Driven()
    driven.enveloped()
    assert driven.result(driven.filter.hello("b")) is None
    driven.filter.reset()
    assert driven.result(driven.filter.mail("", MailOptions())) is None
    assert driven.peer.told[4:] == [commands.Abort(), commands.Hello(b"b"), commands.Mail(b"<>")]
    driven.end()


# ---- verdicts, at every stage


STAGES = [
    commands.Connect, commands.Hello, commands.Mail, commands.Recipient, commands.Data, commands.HeaderField,
    commands.EndOfHeader, commands.Body, commands.EndOfMessage,
]  # fmt: skip

VERDICTS = [
    (replies.Continue(), None),
    (replies.AcceptAll(), Accept(final=True)),
    (replies.DiscardMessage(), Discard()),
    (replies.Reject(), REJECTED),
    (replies.TemporaryFailure(), LATER),
    (replies.Shutdown(), Reply(421, (4, 7, 0), "Service unavailable")),
    (replies.ConnectionFailure(), Reply(421, (4, 7, 0), "Service unavailable")),
    (replies.ReplyCode(b"554-5.6.0 a\r\n554 5.6.0 b"), Reply(554, (5, 6, 0), "a", "b")),
]


def until_a_verdict(driven: Driven) -> object:
    """Report a client and its message until there is a verdict; return it."""
    client, options = driven.filter.connection, MailOptions()
    for step in (
        lambda: driven.filter.connected(client),
        lambda: driven.filter.hello("client.example"),
        lambda: driven.filter.mail("a@client.example", options),
        lambda: driven.filter.recipient("b@mx.example", RcptOptions()),
        lambda: driven.filter.data(Context()),  # type: ignore[arg-type]
        lambda: driven.filter.header(header.read(MESSAGE)),
        lambda: driven.filter.chunk(MESSAGE),
        lambda: driven.filter.end(len(MESSAGE)),
    ):
        verdict = driven.result(step())
        if verdict is not None:
            return verdict
    return None


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(("said", "meaning"), VERDICTS)
@pytest.mark.parametrize("progress", [False, True])
def test_every_verdict_at_every_stage(stage, said, meaning, progress):
    driven = Driven(Milters({stage: [replies.Progress()] * progress + [said]}), one_by_one=progress)
    if stage is commands.Connect and isinstance(meaning, Reply) and meaning.code != 421:
        meaning = Reply(421 if meaning.temporary else 554, meaning.enhanced_code, *meaning.lines)
    if stage in (commands.Connect, commands.Hello) and meaning == Discard():
        meaning = None  # there is no message yet
    assert until_a_verdict(driven) == meaning
    driven.end()


def test_a_rejection_at_hello_holds_for_the_connection():
    driven = Driven(Milters({commands.Hello: [replies.Reject()]}))
    driven.result(driven.filter.connected(driven.filter.connection))
    assert driven.result(driven.filter.hello("a")) == REJECTED
    assert driven.result(driven.filter.hello("b")) == REJECTED
    assert driven.result(driven.filter.mail("", MailOptions())) == REJECTED
    assert len(driven.peer.told) == 2
    driven.end()


def test_a_recipient_of_many_is_rejected():
    def answer(command):
        return [replies.Reject() if command.address == b"<no@mx.example>" else replies.Continue()]

    driven = Driven(Milters({commands.Recipient: answer}))
    driven.enveloped()
    assert driven.result(driven.filter.recipient("no@mx.example", RcptOptions())) == REJECTED
    assert driven.result(driven.filter.recipient("c@mx.example", RcptOptions())) is None
    assert driven.content() is None
    driven.end()


def test_a_message_is_discarded_for_all_its_recipients():
    def answer(command):
        return [replies.DiscardMessage() if command.address == b"<trap@mx.example>" else replies.Continue()]

    driven = Driven(Milters({commands.Recipient: answer}))
    driven.enveloped()
    assert driven.result(driven.filter.recipient("trap@mx.example", RcptOptions())) == Discard()
    assert driven.result(driven.filter.recipient("c@mx.example", RcptOptions())) == Discard()
    assert driven.content() == Discard()
    assert sum(isinstance(each, commands.Recipient) for each in driven.peer.told) == 2
    driven.filter.reset()
    driven.network.flush()
    assert driven.peer.told[-1] == commands.Abort()
    assert driven.result(driven.filter.mail("", MailOptions())) is None
    assert driven.result(driven.filter.recipient("c@mx.example", RcptOptions())) is None
    driven.end()


def test_every_change():
    asked = [
        replies.AddHeader(b"X-A", b"1"), replies.InsertHeader(1, b"X-B", b"2"), replies.ChangeHeader(1, b"From", b""),
        replies.ChangeHeader(2, b"To", b"3"), replies.ChangeSender(b"<x@y.example>"), replies.AddRecipient(b"<c@d>"),
        replies.AddRecipientWithArguments(b"<e@f>"), replies.DeleteRecipient(b"<b@mx.example>"),
        replies.ReplaceBody(b"a"), replies.ReplaceBody(b"b"), replies.Progress(), replies.Quarantine(b"because"),
        replies.Continue(),
    ]  # fmt: skip
    driven = Driven(Milters({commands.EndOfMessage: asked}), one_by_one=True)
    assert driven.message() == Accept(changes=(
        change.AddHeader("X-A", b" 1"), change.InsertHeader(0, "X-B", b" 2"), change.DeleteHeader("From", 1),
        change.ReplaceHeader("To", b" 3", 2), change.ChangeSender("x@y.example"), change.AddRecipient("c@d"),
        change.AddRecipient("e@f", RcptOptions()), change.DeleteRecipient("b@mx.example"), change.ReplaceBody(b"ab"),
        change.Quarantine("because"),
    ))  # fmt: skip
    driven.end()


# ---- what is agreed


def test_the_leading_space():
    driven = Driven(Milters(negotiation=Negotiation(6, ALL_ACTIONS, Steps.LEADING_SPACE)))
    driven.message()
    assert driven.peer.told[5:7] == [
        commands.HeaderField(b"From", b" a@client.example"), commands.HeaderField(b"Subject", b" a\n\tb"),
    ]  # fmt: skip
    driven.end()


ALL_SILENT = (
    Steps.SILENT_CONNECT | Steps.SILENT_HELLO | Steps.SILENT_MAIL | Steps.SILENT_RECIPIENT | Steps.SILENT_DATA
    | Steps.SILENT_HEADERS | Steps.SILENT_END_OF_HEADER | Steps.SILENT_BODY
)  # fmt: skip
NOTHING = (
    Steps.NO_CONNECT | Steps.NO_HELLO | Steps.NO_MAIL | Steps.NO_RECIPIENT | Steps.NO_DATA | Steps.NO_HEADERS
    | Steps.NO_END_OF_HEADER | Steps.NO_BODY
)  # fmt: skip


def test_a_filter_that_answers_the_end_only():
    driven = Driven(Milters(negotiation=Negotiation(6, ALL_ACTIONS, ALL_SILENT)))
    assert driven.message() is None
    assert len(driven.peer.told) == 10
    driven.end()


def test_a_filter_that_wants_the_end_only():
    driven = Driven(Milters(negotiation=Negotiation(6, ALL_ACTIONS, NOTHING)))
    assert driven.message() is None
    assert driven.peer.told == [commands.EndOfMessage()]
    assert driven.peer.macros[b"M"][b"{mail_addr}"] == b"a@client.example"
    driven.end()


# ---- the body


@pytest.mark.parametrize("size", [0, 1, MAX_DATA - 1, MAX_DATA, MAX_DATA + 1, 3 * MAX_DATA])
@pytest.mark.parametrize("piece", [1000, 100_000])
def test_pieces_of_the_body(size, piece):
    driven = Driven()
    driven.enveloped()
    driven.result(driven.filter.data(Context()))  # type: ignore[arg-type]
    message = b"A: b\r\n\r\n" + b"x" * size
    driven.result(driven.filter.header(header.read(message)))
    for at in range(0, len(message), piece):
        driven.result(driven.filter.chunk(message[at : at + piece]))
    assert driven.result(driven.filter.end(len(message))) is None
    sizes = [len(each.octets) for each in driven.peer.told if isinstance(each, commands.Body)]
    assert sizes == [MAX_DATA] * (size // MAX_DATA) + [size % MAX_DATA] * bool(size % MAX_DATA)
    driven.end()


def test_a_verdict_within_the_body_ends_it():
    driven = Driven(Milters({commands.Body: [replies.Reject()]}))
    driven.enveloped()
    big = b"\r\n" + b"x" * (3 * MAX_DATA)
    assert driven.content(big) == REJECTED
    assert sum(isinstance(each, commands.Body) for each in driven.peer.told) == 1
    driven.filter.reset()
    driven.network.flush()
    assert driven.peer.told[-1] == commands.Abort()
    driven.end()


def test_skip_ends_the_body():
    driven = Driven(Milters({commands.Body: [replies.Skip()]}))
    driven.enveloped()
    assert driven.content(b"\r\n" + b"x" * (3 * MAX_DATA)) is None
    bodies = [each for each in driven.peer.told if isinstance(each, commands.Body)]
    assert len(bodies) == 1
    assert driven.peer.told[-1] == commands.EndOfMessage()
    driven.end()


def test_a_message_without_a_header_or_body():
    driven = Driven()
    driven.enveloped()
    assert driven.content(b"") is None
    assert driven.peer.told[-3:] == [commands.Data(), commands.EndOfHeader(), commands.EndOfMessage()]
    driven.end()


def test_a_slow_filter_slows_the_client():
    """Octets wait in the transport up to its bound; then the next piece waits."""
    driven = Driven(Milters(negotiation=Negotiation(6, ALL_ACTIONS, ALL_SILENT)))
    driven.enveloped()
    driven.result(driven.filter.data(Context()))  # type: ignore[arg-type]
    driven.result(driven.filter.header(header.read(b"\r\n")))
    client = driven.network.clients[-1]
    client.pauseProducing()  # type: ignore[attr-defined]
    waiting = driven.start(driven.filter.chunk(b"\r\n" + bytes(MAX_DATA)))
    assert not waiting.fired
    client.resumeProducing()  # type: ignore[attr-defined]
    assert waiting.fired
    waiting.result()
    driven.end()


# ---- time


def test_a_filter_that_hangs():
    driven = Driven(Milters({commands.Mail: []}), timeout=10)
    driven.greeted()
    waiting = driven.start(driven.filter.mail("", MailOptions()))
    driven.network.advance(9.9)
    assert not waiting.fired
    driven.network.advance(0.2)
    assert isinstance(waiting.error, MilterTimeoutError)
    with pytest.raises(MilterConnectionError):
        driven.result(driven.filter.mail("", MailOptions()))
    driven.end()


def test_progress_renews_the_time_up_to_a_limit():
    driven = Driven(Milters({commands.EndOfMessage: []}), timeout=10, longest=35)
    driven.enveloped()
    waiting = driven.start(driven.filter.end(0))
    for _ in range(3):
        driven.network.advance(9)
        driven.peer.say(replies.Progress())
        driven.network.flush()
    assert not waiting.fired
    driven.network.advance(7.9)
    assert not waiting.fired
    driven.peer.say(replies.Progress())
    driven.network.advance(0.2)
    assert isinstance(waiting.error, MilterTimeoutError)
    driven.end()


def test_half_a_packet_does_not_renew_the_time():
    driven = Driven(Milters({commands.EndOfMessage: []}), timeout=10)
    driven.enveloped()
    waiting = driven.start(driven.filter.end(0))
    driven.network.advance(9)
    driven.peer.say(b"\0\0")
    driven.network.advance(1.1)
    assert isinstance(waiting.error, MilterTimeoutError)
    driven.end()


def test_a_filter_that_does_not_read():
    driven = Driven(Milters(negotiation=Negotiation(6, ALL_ACTIONS, ALL_SILENT)), timeout=10)
    driven.enveloped()
    driven.result(driven.filter.data(Context()))  # type: ignore[arg-type]
    driven.network.clients[-1].pauseProducing()  # type: ignore[attr-defined]
    waiting = driven.start(driven.filter.chunk(bytes(MAX_DATA)))
    driven.network.advance(10.1)
    assert isinstance(waiting.error, MilterTimeoutError)
    driven.end()


# ---- failures


@pytest.mark.parametrize("stage", [Negotiation, *STAGES])
@pytest.mark.parametrize(("said", "error"), [
    ([DIE], MilterConnectionError),
    ([b"\0\0", DIE], MilterConnectionError),
    ([b"HTTP/1.1 400 Bad Request\r\n\r\n"], MilterProtocolError),
    ([b"\0\0\0\x01?"], MilterProtocolError),
    ([replies.ReplyCode(b"nonsense")], MilterProtocolError),
    ([replies.Continue(), replies.Continue()], MilterProtocolError),
    ([replies.Continue(), b"\0"], MilterProtocolError),
])  # fmt: skip
def test_a_failure_at_every_stage(stage, said, error):
    driven = Driven(Milters({stage: said}))
    with pytest.raises(error):
        until_a_verdict(driven)
    driven.end()


@given(
    st.sampled_from([Negotiation, *STAGES]),
    st.lists(st.one_of(REPLY, MODIFICATION, VERDICT, st.binary(max_size=9)), min_size=1, max_size=4),
    st.booleans(),
)
def test_anything_at_every_stage(stage, said, one_by_one):
    """It is a verdict, a wait, or an error of the milter, and never another exception; nothing is left."""
    driven = Driven(Milters({stage: said}), one_by_one=one_by_one)
    verdict = None
    with contextlib.suppress(MilterError, AssertionError):  # an AssertionError of Outcome: the milter has to say more
        verdict = until_a_verdict(driven)
    assert verdict is None or isinstance(verdict, Reply | Accept | Discard)
    driven.end()


ANSWERS = b"".join(map(replies.encode, [
    replies.Progress(), replies.AddHeader(b"X", b"y"), replies.ReplaceBody(b"z"), replies.Reject(),
]))  # fmt: skip


@pytest.mark.parametrize("cut", range(len(ANSWERS)))
def test_a_filter_that_dies_at_every_octet(cut):
    driven = Driven(Milters({commands.EndOfMessage: [ANSWERS[:cut], DIE]}))
    with pytest.raises(MilterConnectionError):
        driven.message()
    driven.end()


def test_a_client_that_leaves_while_the_filter_works():
    driven = Driven(Milters({commands.Mail: []}))
    driven.greeted()
    waiting = driven.start(driven.filter.mail("", MailOptions()))
    driven.filter.reset()
    driven.filter.close()
    driven.network.flush()
    assert isinstance(waiting.error, MilterConnectionError)
    assert driven.peer.lost
    driven.end()


def test_a_filter_that_is_not_connected_yet():
    """Without a connected() before it, such as behind another kind of server, the client is reported first."""
    driven = Driven()
    assert driven.result(driven.filter.mail("", MailOptions())) is None
    assert [type(each) for each in driven.peer.told] == [commands.Connect, commands.Mail]
    driven.end()


def test_a_rejected_connection_stays_rejected():
    driven = Driven(Milters({commands.Connect: [replies.Reject()]}))
    assert driven.result(driven.filter.mail("", MailOptions())) == REJECTED
    assert driven.result(driven.filter.mail("", MailOptions())) == REJECTED
    driven.end()
