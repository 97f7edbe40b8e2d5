"""Filters change the sender and the recipients, and each recipient of the client keeps its outcome (guarantee 1)."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest
from twisted.internet.defer import Deferred, fail, succeed

from tests.middleware.scripted_filter import MESSAGE, Filtered, Script
from tests.wire.replies import codes
from txsmtpx import (
    Accept,
    AddRecipient,
    ChangeSender,
    DeleteRecipient,
    MailOptions,
    MemoryBackend,
    RcptOptions,
    RejectRecipient,
    Reply,
    SMTPError,
    first_success,
)
from txsmtpx.middleware.filtered_envelope import FilteredEnvelope
from txsmtpx.testing import RecordingBackend

NO = Reply(550, (5, 7, 1), "Not for you")
FULL = Reply(452, (4, 2, 2), "Mailbox full")


def changing(*changes, stage="end"):
    return Script(holds=True, **{stage: Accept(changes=changes)})


def outcome(said):
    return [line.replace("<b@localhost> ", "b ").replace("<c@localhost> ", "c ") for line in said]


@pytest.mark.parametrize("stage", ["connected", "hello", "mail", "data", "header", "end"])
@pytest.mark.parametrize("lmtp", [False, True])
def test_the_sender_is_changed(stage, lmtp):
    changes = [ChangeSender("new@example.org", MailOptions(size=7))]
    filtered = Filtered(backend := RecordingBackend(), changing(*changes, stage=stage), lmtp=lmtp)
    assert codes(filtered.send()) == ["250"] * (1 + lmtp)
    (message,) = backend.messages
    assert (message.sender, message.recipients) == ("new@example.org", ("b@localhost", "c@localhost"))
    mails = [each[1:] for each in backend.calls if each[0] == "mail"]
    assert mails == [("a@client.example", MailOptions()), ("new@example.org", MailOptions(size=7))]
    assert backend.methods.count("reset") == 2
    filtered.client.hang_up()


def test_the_null_sender():
    filtered = Filtered(backend := RecordingBackend(), changing(ChangeSender("")))
    filtered.send()
    assert backend.messages[0].sender == ""
    filtered.client.hang_up()


@pytest.mark.parametrize("stage", ["mail", "data", "header", "end"])
@pytest.mark.parametrize("lmtp", [False, True])
@pytest.mark.parametrize(
    ("changes", "recipients"),
    [
        ([AddRecipient("d@localhost")], ("b@localhost", "c@localhost", "d@localhost")),
        ([AddRecipient("b@LOCALHOST")], ("b@localhost", "c@localhost")),
        ([DeleteRecipient("B@localhost")], ("c@localhost",)),
        ([DeleteRecipient("none@localhost")], ("b@localhost", "c@localhost")),
        ([DeleteRecipient("b@localhost"), AddRecipient("b@localhost")], ("c@localhost", "b@localhost")),
        ([AddRecipient("d@localhost"), DeleteRecipient("d@localhost")], ("b@localhost", "c@localhost")),
    ],
)
def test_recipients_are_added_and_deleted(stage, lmtp, changes, recipients):
    filtered = Filtered(backend := RecordingBackend(), changing(*changes, stage=stage), lmtp=lmtp)
    assert codes(filtered.send()) == ["250"] * (1 + lmtp)
    assert [each.recipients for each in backend.messages] == [recipients]
    if recipients == ("b@localhost", "c@localhost"):  # nothing has changed, and nothing is asked again
        assert backend.methods.count("mail") == 1
    filtered.client.hang_up()


def test_the_parameters_of_an_added_recipient():
    filtered = Filtered(
        backend := RecordingBackend(), changing(AddRecipient("d@localhost", RcptOptions(notify={"DELAY"})))
    )
    filtered.send()
    *_, last = [each[1:] for each in backend.calls if each[0] == "rcpt"]
    assert last == ("d@localhost", RcptOptions(notify={"DELAY"}))
    filtered.client.hang_up()


@pytest.mark.parametrize("lmtp", [False, True])
def test_no_recipient_is_left(lmtp):
    changes = [DeleteRecipient("b@localhost"), DeleteRecipient("c@localhost")]
    filtered = Filtered(backend := RecordingBackend(), changing(*changes), lmtp=lmtp)
    assert codes(filtered.send()) == ["250"] * (1 + lmtp)
    assert backend.messages == []
    filtered.client.hang_up()


@pytest.mark.parametrize("stage", ["data", "header", "end"])
def test_one_recipient_is_rejected_at_the_end(stage):
    script = changing(RejectRecipient("c@localhost", NO), stage=stage)
    filtered = Filtered(backend := RecordingBackend(), script, lmtp=True)
    first, second = filtered.send()
    assert first.startswith("250 2.0.0 <b@localhost> ")
    assert second == "550 5.7.1 <c@localhost> Not for you"
    assert [each.recipients for each in backend.messages] == [("b@localhost",)]
    filtered.client.hang_up()


def test_one_recipient_is_rejected_and_the_other_one_discarded():
    """Each has the reply of its own, although nobody gets the message."""
    changes = [DeleteRecipient("b@localhost"), RejectRecipient("c@localhost", NO)]
    filtered = Filtered(backend := RecordingBackend(), changing(*changes), lmtp=True)
    assert codes(filtered.send()) == ["250", "550"]
    assert backend.messages == []
    filtered.client.hang_up()


def test_one_recipient_is_rejected_under_prdr():
    filtered = Filtered(backend := RecordingBackend(), changing(RejectRecipient("c@localhost", NO)))
    filtered.client.ask("EHLO a")
    filtered.client.ask("MAIL FROM:<a@client.example> PRDR", "RCPT TO:<b@localhost>", "RCPT TO:<c@localhost>", "DATA")
    filtered.client.send(MESSAGE + b".\r\n")
    assert codes(filtered.client.replies()) == ["353", "250", "550", "250"]
    assert [each.recipients for each in backend.messages] == [("b@localhost",)]
    filtered.client.hang_up()


@pytest.mark.parametrize(("policy", "code"), [({}, "550"), ({"outcome_policy": first_success}, "250")])
def test_smtp_has_one_reply_for_all(policy, code):
    filtered = Filtered(backend := RecordingBackend(), changing(RejectRecipient("c@localhost", NO)), **policy)
    assert codes(filtered.send()) == [code]
    assert [each.recipients for each in backend.messages] == [("b@localhost",)]
    filtered.client.hang_up()


@pytest.mark.parametrize("lmtp", [False, True])
def test_all_recipients_are_rejected(lmtp):
    changes = [RejectRecipient("b@localhost", NO), RejectRecipient("c@localhost", FULL)]
    filtered = Filtered(backend := RecordingBackend(), changing(*changes), lmtp=lmtp)
    assert codes(filtered.send()) == (["550", "452"] if lmtp else ["550"])
    assert backend.messages == []
    filtered.client.hang_up()


def test_the_backend_rejects_the_new_sender():
    backend = RecordingBackend()
    backend.outcomes["mail"] = lambda sender, options: NO if sender == "new@example.org" else None
    filtered = Filtered(backend, changing(ChangeSender("new@example.org")))
    assert filtered.send() == ["550 5.7.1 Not for you"]
    assert "data" not in backend.methods
    filtered.client.hang_up()
    assert backend.methods.count("reset") == 2


@pytest.mark.parametrize("raises", [False, True])
def test_the_backend_rejects_a_recipient_the_second_time(raises):
    backend, asked = RecordingBackend(), []

    def rcpt(recipient, options):
        asked.append(recipient)
        if asked.count("c@localhost") == 2 and recipient == "c@localhost":
            if raises:
                raise SMTPError.from_reply(FULL)
            return FULL
        return None

    backend.outcomes["rcpt"] = rcpt
    filtered = Filtered(backend, changing(AddRecipient("d@localhost")), lmtp=True)
    assert codes(filtered.send()) == ["250", "452"]
    assert [each.recipients for each in backend.messages] == [("b@localhost", "d@localhost")]
    filtered.client.hang_up()


@pytest.mark.parametrize("lmtp", [False, True])
def test_the_backend_rejects_an_added_recipient(lmtp):
    """The client does not know of it, so the others get the message."""
    backend = RecordingBackend()
    backend.outcomes["rcpt"] = lambda recipient, options: NO if recipient == "d@localhost" else None
    filtered = Filtered(backend, changing(AddRecipient("d@localhost")), lmtp=lmtp)
    assert codes(filtered.send()) == ["250"] * (1 + lmtp)
    assert [each.recipients for each in backend.messages] == [("b@localhost", "c@localhost")]
    filtered.client.hang_up()


@pytest.mark.parametrize("stage", ["rcpt", "status", "delivery"])
@pytest.mark.parametrize("lmtp", [False, True])
def test_the_message_goes_only_to_added_recipients_and_the_backend_rejects_them(stage, lmtp):
    """Otherwise it would be lost, after 250 (guarantee 12)."""

    def data(message, context):
        for index in range(len(context.recipients)):
            if stage == "status":
                context.set_status(index, FULL)
            else:
                context.start_delivery(index, fail(SMTPError.from_reply(FULL)))

    backend = RecordingBackend()
    if stage == "rcpt":
        backend.outcomes["rcpt"] = lambda recipient, options: FULL if recipient[0] in "de" else None
    else:
        backend.outcomes["data"] = data
    changes = [DeleteRecipient("b@localhost"), DeleteRecipient("c@localhost")]
    changes += [AddRecipient("d@localhost"), AddRecipient("e@localhost")]
    filtered = Filtered(backend, changing(*changes), lmtp=lmtp)
    assert codes(filtered.send()) == ["452"] * (1 + lmtp)
    filtered.client.hang_up()


@pytest.mark.parametrize("lmtp", [False, True])
def test_the_message_goes_only_to_added_recipients_and_one_of_them_gets_it(lmtp):
    def data(message, context):
        context.set_status(0, FULL)
        context.set_status(1)

    backend = RecordingBackend()
    backend.outcomes["data"] = data
    changes = [DeleteRecipient("b@localhost"), DeleteRecipient("c@localhost")]
    changes += [AddRecipient("d@localhost"), AddRecipient("e@localhost")]
    filtered = Filtered(backend, changing(*changes), lmtp=lmtp)
    assert codes(filtered.send()) == ["250"] * (1 + lmtp)
    filtered.client.hang_up()


def test_outcomes_are_those_of_the_same_recipients():
    """Positions shift behind a deleted recipient, and an added one has no reply."""

    def data(message, context):
        assert context.recipients == ("c@localhost", "d@localhost")
        context.start_delivery("c@localhost", succeed(FULL))
        context.start_delivery(1, fail(SMTPError.from_reply(NO)))

    backend = RecordingBackend()
    backend.outcomes["data"] = data
    filtered = Filtered(backend, changing(DeleteRecipient("b@localhost"), AddRecipient("d@localhost")), lmtp=True)
    assert codes(filtered.send()) == ["250", "452"]
    filtered.client.hang_up()


def test_a_status_by_address_and_by_position():
    def data(message, context):
        assert context.set_status("c@localhost", FULL)
        assert not context.set_status("c@localhost", NO)
        assert context.set_status(1, NO)
        assert context.set_status("d@localhost")

    backend = RecordingBackend()
    backend.outcomes["data"] = data
    filtered = Filtered(backend, changing(DeleteRecipient("b@localhost"), AddRecipient("d@localhost")), lmtp=True)
    assert codes(filtered.send()) == ["250", "452"]
    filtered.client.hang_up()


@pytest.mark.parametrize("end", ["delivered", "lost", "late"])
def test_a_delivery_to_an_added_recipient_is_waited_for(end):
    waiting, cancelled = Deferred(lambda _: cancelled.append(True)), []

    def data(message, context):
        context.start_delivery("b@localhost", succeed(None))
        context.start_delivery("c@localhost", succeed(None))
        context.start_delivery("d@localhost", waiting, timeout=10 if end == "late" else None)

    backend = RecordingBackend()
    backend.outcomes["data"] = data
    filtered = Filtered(backend, changing(AddRecipient("d@localhost")))
    assert filtered.send() == []
    if end == "delivered":
        waiting.callback(None)
    elif end == "late":
        filtered.client.clock.advance(10)
    if end != "lost":
        assert codes(filtered.client.replies()) == ["250"]
    filtered.client.hang_up()
    assert cancelled == ([] if end == "delivered" else [True])


def test_what_filters_see_of_the_envelope():
    seen = []

    def look(self, *args):
        seen.append((self.context.sender, tuple(self.context.recipients), len(self.context.recipient_options)))

    first = Script(holds=True, data=Accept(changes=[ChangeSender("new@example.org")]),
                   end=Accept(changes=[AddRecipient("d@localhost")]))  # fmt: skip
    second = Script(takes_filter=True, data=look, header=look, end=look)
    filtered = Filtered(MemoryBackend(), first, second)
    filtered.send()
    both, three = ("b@localhost", "c@localhost"), ("b@localhost", "c@localhost", "d@localhost")
    assert seen == [
        ("new@example.org", both, 2), ("new@example.org", three, 3), ("new@example.org", three, 3),
    ]  # fmt: skip
    filtered.client.hang_up()


@pytest.mark.parametrize("change", [DeleteRecipient, lambda address: RejectRecipient(address, NO)])
def test_a_thousand_recipients_take_no_time_if_each_is_changed(change):
    """As a policy server redirects a message (guarantee 20)."""
    addresses = [f"user{number}@localhost" for number in range(1000)]
    context = SimpleNamespace(
        sender="", options=MailOptions(), recipients=addresses, recipient_options=[RcptOptions()] * 1000
    )
    envelope = FilteredEnvelope(context, [True] * 1000)
    begin = time.process_time()
    for address in addresses:
        envelope.apply(change(address))
    assert time.process_time() - begin < 0.05
    assert envelope.places == []
