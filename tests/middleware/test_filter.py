"""The base class of filters, and what is refused where a filter is configured."""

from __future__ import annotations

import pytest
from zope.interface.verify import verifyClass, verifyObject

from txsmtpx import ConfiguredFilter, Connection, Filter
from txsmtpx.interfaces import FilterLike, IFilter, provides

CONNECTION = Connection("1", "localhost", lmtp=False)


def test_it_provides_the_interface():
    assert verifyClass(IFilter, Filter)
    assert verifyObject(IFilter, Filter(CONNECTION))
    assert provides(Filter(CONNECTION), FilterLike)


def test_it_accepts_everything():
    made = Filter(CONNECTION)
    assert (made.connection, made.context) == (CONNECTION, None)
    results = [
        made.connected(CONNECTION), made.hello("a"), made.mail("", None), made.recipient("b", None), made.data(None),
        made.header(None), made.chunk(b"x"), made.end(1), made.reset(), made.close(),
    ]  # fmt: skip
    assert results == [None] * 10


class Maker:
    holds = True
    call_timeout = 7

    def __call__(self, connection):
        return Filter(connection)


def plain(connection):
    return Filter(connection)


@pytest.mark.parametrize(
    ("configured", "label", "limit", "holds"),
    [
        (ConfiguredFilter(Filter), "Filter", 30, False),
        (ConfiguredFilter(plain), "plain", 30, False),
        (ConfiguredFilter(Maker()), "Maker", 7, True),
        (ConfiguredFilter(Maker(), "own", 9), "own", 9, True),
    ],
)
def test_its_settings(configured, label, limit, holds):
    assert (configured.label, configured.limit, configured.holds) == (label, limit, holds)
    assert configured.on_failure == "defer"


@pytest.mark.parametrize(
    ("settings", "error", "text"),
    [
        ({"make": 3}, TypeError, "make must be a subclass of Filter or a function, not 3"),
        ({"name": 3}, TypeError, "name must be a str, not 3"),
        ({"timeout": "5"}, TypeError, "timeout must be a number of seconds or None, not '5'"),
        ({"timeout": True}, TypeError, "timeout must be a number of seconds or None, not True"),
        ({"timeout": 0}, ValueError, "timeout must be a number of seconds above 0, not 0"),
        ({"timeout": float("inf")}, ValueError, "timeout must be a number of seconds above 0, not inf"),
        ({"timeout": float("nan")}, ValueError, "timeout must be a number of seconds above 0, not nan"),
        ({"on_failure": "ignore"}, ValueError, "on_failure must be 'defer', 'accept' or 'reject', not 'ignore'"),
    ],
)
def test_what_cannot_be_used_is_refused(settings, error, text):
    with pytest.raises(error, match=f"^ConfiguredFilter: {text}"):
        ConfiguredFilter(**{"make": Filter, **settings})
