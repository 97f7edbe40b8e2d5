"""The actions of access(5), and the replies that they become."""

from __future__ import annotations

import pytest

from txsmtpx.filters.access_action import Action, parse
from txsmtpx.filters.policy_message import PolicyError


@pytest.mark.parametrize(("answer", "action"), [
    ("OK", Action("OK")),
    ("permit", Action("OK")),
    ("1700000000", Action("OK")),
    ("DUNNO", Action("DUNNO")),
    (" dunno\r", Action("DUNNO")),
    ("dunno  what  ", Action("DUNNO", "what")),
    ("REJECT", Action("REJECT", "", 554)),
    ("reject 5.7.1 No", Action("REJECT", "5.7.1 No", 554)),
    ("DEFER Later", Action("DEFER", "Later", 450)),
    ("DEFER_IF_PERMIT Greylisted", Action("DEFER_IF_PERMIT", "Greylisted", 450)),
    ("DEFER_IF_REJECT Later", Action("DEFER_IF_REJECT", "Later", 450)),
    ("450 4.2.0 Later", Action("DEFER", "4.2.0 Later", 450)),
    ("421 Bye", Action("DEFER", "Bye", 421)),
    ("550 No", Action("REJECT", "No", 550)),
    ("521 ", Action("OK")),
    ("PREPEND X-Spam: yes: very", Action("PREPEND", "X-Spam: yes: very")),
    ("HOLD for a human", Action("HOLD", "for a human")),
    ("DISCARD", Action("DISCARD")),
    ("WARN strange", Action("WARN", "strange")),
    ("INFO seen", Action("INFO", "seen")),
    ("REDIRECT trap@example.org", Action("REDIRECT", "trap@example.org")),
    ("BCC copy@example.org", Action("BCC", "copy@example.org")),
])  # fmt: skip
def test_an_action(answer: str, action: Action) -> None:
    assert parse(answer) == action


@pytest.mark.parametrize("answer", [
    "", " ", "FILTER smtp:[127.0.0.1]:10025", "reject_unauth_destination", "warn_if_reject", "250 OK", "45x", "600 No",
    "OKAY", "\u0661", "D\u0131SCARD",
])  # fmt: skip
def test_an_action_that_is_not_supported(answer: str) -> None:
    with pytest.raises(PolicyError, match="an action that is not supported"):
        parse(answer)


@pytest.mark.parametrize("answer", [
    "PREPEND", "PREPEND X-Spam", "PREPEND : x", "PREPEND X Spam: x", "PREPEND X-\u00fc: x", "PREPEND X: a\x00b",
    "PREPEND X: a\rb", "REDIRECT", "REDIRECT trap", "REDIRECT a@b c@d", "REDIRECT <a@b.example>", "BCC", "BCC a@",
])  # fmt: skip
def test_an_argument_that_cannot_be_used(answer: str) -> None:
    with pytest.raises(PolicyError, match=r"^the policy server answers '"):
        parse(answer)


def test_of_a_long_answer_the_beginning_is_shown() -> None:
    with pytest.raises(PolicyError) as error:
        parse("x" * 10_000)
    assert len(str(error.value)) < 200


def test_the_field_of_prepend() -> None:
    assert parse("PREPEND  X-Spam:yes: very").added_field == ("X-Spam", "yes: very")


@pytest.mark.parametrize(("answer", "reply"), [
    ("REJECT", "554 5.7.1 <b@example.org>: Recipient address rejected: Access denied"),
    ("REJECT No", "554 5.7.1 <b@example.org>: Recipient address rejected: No"),
    ("REJECT 5.7.23 SPF", "554 5.7.23 <b@example.org>: Recipient address rejected: SPF"),
    ("REJECT 5.7.23", "554 5.7.23 <b@example.org>: Recipient address rejected: Access denied"),
    ("REJECT 4.7.23 SPF", "554 5.7.23 <b@example.org>: Recipient address rejected: SPF"),
    ("450 5.7.23 SPF", "450 4.7.23 <b@example.org>: Recipient address rejected: SPF"),
    ("REJECT 5.7.1234 SPF", "554 5.7.1 <b@example.org>: Recipient address rejected: 5.7.1234 SPF"),
    ("550 No", "550 5.7.1 <b@example.org>: Recipient address rejected: No"),
    ("DEFER", "450 4.7.1 <b@example.org>: Recipient address rejected: Access denied"),
    ("421 4.3.2 Bye", "421 4.3.2 <b@example.org>: Recipient address rejected: Bye"),
    ("DEFER_IF_PERMIT", "450 4.7.1 <b@example.org>: Recipient address rejected: Service unavailable"),
    ("DEFER_IF_PERMIT 4.2.0 Greylisted", "450 4.2.0 <b@example.org>: Recipient address rejected: Greylisted"),
    ("REJECT a\x07b", "554 5.7.1 <b@example.org>: Recipient address rejected: a?b"),
])  # fmt: skip
def test_a_reply(answer: str, reply: str) -> None:
    assert parse(answer).reply("b@example.org", "Recipient address").one_line == reply


@pytest.mark.parametrize(("kind", "enhanced"), [
    ("Recipient address", ["5.1.0", "5.1.1", "5.1.2", "5.1.5", "5.1.3", "5.1.2", "5.1.0", "5.3.9"]),
    ("Sender address", ["5.1.0", "5.1.7", "5.1.8", "5.1.0", "5.1.7", "5.1.8", "5.1.0", "5.3.9"]),
    ("Client host", [*["5.0.0"] * 7, "5.3.9"]),
    ("Data command", [*["5.0.0"] * 7, "5.3.9"]),
])  # fmt: skip
def test_an_enhanced_code_is_about_what_was_rejected(kind: str, enhanced: list[str]) -> None:
    """As Postfix writes it, which tests/interop compares."""
    given = ["1.0", "1.1", "1.2", "1.5", "1.7", "1.8", "1.9", "3.9"]
    replies = [parse(f"REJECT 5.{each} No").reply("x", kind).one_line for each in given]
    assert [each.split()[1] for each in replies] == enhanced
