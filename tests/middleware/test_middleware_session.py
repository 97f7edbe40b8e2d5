"""A session around another one: it passes everything on, and has what the other has."""

from __future__ import annotations

import copy
import pickle

import pytest
from zope.interface.verify import verifyObject

from txsmtpx import Connection, MailOptions, MiddlewareSession, RcptOptions, Reply, Session
from txsmtpx.interfaces import ISession

CONNECTION = Connection("S", "localhost", lmtp=False)


class Inner(Session):
    """Notes its calls, and returns each of them."""

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []

    def note(self, *call):
        self.calls.append(call)
        return call

    def mail(self, sender, options):
        return self.note("mail", sender, options)

    def rcpt(self, recipient, options):
        return self.note("rcpt", recipient, options)

    def data(self, message, context):
        return self.note("data", message, context)

    def reset(self):
        return self.note("reset")

    def logout(self):
        return self.note("logout")

    def verify(self, address):
        return self.note("verify", address)


@pytest.mark.parametrize("call", [
    ("mail", "me@example.com", MailOptions(size=1)), ("rcpt", "you@example.com", RcptOptions()),
    ("data", object(), object()), ("reset",), ("logout",), ("verify", "me"),
], ids=lambda call: call[0])  # fmt: skip
def test_each_method_is_that_of_the_other(call):
    inner = Inner()
    name, *arguments = call
    assert getattr(MiddlewareSession(inner, CONNECTION), name)(*arguments) == call
    assert inner.calls == [call]


def test_it_is_a_session_and_knows_both():
    inner = Inner()
    session = MiddlewareSession(inner, CONNECTION)
    assert verifyObject(ISession, session)
    assert session.inner is inner
    assert session.connection is CONNECTION
    assert session.supports == ()


def test_it_has_no_more_than_the_other():
    session = MiddlewareSession(Session(), CONNECTION)
    for name in ("verify", "expand", "pools"):
        assert not hasattr(session, name)
    with pytest.raises(AttributeError, match=r"^inner$"):
        MiddlewareSession.__new__(MiddlewareSession).inner  # noqa: B018  # which it has not yet


def test_a_subclass_changes_one_method():
    class Refusing(MiddlewareSession):
        def rcpt(self, recipient, options):
            return Reply(450, None, "Later") if recipient == "you@example.com" else super().rcpt(recipient, options)

    inner = Inner()
    session = Refusing(inner, CONNECTION)
    assert session.rcpt("you@example.com", RcptOptions()).code == 450
    session.rcpt("they@example.com", RcptOptions())
    session.mail("", MailOptions())
    assert [call[0] for call in inner.calls] == ["rcpt", "mail"]


@pytest.mark.parametrize("copied", [copy.copy, lambda session: pickle.loads(pickle.dumps(session))])
def test_it_can_be_copied(copied):
    """Special methods are not those of the other session."""
    again = copied(MiddlewareSession(Session(), CONNECTION))
    assert type(again) is MiddlewareSession
    assert type(again.inner) is Session
