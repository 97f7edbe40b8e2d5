"""The paths above a front page that is not at ``/``."""

from __future__ import annotations

import pytest
from twisted.web.resource import Resource, getChildForRequest
from twisted.web.test.requesthelper import DummyRequest

from txsmtpx.web.mounted_path import mounted


def at(root, *segments):
    return getChildForRequest(root, DummyRequest([each.encode() for each in segments]))


def test_no_path():
    front = Resource()
    assert mounted(front, "") is front


@pytest.mark.parametrize(("segments", "location"), [([""], "a/mail/"), (["a", "mail"], "mail/")])
def test_a_path_leads_to_the_front_page(segments, location):
    request = DummyRequest([])
    at(mounted(Resource(), "/a/mail"), *segments).get(request, None)
    assert request.responseCode == 303
    assert request.responseHeaders.getRawHeaders("Location") == [location]


def test_what_is_below_it():
    front = Resource()
    front.putChild(b"x", child := Resource())
    assert at(mounted(front, "/a/mail"), "a", "mail", "x") is child
