"""Who may say what when, between a server and a milter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.filters.milter.values import MODIFICATION, REPLY
from txsmtpx.filters.milter import commands
from txsmtpx.filters.milter import dialog as module
from txsmtpx.filters.milter import filter_replies as replies
from txsmtpx.filters.milter.dialog import NO_ANSWER, Answer, MilterDialog, State
from txsmtpx.filters.milter.errors import MilterProtocolError
from txsmtpx.filters.milter.negotiation import ALL_ACTIONS, Actions, MacroStage, Negotiation, Steps
from txsmtpx.filters.milter.packet import encode as packet

CONTINUE = replies.encode(replies.Continue())
CONNECT = commands.Connect(b"a")
SESSION = (CONNECT, commands.Hello(b"a"))
ENVELOPE = (*SESSION, commands.Mail(b"<a@b>"), commands.Recipient(b"<c@d>"))
MESSAGE = (*ENVELOPE, commands.Data(), commands.HeaderField(b"A", b"b"), commands.EndOfHeader(), commands.Body(b"x"))
END = commands.EndOfMessage()
ALL_COMMANDS = Steps(0)


def negotiated(
    steps: Steps = ALL_COMMANDS, actions: Actions = ALL_ACTIONS, version: int = 6, **more: object
) -> MilterDialog:
    dialog = MilterDialog()
    assert dialog.open() == commands.encode(Negotiation())
    assert dialog.waiting
    assert dialog.receive(replies.encode(Negotiation(version, actions, steps, **more))) is NO_ANSWER
    return dialog


def told(*events: commands.Command, **how: object) -> MilterDialog:
    """Return a dialog in which these commands have been sent, and answered."""
    dialog = negotiated(**how)
    for each in events:
        dialog.send(each)
        if dialog.waiting:
            assert dialog.receive(CONTINUE) == Answer(replies.Continue())
    return dialog


def test_a_session():
    dialog = told(*MESSAGE)
    assert dialog.send(END, [(b"i", b"1")]) == commands.encode(
        commands.Macros(b"E", ((b"i", b"1"),))
    ) + commands.encode(END)
    added = replies.AddHeader(b"X", b"y")
    octets = replies.encode(replies.Progress()) + replies.encode(added) + replies.encode(replies.AcceptAll())
    assert dialog.receive(octets) == Answer(replies.AcceptAll(), (added,))
    assert (dialog.state, dialog.waiting) == (State.SESSION, False)
    assert dialog.send(commands.Mail(b"<>"))


def test_an_answer_cut_at_every_position():
    added = replies.AddHeader(b"X", b"y")
    octets = replies.encode(replies.Progress()) + replies.encode(added) + CONTINUE
    for cut in range(1, len(octets)):
        dialog = told(*MESSAGE)
        dialog.send(END)
        assert dialog.receive(octets[:cut]) is None
        assert dialog.receive(octets[cut:]) == Answer(replies.Continue(), (added,))


def test_each_packet_counts_as_a_sign_of_life():
    dialog = told(CONNECT)
    before = dialog.packets
    dialog.send(commands.Hello(b"a"))
    assert dialog.receive(replies.encode(replies.Progress()) * 2 + b"\0") is None
    assert dialog.packets == before + 2


# ---- what the server may send


@pytest.mark.parametrize(("events", "command"), [
    ((), commands.Hello(b"a")),
    ((), commands.Mail(b"<>")),
    ((CONNECT,), CONNECT),
    ((CONNECT,), commands.Recipient(b"<>")),
    ((CONNECT,), commands.Abort()),
    ((CONNECT,), END),
    ((CONNECT,), commands.QuitNewConnection()),
    (ENVELOPE, commands.Hello(b"a")),
    (ENVELOPE, commands.QuitNewConnection()),
    (MESSAGE, commands.Recipient(b"<>")),
    (MESSAGE, commands.Data()),
    ((*MESSAGE, END), commands.Body(b"x")),
    ((*MESSAGE, commands.Quit()), commands.Quit()),
    ((CONNECT,), commands.Unknown(b"XYZZY")),
])  # fmt: skip
def test_what_is_not_legal(events, command):
    dialog = told(*events)
    assert not dialog.allows(type(command))
    with pytest.raises(RuntimeError, match=f"^{type(command).__name__} is not legal in the state "):
        dialog.send(command)


def test_nothing_is_legal_before_the_answer():
    dialog = told(CONNECT)
    dialog.send(commands.Hello(b"a"))
    with pytest.raises(RuntimeError, match=r"^Mail is not legal in the state SESSION, waiting=True$"):
        dialog.send(commands.Mail(b"<>"))


@pytest.mark.parametrize("events", [ENVELOPE, MESSAGE])
def test_a_transaction_can_be_abandoned(events):
    dialog = told(*events, commands.Abort())
    assert (dialog.state, dialog.waiting) == (State.SESSION, False)


@pytest.mark.parametrize(("verdict", "kept"), [
    (replies.Continue(), True), (replies.AcceptAll(), False), (replies.Reject(), False),
])  # fmt: skip
def test_another_session_follows_a_message_that_was_answered_by_continue(verdict, kept):
    """For libmilter is in its state HELO after any other answer, and ignores QUIT_NC there."""
    dialog = told(*MESSAGE)
    dialog.send(END)
    dialog.receive(replies.encode(verdict))
    assert dialog.allows(commands.QuitNewConnection) is kept
    if kept:
        assert dialog.send(commands.QuitNewConnection()) == b"\0\0\0\x01K"
        assert (dialog.state, dialog.waiting) == (State.READY, False)


# ---- steps


KINDS = [
    (CONNECT, (), Steps.NO_CONNECT, Steps.SILENT_CONNECT),
    (commands.Hello(b"a"), (CONNECT,), Steps.NO_HELLO, Steps.SILENT_HELLO),
    (commands.Mail(b"<>"), SESSION, Steps.NO_MAIL, Steps.SILENT_MAIL),
    (commands.Recipient(b"<a@b>"), ENVELOPE, Steps.NO_RECIPIENT, Steps.SILENT_RECIPIENT),
    (commands.Data(), ENVELOPE, Steps.NO_DATA, Steps.SILENT_DATA),
    (commands.HeaderField(b"A", b"b"), ENVELOPE, Steps.NO_HEADERS, Steps.SILENT_HEADERS),
    (commands.EndOfHeader(), ENVELOPE, Steps.NO_END_OF_HEADER, Steps.SILENT_END_OF_HEADER),
    (commands.Body(b"x"), ENVELOPE, Steps.NO_BODY, Steps.SILENT_BODY),
]


@pytest.mark.parametrize(("command", "events", "omitted", "silent"), KINDS)
def test_a_command_that_the_filter_does_not_want(command, events, omitted, silent):
    """Its macros are sent all the same: they may be what the filter asks for at another stage."""
    dialog = told(*events, steps=omitted)
    assert not dialog.wants(type(command))
    macros = commands.Macros(command.code, ((b"i", b"1"),))
    assert dialog.send(command, macros.values) == commands.encode(macros)
    assert not dialog.waiting


@pytest.mark.parametrize(("command", "events", "omitted", "silent"), KINDS)
def test_a_command_that_the_filter_does_not_answer(command, events, omitted, silent):
    dialog = told(*events, steps=silent)
    assert dialog.send(command) == commands.encode(command)
    assert not dialog.waiting
    with pytest.raises(MilterProtocolError, match=r"^the filter has sent Continue unasked$"):
        dialog.receive(CONTINUE)


@pytest.mark.parametrize(("version", "sent"), [(3, b""), (4, commands.encode(commands.Data()))])
def test_an_older_filter_does_not_know_data(version, sent):
    dialog = told(*ENVELOPE, version=version)
    macros = [] if version == 3 else None
    assert dialog.send(commands.Data(), macros) == sent


def test_an_older_filter_does_not_know_quit_nc():
    assert not told(version=5).has(commands.QuitNewConnection)


def test_skip_ends_the_commands_of_a_kind():
    dialog = told(*MESSAGE)
    dialog.send(commands.Body(b"y"))
    assert dialog.receive(replies.encode(replies.Skip())) == Answer(replies.Skip())
    assert not dialog.wants(commands.Body)
    assert dialog.send(commands.Body(b"z")) == b""
    assert dialog.send(END) == commands.encode(END)
    assert dialog.receive(CONTINUE)
    assert dialog.wants(commands.Body)


# ---- what the filter may send


@pytest.mark.parametrize(("octets", "text"), [
    (CONTINUE, "Continue as the answer to Negotiation"),
    (replies.encode(replies.Progress()), "Progress as the answer to Negotiation"),
    (replies.encode(Negotiation(7)), "the filter has version 7, the server 2 to 6"),
    (replies.encode(Negotiation()) * 2, "the filter has sent Negotiation unasked"),
    (replies.encode(Negotiation()) + b"\0", "the filter has sent more than the answer"),
    (b"HTTP/1.1 400 Bad Request\r\n\r\n", "a packet has 1 to 1048576 octets, not 1213486160"),
    (packet(b"?"), r"no reply has the code b'\?'"),
    (packet(b"O", b"\0\0\0\6"), "Negotiation: 4 octets are missing"),
    (b"".join(replies.encode(replies.SetMacros(n, ())) for n in range(9)),
     "the filter names macros for more stages than there are"),
])  # fmt: skip
def test_no_negotiation(octets, text):
    dialog = MilterDialog()
    dialog.open()
    with pytest.raises(MilterProtocolError, match=f"^{text}$"):
        dialog.receive(octets)


def test_macros_in_packets_of_their_own():
    dialog = MilterDialog()
    dialog.open()
    chosen = replies.encode(replies.SetMacros(MacroStage.MAIL, (b"i",)))
    dialog.receive(chosen + replies.encode(Negotiation(macros={0: (b"j",)})))
    assert dialog.agreement.macros == {MacroStage.CONNECT: (b"j",), MacroStage.MAIL: (b"i",)}


@pytest.mark.parametrize(("events", "command", "octets", "text"), [
    (SESSION, commands.Mail(b"<>"), replies.encode(replies.AddHeader(b"A", b"b")), "AddHeader as the answer to Mail"),
    (SESSION, commands.Mail(b"<>"), replies.encode(Negotiation()), "Negotiation as the answer to Mail"),
    (SESSION, commands.Mail(b"<>"), replies.encode(replies.SetMacros(0, ())), "SetMacros as the answer to Mail"),
    (SESSION, commands.Mail(b"<>"), CONTINUE * 2, "the filter has sent Continue unasked"),
    (SESSION, commands.Mail(b"<>"), CONTINUE + b"\0\0", "the filter has sent more than the answer"),
    (SESSION, None, replies.encode(replies.Shutdown()), "the filter has sent Shutdown unasked"),
    (MESSAGE, END, packet(b"h", b"A"), "reply b'h': a string has no NUL at its end"),
])  # fmt: skip
def test_what_the_filter_may_not_send(events, command, octets, text):
    dialog = told(*events)
    if command is not None:
        dialog.send(command)
    with pytest.raises(MilterProtocolError, match=f"^{text}$"):
        dialog.receive(octets)


@given(MODIFICATION)
def test_a_modification_needs_its_action(change):
    needed = module._ACTIONS[type(change)]
    dialog = told(*MESSAGE, actions=needed)
    dialog.send(END)
    assert dialog.receive(replies.encode(change) + CONTINUE) == Answer(replies.Continue(), (change,))
    dialog = told(*MESSAGE, actions=Actions(int(ALL_ACTIONS) & ~int(needed)))
    dialog.send(END)
    with pytest.raises(MilterProtocolError, match=r"without the action that the filter would have to negotiate$"):
        dialog.receive(replies.encode(change))


@pytest.mark.parametrize(("name", "change"), [
    ("MAX_MODIFICATIONS", replies.AddHeader(b"A", b"b")), ("MAX_MODIFIED", replies.ReplaceBody(bytes(900))),
])  # fmt: skip
def test_modifications_have_a_bound(monkeypatch, name, change):
    monkeypatch.setattr(module, name, {"MAX_MODIFICATIONS": 3, "MAX_MODIFIED": 3000}[name])
    dialog = told(*MESSAGE)
    dialog.send(END)
    assert dialog.receive(replies.encode(change) * 3) is None
    with pytest.raises(MilterProtocolError, match=r"modifies one message more than a server can hold$"):
        dialog.receive(replies.encode(change))


def test_many_pieces_of_a_body_are_one_modification(monkeypatch):
    monkeypatch.setattr(module, "MAX_MODIFICATIONS", 3)
    dialog = told(*MESSAGE)
    dialog.send(END)
    answer = dialog.receive(replies.encode(replies.ReplaceBody(b"x")) * 10 + CONTINUE)
    assert answer is not None
    assert len(answer.modifications) == 10


@given(st.sampled_from([(), SESSION, ENVELOPE, MESSAGE]), st.lists(st.one_of(REPLY, st.binary(max_size=9))))
def test_any_replies(events, said):
    """They are an answer, no answer, or a protocol error, and never another exception."""
    dialog = told(*events) if events else MilterDialog()
    octets = b"".join(each if isinstance(each, bytes) else replies.encode(each) for each in said)
    if events == MESSAGE:
        dialog.send(END)
    elif not events:
        dialog.open()
    try:
        answer = dialog.receive(octets)
    except MilterProtocolError:
        return
    assert dialog.waiting is (answer is None and events in ((), MESSAGE))
