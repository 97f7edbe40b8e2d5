"""The states, and what is written of them."""

from __future__ import annotations

import pytest

from tests.dialog.core import Core
from txsmtpx.dialog import state
from txsmtpx.dialog.state import ANY, GREETED, Link, MessageState, State


def test_every_state_is_in_the_theory_of_operation():
    theory = state.__doc__ or ""
    assert all(f"    {each.name}" in theory for each in MessageState if each is not MessageState.ANSWERED)
    assert "ANSWERED" in theory


def test_the_members_have_names_of_their_own_in_their_order():
    for kind in (State, Link, MessageState):
        assert [getattr(state, member.name) for member in kind] == list(kind)


def test_any_state_but_the_first_is_after_the_hello():
    assert ANY.symmetric_difference(State) == set()
    assert ANY.difference(GREETED) == {State.START}


def test_a_state_is_found_in_a_dict_by_identity():
    assert {member: member.name for member in State}[State.RCPT] == "RCPT"
    assert hash(State.RCPT) == object.__hash__(State.RCPT)


def test_a_state_is_shown_as_python_reads_it():
    assert [eval(repr(member), {"State": State}) for member in State] == list(State)


@pytest.mark.parametrize(
    ("lines", "reached"),
    [
        ([], State.START),
        (["NOOP"], State.START),
        (["HELO client.example"], State.READY),
        (["EHLO client.example", "MAIL FROM:<>"], State.MAIL),
        (["EHLO client.example", "MAIL FROM:<>", "RCPT TO:<a@b.example>"], State.RCPT),
        (["EHLO client.example", "MAIL FROM:<>", "RCPT TO:<a@b.example>", "BDAT 0"], State.CHUNK),
        (["EHLO client.example", "MAIL FROM:<>", "RCPT TO:<a@b.example>", "BDAT 0 LAST"], State.READY),
        (["EHLO client.example", "MAIL FROM:<>", "RCPT TO:<a@b.example>", "DATA", "."], State.READY),
        (["EHLO client.example", "MAIL FROM:<>", "RCPT TO:<a@b.example>", "RSET"], State.READY),
        (["EHLO client.example", "MAIL FROM:<>", "EHLO client.example"], State.READY),
        (["EHLO client.example", "MAIL FROM:<>", "MAIL FROM:<>", "DATA", "RCPT TO:"], State.MAIL),
    ],
)
def test_the_way_through_the_states(lines, reached):
    """The picture in the docstring; a refused command leaves the state as it is."""
    client = Core()
    client.ask(*lines)
    assert client.dialog.state is reached
    client.hang_up()
    assert client.dialog.link is Link.CLOSED
