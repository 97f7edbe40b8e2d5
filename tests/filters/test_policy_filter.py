"""A filter that asks a policy server: when, what, and what becomes of each answer."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher

from tests.filters.daemon import REFUSED, Daemon
from txsmtpx import (
    Accept,
    AddRecipient,
    DeleteRecipient,
    Discard,
    MailOptions,
    Quarantine,
    RcptOptions,
)
from txsmtpx.filters.policy_filter import PolicyAnswer
from txsmtpx.filters.policy_message import PolicyError
from txsmtpx.filters.policy_server import PolicyServer
from txsmtpx.interfaces import Connection
from txsmtpx.settling import deferred_call
from txsmtpx.testing import Outcome

STAGES = ("CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "END-OF-MESSAGE")


class Asking:
    """A filter of one connection, and its server."""

    def __init__(self, *stages: str, mode: str = "", **how: Any) -> None:
        self.clock = Clock()
        self.daemon = Daemon(mode)
        given: dict[str, Any] = {"stages": stages, **how} if stages else how
        self.server = PolicyServer(self.daemon, reactor=self.clock, **given)
        self.connection = Connection("S1", "mail.example.org", lmtp=False)
        self.connection.peer = IPv4Address("TCP", "192.0.2.1", 4321)
        self.connection.extended = True
        self.filter = self.server(self.connection)
        self.context: Any = SimpleNamespace(sender="a@example.org", recipients=["b@example.net"], queue_id="Q1")

    def calls(self) -> dict[str, tuple[Any, ...]]:
        """Each stage, with the call of the filter."""
        filter = self.filter
        return {
            "CONNECT": (filter.connected, self.connection),
            "EHLO": (filter.hello, "client.example"),
            "MAIL": (filter.mail, "a@example.org", MailOptions(size=100)),
            "RCPT": (filter.recipient, "b@example.net", RcptOptions()),
            "DATA": (self.data,),
            "END-OF-MESSAGE": (filter.end, 123),
        }

    def data(self) -> Any:
        self.filter.context = self.context
        return self.filter.data(self.context)

    def call(self, stage: str) -> Outcome[Any]:
        return Outcome(deferred_call(*self.calls()[stage]))

    def asked(self) -> dict[str, str]:
        """The last request."""
        lines = self.daemon.pipes[-1].asked.decode().removesuffix("\n\n").split("\n")
        return dict(line.split("=", 1) for line in lines)  # type: ignore[misc]

    def verdict(self, stage: str, *answer: str) -> Any:
        """Of a call; the server answers if it is asked."""
        outcome = self.call(stage)
        if answer:
            assert not outcome.fired
            self.daemon.pipes[-1].say(f"action={answer[0]}\n\n".encode())
        verdict = outcome.result()
        if not isinstance(verdict, Accept):
            return verdict
        self.connection.results.add(verdict.results)  # as FilterBackend does
        return replace(verdict, results=()) if verdict.headers or verdict.changes else None


def test_by_default_it_asks_for_each_recipient() -> None:
    asking = Asking()
    for stage in ("CONNECT", "EHLO", "MAIL"):
        assert asking.verdict(stage) is None
    assert asking.verdict("RCPT", "DUNNO") is None
    found = asking.asked()
    assert (found["protocol_state"], found["sender"], found["recipient"]) == ("RCPT", "a@example.org", "b@example.net")
    assert (found["size"], found["instance"], found["client_address"]) == ("100", "S1.1", "192.0.2.1")
    for stage in ("DATA", "END-OF-MESSAGE"):
        assert asking.verdict(stage) is None
    assert asking.server.holds is False


def test_it_asks_at_every_stage() -> None:
    asking = Asking(*STAGES)
    seen = []
    for stage in STAGES:
        assert asking.verdict(stage, "OK") is None
        seen.append(asking.asked())
    assert [each["protocol_state"] for each in seen] == list(STAGES)
    assert [each["instance"] for each in seen] == ["S1.0", "S1.0", "S1.1", "S1.1", "S1.1", "S1.1"]
    assert [each["recipient"] for each in seen] == ["", "", "", *["b@example.net"] * 3]
    assert [each["recipient_count"] for each in seen] == ["0", "0", "0", "0", "1", "1"]
    assert [each["size"] for each in seen] == ["0", "0", "100", "100", "100", "123"]
    assert [each["queue_id"] for each in seen] == ["", "", "", "", "Q1", "Q1"]
    assert asking.server.holds is True
    assert len(asking.daemon.pipes) == 1  # which was kept


def test_of_several_recipients_none_is_named_at_data() -> None:
    asking = Asking("DATA")
    asking.context.recipients = ["b@example.net", "c@example.net"]
    asking.verdict("MAIL")
    asking.verdict("RCPT")
    asking.verdict("DATA", "OK")
    found = asking.asked()
    assert (found["recipient"], found["recipient_count"]) == ("", "2")


def test_each_message_has_an_instance_of_its_own() -> None:
    asking = Asking("MAIL")
    seen = []
    for _ in range(2):
        asking.verdict("MAIL", "OK")
        seen.append(asking.asked()["instance"])
        asking.filter.reset()
    assert seen == ["S1.1", "S1.2"]


def test_the_context_is_passed_on() -> None:
    asking = Asking(context="inbound")
    asking.verdict("MAIL")
    asking.verdict("RCPT", "OK")
    assert asking.asked()["policy_context"] == "inbound"


REPLIES = [
    ("CONNECT", "<unknown[192.0.2.1]>: Client host"),
    ("EHLO", "<client.example>: Helo command"),
    ("MAIL", "<a@example.org>: Sender address"),
    ("RCPT", "<b@example.net>: Recipient address"),
    ("DATA", "<DATA>: Data command"),
    ("END-OF-MESSAGE", "<END-OF-MESSAGE>: End-of-data"),
]


@pytest.mark.parametrize(("stage", "subject"), REPLIES)
@pytest.mark.parametrize(("answer", "code", "text"), [
    ("REJECT", "554 5.7.1", "Access denied"),
    ("DEFER 4.2.0 Later", "450 4.2.0", "Later"),
    ("421 Bye", "421 4.7.1", "Bye"),
])  # fmt: skip
def test_a_reply(stage: str, subject: str, answer: str, code: str, text: str) -> None:
    asking = Asking(stage)
    if stage not in ("CONNECT", "EHLO", "MAIL"):
        asking.verdict("MAIL")
    assert asking.verdict(stage, answer).one_line == f"{code} {subject} rejected: {text}"
    (result,) = asking.connection.results.all(PolicyAnswer)
    assert (result.stage, result.facts()) == (stage, {"policy": "REJECT" if code[0] == "5" else "DEFER"})


@pytest.mark.parametrize("answer", ["OK", "DUNNO", "12345", "permit", "INFO x", "WARN x"])
def test_an_answer_without_effect(answer: str) -> None:
    asking = Asking()
    asking.verdict("MAIL")
    assert asking.verdict("RCPT", answer) is None
    assert asking.verdict("DATA") is None
    assert [each.stage for each in asking.connection.results.all(PolicyAnswer)] == ["RCPT"]


ON_MESSAGES = [
    ("PREPEND X-Spam: no", Accept((("X-Spam", "no"),))),
    ("HOLD for a human", Accept(changes=(Quarantine("for a human"),))),
    ("DISCARD silently", Discard()),
    ("REDIRECT trap@example.org", Accept(changes=(DeleteRecipient("b@example.net"), AddRecipient("trap@example.org")))),
    ("BCC copy@example.org", Accept(changes=(AddRecipient("copy@example.org"),))),
]


@pytest.mark.parametrize(("answer", "verdict"), ON_MESSAGES)
@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA"])
def test_an_action_on_the_message(stage: str, answer: str, verdict: object) -> None:
    asking = Asking(stage)
    for each in ("MAIL", "RCPT"):
        assert asking.verdict(each, *[answer] * (each == stage)) is None
    assert asking.verdict("DATA", *[answer] * (stage == "DATA")) == verdict
    assert asking.verdict("END-OF-MESSAGE") is None


@pytest.mark.parametrize(("answer", "verdict"), ON_MESSAGES[1:])
def test_an_action_at_the_end_of_the_message(answer: str, verdict: object) -> None:
    asking = Asking("END-OF-MESSAGE")
    for each in ("MAIL", "RCPT", "DATA"):
        assert asking.verdict(each) is None
    assert asking.verdict("END-OF-MESSAGE", answer) == verdict


@pytest.mark.parametrize(("stage", "answers"), [
    ("CONNECT", [answer for answer, _ in ON_MESSAGES]),
    ("EHLO", [answer for answer, _ in ON_MESSAGES]),
    ("END-OF-MESSAGE", ["PREPEND X-Spam: no"]),
])  # fmt: skip
def test_an_action_that_comes_too_early_or_too_late(stage: str, answers: list[str]) -> None:
    """As in Postfix, it is logged and has no effect."""
    asking = Asking(stage)
    events: list[Any] = []
    globalLogPublisher.addObserver(events.append)
    for answer in answers:
        if stage == "END-OF-MESSAGE":
            asking.verdict("MAIL")
            asking.verdict("DATA")
        assert asking.verdict(stage, answer) is None
    globalLogPublisher.removeObserver(events.append)
    assert [each["word"] for each in events if "word" in each] == [answer.split()[0] for answer in answers]
    if stage != "END-OF-MESSAGE":
        asking.verdict("MAIL")
        assert asking.verdict("DATA") is None


def test_fields_are_in_their_order_and_of_other_actions_the_last_counts() -> None:
    asking = Asking()
    asking.verdict("MAIL")
    for answer in ("PREPEND X-A: 1", "BCC a@example.org", "PREPEND X-B: 2", "BCC b@example.org"):
        asking.verdict("RCPT", answer)
    verdict = asking.verdict("DATA")
    assert verdict == Accept((("X-A", "1"), ("X-B", "2")), (AddRecipient("b@example.org"),))


def test_an_action_is_forgotten_with_its_message() -> None:
    asking = Asking()
    asking.verdict("MAIL")
    asking.verdict("RCPT", "DISCARD")
    asking.filter.reset()
    asking.verdict("MAIL")
    asking.verdict("RCPT", "OK")
    assert asking.verdict("DATA") is None


@pytest.mark.parametrize(("stage", "subject"), REPLIES[:3])
def test_defer_if_permit_before_the_recipient(stage: str, subject: str) -> None:
    """It takes effect at RCPT, unless that is rejected."""
    asking = Asking(stage, "RCPT")
    stages = ("CONNECT", "EHLO", "MAIL")
    for each in stages:
        assert asking.verdict(each, *["DEFER_IF_PERMIT 4.2.0 Later"] * (each == stage)) is None
    for _ in range(2):
        assert asking.verdict("RCPT", "OK").one_line == f"450 4.2.0 {subject} rejected: Later"
    assert asking.verdict("RCPT", "REJECT").code == 554
    for each in stages:
        asking.verdict(each, *["OK"] * (each == stage))
    assert asking.verdict("RCPT", "OK") is None


def test_defer_if_permit_of_a_name_is_forgotten_with_the_next_name() -> None:
    asking = Asking("EHLO")
    asking.verdict("EHLO", "DEFER_IF_PERMIT Later")
    asking.verdict("EHLO", "OK")
    asking.verdict("MAIL")
    assert asking.verdict("RCPT") is None


def test_defer_if_permit_of_a_sender_is_forgotten_with_its_message() -> None:
    asking = Asking("EHLO", "MAIL")
    asking.verdict("EHLO", "OK")
    asking.verdict("MAIL", "DEFER_IF_PERMIT Later")
    assert asking.verdict("RCPT").code == 450
    asking.filter.reset()
    asking.verdict("MAIL", "OK")
    assert asking.verdict("RCPT") is None


@pytest.mark.parametrize("stage", ["RCPT", "DATA", "END-OF-MESSAGE"])
def test_defer_if_permit_from_the_recipient_on(stage: str) -> None:
    asking = Asking(stage)
    asking.verdict("MAIL")
    assert asking.verdict(stage, "DEFER_IF_PERMIT 4.2.0 Later").code == 450


def test_defer_if_reject_has_no_effect() -> None:
    asking = Asking("MAIL", "RCPT")
    assert asking.verdict("MAIL", "DEFER_IF_REJECT try later") is None
    assert asking.verdict("RCPT", "550 5.1.1 No").code == 550


# ---- failures


ANSWER = b"action=REJECT No\n\n"


@pytest.mark.parametrize("end", ["hangs up", "is silent", "goes on with nonsense", "is cancelled"])
@pytest.mark.parametrize("kept", [True, False])
def test_a_server_that_fails_at_every_octet(end: str, kept: bool) -> None:
    """The filter fails, and nothing is left; the next request is answered."""
    for cut in range(len(ANSWER)):
        asking = Asking(timeout=10)
        asking.verdict("MAIL")
        if kept:
            asking.verdict("RCPT", "OK")
        given = deferred_call(*asking.calls()["RCPT"])
        outcome = Outcome(given)
        pipe = asking.daemon.pipes[-1]
        if cut:
            pipe.say(ANSWER[:cut])
        if end == "hangs up":
            pipe.hang_up()
            if kept and not cut:
                asking.daemon.pipes[-1].hang_up()  # the second attempt
        elif end == "is silent":
            asking.clock.advance(10)
        elif end == "is cancelled":
            given.cancel()
        else:
            pipe.say(b"\0\n=\n\n\n")
        assert isinstance(outcome.error, CancelledError if end == "is cancelled" else PolicyError), cut
        assert all(each.lost for each in asking.daemon.pipes)
        assert not asking.clock.getDelayedCalls()
        assert asking.verdict("RCPT", "DUNNO") is None


@pytest.mark.parametrize("answer", ["FILTER smtp:x", "", "PREPEND X", "REDIRECT nobody", "reject_rbl_client x"])
def test_an_answer_that_cannot_be_used(answer: str) -> None:
    asking = Asking()
    asking.verdict("MAIL")
    with pytest.raises(PolicyError):
        asking.verdict("RCPT", answer)


def test_the_server_is_not_there() -> None:
    asking = Asking(mode=REFUSED)
    asking.verdict("MAIL")
    assert isinstance(asking.call("RCPT").error, PolicyError)


def test_what_a_client_sends_adds_no_attribute() -> None:
    asking = Asking("EHLO")
    outcome = Outcome(deferred_call(asking.filter.hello, "a\naction=OK\n\n"))
    octets = asking.daemon.pipes[-1].asked
    assert b"\nhelo_name=a?action=OK??\n" in octets
    assert octets.count(b"\n\n") == 1
    assert b"\naction=" not in octets
    assert not outcome.fired
