"""A context around another one: it passes everything on, and notes that a delivery was started."""

from __future__ import annotations

import pytest
from twisted.internet.defer import succeed
from zope.interface.verify import verifyObject

from tests.conversations import served_by
from txsmtpx import MailOptions, RcptOptions, Reply, Session
from txsmtpx.interfaces import IDataContext
from txsmtpx.middleware.middleware_context import MiddlewareContext


class Keeping(Session):
    """Keeps the context of each message, and one around it."""

    def data(self, message, context):
        self.outer, self.context = context, MiddlewareContext(context)
        return self.use(self.context)

    def use(self, context):
        return None


def used(use=lambda context: None, lmtp=False):
    """The session of a message with two recipients, and the replies to it."""
    session = Keeping()
    session.use = use
    client = served_by(session, lmtp=lmtp)
    client.ask("LHLO a" if lmtp else "EHLO a", "MAIL FROM:<a@b> SIZE=1", "RCPT TO:<c@d>", "RCPT TO:<e@f>", "DATA")
    replies = client.ask(".")
    client.hang_up()
    return session, replies


@pytest.mark.parametrize(
    "name", ["sender", "recipients", "options", "recipient_options", "queue_id", "connection", "late"]
)
def test_each_attribute_is_that_of_the_other(name):
    session, _ = used()
    assert getattr(session.context, name) is getattr(session.outer, name)


def test_it_is_a_context():
    session, _ = used()
    assert verifyObject(IDataContext, session.context)
    assert session.context.outer is session.outer
    assert isinstance(session.context.options, MailOptions)
    assert list(session.context.recipient_options) == [RcptOptions(), RcptOptions()]
    assert session.context.received(0) == session.outer.received(0)


@pytest.mark.parametrize("recipients", [("c@d", 1), (0, "e@f")])
def test_outcomes_reach_the_other(recipients):
    told = []

    def use(context):
        told.append(context.set_status(recipients[0], Reply(452, (4, 2, 2), "Full")))
        told.append(context.set_status(recipients[0], None))
        assert not context.started
        context.start_delivery(recipients[1], succeed("Stored"))
        assert context.started

    _, replies = used(use, lmtp=True)
    assert told == [True, False]
    assert replies == ["452 4.2.2 <c@d> Full", "250 2.0.0 <e@f> Stored"]


def test_an_outcome_that_comes_too_late():
    late = []

    def use(context):
        context.late = lambda recipient, outcome: late.append((recipient, outcome))
        context.set_status("c@d", "First")
        context.set_status("c@d", "Second")

    session, _ = used(use, lmtp=True)
    assert late == [("c@d", "Second")]
    assert session.context.late is session.outer.late


def test_a_subclass_sees_its_own_addresses_when_an_outcome_is_late():
    class Renamed(MiddlewareContext):
        def _as_here(self, late):
            return lambda recipient, outcome: late(recipient.upper(), outcome)

    late = []

    def use(context):
        renamed = Renamed(context)
        renamed.late = lambda recipient, outcome: late.append(recipient)
        context.set_status("c@d", "First")
        context.set_status("c@d", "Second")
        renamed.late = None
        assert context.late is None

    used(use, lmtp=True)
    assert late == ["C@D"]


def test_it_has_no_more_than_the_other():
    session, _ = used()
    assert not hasattr(session.context, "pools")
    session.outer.colour = "red"
    assert session.context.colour == "red"
    with pytest.raises(AttributeError, match=r"^outer$"):
        MiddlewareContext.__new__(MiddlewareContext).outer  # noqa: B018  # which it has not yet
