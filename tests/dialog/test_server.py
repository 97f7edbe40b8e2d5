"""
Guarantee 1: the n-th reply answers the n-th command, whatever is pipelined and whenever the backend answers.

Each answer of the backend repeats what it was asked, so that a reply says which command it belongs to; a model of
the few states says which commands reach the backend at all.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Clock, deferLater

from tests.dialog.core import Core
from txsmtpx import Reply, SMTPError
from txsmtpx.dialog.state import SECURING
from txsmtpx.testing import Conversation, RecordingBackend
from txsmtpx.wire.back_pressure import HELD_INPUT


class SlowBackend(RecordingBackend):
    """Every method gives a Deferred, fired when the test says so."""

    def __init__(self) -> None:
        super().__init__(verify=None)
        self.waiting: list[Deferred] = []

    def asked(self, method, *arguments):
        answer = _answer(method, *arguments)
        waiting = Deferred()
        self.waiting.append(waiting)
        return waiting.addCallback(lambda _: maybeDeferred(_say, answer))

    def fire(self, index: int) -> None:
        self.waiting.pop(index % len(self.waiting)).callback(None)


def _answer(method, *arguments):
    if method in ("mail", "rcpt"):
        address = arguments[0]
        return Reply(550 if address.startswith("no") else 250, None, f"{method} {address}")
    return f"verify {arguments[0]}" if method == "verify" else None


def _say(answer):
    if isinstance(answer, Reply) and not answer.positive:
        raise SMTPError.from_reply(answer)
    return answer


def expected(commands: list[tuple[str, int]]) -> list[str]:
    """What a session says to these, one reply each, two for a message."""
    state, said = "READY", []
    for verb, n in commands:
        refused = n % 3 == 0
        address = f"{'no' if refused else 'yes'}{n}@example.com"
        if verb == "NOOP" or (verb == "RSET"):
            said.append("250 2.0.0 Ok")
            state = "READY" if verb == "RSET" else state
        elif verb == "VRFY":
            said.append(f"250 2.1.5 verify {n}")
        elif verb == "MAIL":
            if state != "READY":
                said.append("503 5.5.1 A transaction is open already, RSET ends it")
            else:
                said.append(f"{'550 5.0.0' if refused else '250 2.0.0'} mail {address}")
                state = "READY" if refused else "MAIL"
        elif state == "READY":
            said.append("503 5.5.1 MAIL comes first")
        elif verb == "RCPT":
            said.append(f"{'550 5.0.0' if refused else '250 2.0.0'} rcpt {address}")
            state = "RCPT" if state == "RCPT" or not refused else state
        elif state == "MAIL":
            said.append("503 5.5.1 No valid recipients, RCPT comes first")
        else:
            said += ["250 2.0.0 3 octets received"] if verb == "BDAT" else []
            state = "RCPT"
    return said


def line(verb: str, n: int) -> str:
    address = f"<{'no' if n % 3 == 0 else 'yes'}{n}@example.com>"
    return {"MAIL": f"MAIL FROM:{address}", "RCPT": f"RCPT TO:{address}", "VRFY": f"VRFY {n}"}.get(verb, verb)


verbs = st.sampled_from(["NOOP", "RSET", "VRFY", "MAIL", "RCPT", "RCPT"])


@given(st.lists(verbs, max_size=30), st.lists(st.integers(1, 200), max_size=10), st.data())
def test_the_nth_reply_answers_the_nth_command(chosen, cuts, data):
    commands = [(verb, n) for n, verb in enumerate(chosen)]
    octets = "".join(f"{line(*each)}\r\n" for each in commands).encode()
    backend = SlowBackend()
    conversation = Conversation(backend)
    assert conversation.ask("HELO client.example") == ["220 localhost ESMTP txsmtpx", "250 localhost"]
    said = []
    for cut in cuts:
        conversation.send(octets[:cut])
        octets = octets[cut:]
        if backend.waiting and data.draw(st.booleans()):
            backend.fire(data.draw(st.integers(0, 9)))
        said += conversation.replies()
    if octets:
        conversation.send(octets)
    while backend.waiting:
        backend.fire(data.draw(st.integers(0, 9)))
    assert said + conversation.replies() == expected(commands)
    conversation.hang_up()


@given(st.permutations(range(8)), st.integers(0, 8), st.booleans())
def test_lmtp_outcomes_in_any_order_are_said_in_rcpt_order(order, before_end, chunked):
    """Eight deliveries, every second one to the same address, done in any order, some before the end of the data."""
    deliveries = [Deferred() for _ in range(8)]
    recipients = [f"you{n % 2 * n}@example.com" for n in range(8)]

    async def data(message, context):
        for recipient, delivery in zip(context.recipients, deliveries, strict=True):
            context.start_delivery(recipient, delivery)
        await message.content()

    conversation = Conversation(RecordingBackend(data=data), lmtp=True)
    conversation.ask("LHLO client.example", "MAIL FROM:<>", *(f"RCPT TO:<{each}>" for each in recipients))
    conversation.send(b"BDAT 2\r\na\n" if chunked else b"DATA\r\na\r\n")
    conversation.replies()
    for done in order[:before_end]:
        deliveries[done].callback(f"delivery {done}")
    assert conversation.replies() == []
    conversation.send(b"BDAT 0 LAST\r\nNOOP\r\n" if chunked else b".\r\nNOOP\r\n")
    replies = [f"250 2.0.0 <{recipient}> delivery {n}" for n, recipient in enumerate(recipients)]
    known = set(order[:before_end])
    said = conversation.replies()
    for done in order[before_end:]:
        prefix = next(n for n in range(9) if n not in known)
        assert said == replies[:prefix]
        deliveries[done].callback(f"delivery {done}")
        known.add(done)
        said += conversation.replies()
    assert said == [*replies, "250 2.0.0 Ok"]
    conversation.hang_up()


def test_a_second_a_command_under_fifty_pipelined():
    """
    Answered in order, a second each; what waits is bounded, and the transport is paused past the bound (guarantee 5).
    """
    clock = Clock()
    backend = RecordingBackend(
        mail=lambda sender, options: deferLater(clock, 1, lambda: Reply(250, (2, 1, 0), f"{sender} is fine")),
        rcpt=lambda recipient, options: deferLater(clock, 1, lambda: Reply(250, (2, 1, 5), f"{recipient} too")),
    )
    conversation = Conversation(backend, clock=clock)
    conversation.ask("HELO client.example")
    recipients = [f"you{n}@example.com" for n in range(49)]
    commands = [b"MAIL FROM:<me@example.com>\r\n"]
    commands += [f"RCPT TO:<{each}>{' ' * 1900}\r\n".encode() for each in recipients]
    most = 0
    for command in commands:
        if conversation.transport.producerState == "producing":
            conversation.send(command)
            sent = command
        most = max(most, len(conversation.protocol.input))
    assert conversation.transport.producerState == "paused"
    assert HELD_INPUT < most <= HELD_INPUT + max(map(len, commands))
    unsent = commands[commands.index(sent) + 1 :]
    said = []
    for second in range(50):
        clock.advance(1)
        said += conversation.replies()
        assert len(said) == second + 1
        while unsent and conversation.transport.producerState == "producing":
            conversation.send(unsent.pop(0))
        assert len(conversation.protocol.input) <= HELD_INPUT + 2000
    assert said == ["250 2.1.0 me@example.com is fine", *(f"250 2.1.5 {each} too" for each in recipients)]
    conversation.hang_up()


def test_input_after_the_end_is_refused():
    core = Core()
    core.send(b"QUIT\r\n")
    for hand_over in (lambda: core.dialog.line_received(b"NOOP"), lambda: core.dialog.body_received(b"x")):
        with pytest.raises(RuntimeError, match=r"the dialog does not accept .* now: the link is CLOSED$"):
            hand_over()


def test_input_within_a_handshake_is_refused():
    core = Core()
    core.dialog.link = SECURING
    with pytest.raises(RuntimeError, match=r"^the dialog does not accept a line now: the link is SECURING$"):
        core.dialog.line_received(b"NOOP")


def test_octets_outside_of_a_message_are_refused():
    core = Core()
    with pytest.raises(RuntimeError, match=r"accept octets of a message now: it expects a line; call line_received$"):
        core.dialog.body_received(b"x")
