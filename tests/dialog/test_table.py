"""A compiled set of extensions: what each gate and state answers to each verb."""

from __future__ import annotations

from typing import Any

import pytest

from txsmtpx import Reply, Session
from txsmtpx.dialog.extension import Extension, Verb
from txsmtpx.dialog.state import Gate, State
from txsmtpx.dialog.table import MISPLACED, Table, Tables
from txsmtpx.extensions.lmtp import LMTP
from txsmtpx.extensions.registry import EXTENSIONS, KNOWN
from txsmtpx.extensions.smtp import SMTP
from txsmtpx.grammar import replies
from txsmtpx.grammar.esmtp_parameter import Parameter

RUN = replies.OK_250
DIALOG: Any = object()  # no function of these tests looks at it


def verb(name: str, **more: Any) -> Verb[Any]:
    return Verb(name, lambda dialog, argument: RUN, name, **more)


def answer(table: Table, name: str, state: State, gate: Gate = Gate.OPEN) -> object:
    """What a command without an argument is answered."""
    return table.by_state[gate][state][name](DIALOG, "")


def test_a_command_runs_in_its_states_and_is_refused_in_the_others():
    table = Table([Extension("X", "none", verbs=(verb("XGO", states=frozenset({State.READY, State.RCPT})),))])
    found = {state: answer(table, "XGO", state) for state in State}
    assert found == MISPLACED | {State.START: replies.EHLO_FIRST_503, State.READY: RUN, State.RCPT: RUN}


def test_a_refusal_of_its_own_counts_after_the_hello():
    own = Reply(503, (5, 5, 1), "Not now")
    table = Table([Extension("X", "none", verbs=(verb("XGO", states=frozenset(), misplaced=own),))])
    found = {state: answer(table, "XGO", state) for state in State}
    assert found == dict.fromkeys(State, own) | {State.START: replies.EHLO_FIRST_503}


@pytest.mark.parametrize(
    ("gates", "tls", "auth"),
    [
        ({}, replies.TLS_FIRST_530, replies.AUTH_FIRST_530),
        ({"before_tls": True}, RUN, replies.AUTH_FIRST_530),
        ({"before_auth": True}, replies.TLS_FIRST_530, RUN),
        ({"before_tls": True, "before_auth": True}, RUN, RUN),
    ],
)
def test_the_gates(gates, tls, auth):
    table = Table([Extension("X", "none", verbs=(verb("XGO", **gates),))])
    assert answer(table, "XGO", State.READY, Gate.TLS) == tls
    assert answer(table, "XGO", State.READY, Gate.AUTH) == auth
    assert answer(table, "XGO", State.READY) == RUN


def test_where_a_command_is_out_of_place_and_needs_a_login_it_is_out_of_place():
    """TLS comes before everything: nothing else is answered in the clear."""
    table = Table([Extension("X", "none", verbs=(verb("XGO", states=frozenset({State.MAIL})),))])
    assert answer(table, "XGO", State.READY, Gate.AUTH) == replies.MAIL_FIRST_503
    assert answer(table, "XGO", State.READY, Gate.TLS) == replies.TLS_FIRST_530


def test_a_function_that_refuses_is_given_the_argument_and_the_reply():
    asked = []

    def refuse(dialog, argument, reply):
        asked.append((dialog, argument, reply))
        return None

    chunk = verb("XCHUNK", states=frozenset({State.RCPT}), refuse=refuse)
    table = Table([Extension("X", "none", verbs=(chunk,))], known=[Extension("Y", "none", verbs=(verb("YCHUNK"),))])
    assert table.by_state[Gate.OPEN][State.START]["XCHUNK"](DIALOG, "12") is None
    assert asked == [(DIALOG, "12", replies.EHLO_FIRST_503)]


def test_commands_that_are_known_and_not_offered():
    table = Table([SMTP], known=KNOWN)
    for name in ("BDAT", "AUTH", "STARTTLS", "ETRN"):
        assert table.knows(name)
        assert name not in table.verbs
    assert answer(table, "AUTH", State.READY, Gate.TLS) == replies.NOT_OFFERED_502
    assert not table.knows("XGO")
    assert "XGO" not in table.by_state[Gate.OPEN][State.READY]


@pytest.mark.parametrize("base", [SMTP, LMTP])
def test_the_hellos_of_the_other_protocol_are_understood(base):
    table = Table([base])
    assert all(table.knows(name) for name in ("HELO", "EHLO", "LHLO"))


def test_what_a_table_gathers():
    grouped, secret = verb("XGROUPED", grouped=True), verb("XSECRET", secret=True)
    mail, rcpt = Parameter("XM", "m", str, str), Parameter("XR", "r", str, str)
    one = Extension("ONE", "none", verbs=(grouped, secret), mail=(mail,), check_mail=lambda dialog, options: None)
    table = Table([one, Extension("TWO", "none", rcpt=(rcpt,), requires=frozenset({"ONE"}))])
    assert table.keywords == {"ONE", "TWO"}
    assert (table.mail, table.rcpt) == ({"XM": mail}, {"XR": rcpt})
    assert (table.grouped, table.secret) == ({"XGROUPED"}, {"XSECRET"})
    assert table.hides("XSECRET")
    assert not table.hides("XGROUPED")
    assert table.mail_checks == (one.check_mail,)


def test_an_extension_without_what_it_requires():
    needy = Extension("X", "none", requires=frozenset({"B", "A"}))
    with pytest.raises(ValueError, match=r"^X requires A, B$"):
        Table([needy])


@pytest.mark.parametrize(
    "part",
    [{"verbs": (verb("X"),)}, {"mail": (Parameter("X", "x", str, str),)}, {"rcpt": (Parameter("X", "x", str, str),)}],
)
def test_two_extensions_with_one_name(part):
    with pytest.raises(ValueError, match=r"^two extensions claim X$"):
        Table([Extension("ONE", "none", **part), Extension("TWO", "none", **part)])


# ---- Tables


OWN = Extension("XOWN", "none", verbs=(verb("XOWN"),))


class Supporting(Session):
    supports = (OWN,)


def test_a_session_without_extensions_has_the_usual_table():
    tables = Tables([SMTP], known=EXTENSIONS)
    assert tables.supporting(Session()) is tables.usual


def test_a_session_with_more_has_a_table_with_them_which_is_made_once():
    tables = Tables([SMTP], known=EXTENSIONS)
    more = tables.supporting(Supporting())
    assert more is tables.supporting(Supporting())
    assert "XOWN" not in tables.usual.keywords
    assert "XOWN" in more.keywords
    assert answer(more, "XOWN", State.READY) == RUN
    assert answer(more, "AUTH", State.READY) == replies.NOT_OFFERED_502


def test_what_the_table_has_already_is_not_added():
    tables = Tables([SMTP, OWN])
    assert tables.supporting(Supporting()) is tables.usual


def test_a_method_of_a_session_is_as_good_as_a_declaration():
    class Verifying(Session):
        def verify(self, address):
            return None

    (extension,) = [each for each in EXTENSIONS if each.kept_by(Verifying())]
    tables = Tables([SMTP], known=EXTENSIONS)
    assert tables.supporting(Verifying()).extensions == (SMTP, extension)
