"""The checks of a request come before its resource."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred
from twisted.web.resource import Resource
from twisted.web.test.requesthelper import DummyRequest

from txsmtpx.web.checked_resource import CheckedResource
from txsmtpx.web.web_resource import ErrorResource


class Checks:
    """All checks at once, which find what a test wants."""

    def __init__(self, rejected="", refused=None):
        self._rejected = rejected
        self._refused = refused

    def allows(self, request):
        return False

    def rejection(self, request, allowed):
        return self._rejected

    def check(self, request):
        return self._refused


def found(checks, login=True):
    inner = Resource()
    inner.putChild(b"x", child := Resource())
    made = CheckedResource(inner, checks, checks, checks if login else None)
    return made.getChildWithDefault(b"x", DummyRequest([b"x"])), child


def test_the_resource_of_the_path():
    for login in (True, False):
        resource, child = found(Checks(), login)
        assert resource is child


@pytest.mark.parametrize("checks", [Checks("no"), Checks(refused=(401, "no"))])
def test_a_request_that_is_rejected(checks):
    resource, _ = found(checks)
    assert isinstance(resource, ErrorResource)


def test_a_login_that_takes_its_time():
    resource, child = found(Checks(refused=Deferred()))
    assert resource is not child
    assert resource.isLeaf
