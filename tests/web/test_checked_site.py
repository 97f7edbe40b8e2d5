"""A site: each path is checked, also one that does not exist."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from tests.inbox.site import Line
from txsmtpx.web.checked_site import CheckedSite
from txsmtpx.web.site_name import SiteName
from txsmtpx.web.web_resource import WebResource


class Front(WebResource):
    """A front page."""

    def __init__(self):
        super().__init__({"GET": ()})

    def getChild(self, path, request):
        return WebResource.getChild(self, path, request) if path else self

    def get(self, request, parameters):
        return b"front"


class Reactor(Clock):
    """A clock that does what is due."""

    def work(self):
        while any(call.time <= self.seconds() for call in self.getDelayedCalls()):
            self.advance(0)


@pytest.fixture
def site():
    return CheckedSite(SiteName("queue", "queue-web"), Front(), Reactor(), 10, ["devbox.example"], "/mail")


@pytest.mark.parametrize("path", ["/", "/mail/", "/nothing"])
def test_an_unknown_host_is_rejected_with_the_name_of_the_site(site, path):
    answer = Line(site, "GET", path, {"Host": "evil.example"}).answer
    assert answer.status == 403
    assert answer.text == (
        "The queue does not accept this host name. To accept it, start the server with --queue-web-host NAME.\n"
    )


def test_the_front_page_has_its_path(site):
    assert Line(site, "GET", "/", {}).answer.headers["Location"] == "mail/"
    assert Line(site, "GET", "/mail/", {"Host": "devbox.example"}).answer.body == b"front"


def test_a_name_that_is_none():
    with pytest.raises(ValueError, match="a host name of the queue must be a domain, such as devbox, not 'a b'"):
        CheckedSite(SiteName("queue", "queue-web"), Front(), Reactor(), 10, ["a b"])
