"""The web sites beside mail: no body is kept, and requests take turns."""

from __future__ import annotations

import pytest
from twisted.internet.error import ConnectionDone
from twisted.logger import capturedLogs
from twisted.python.failure import Failure

from tests.wire.http_port import GET, status
from txsmtpx.wire.http_channel import RefusedConnection
from txsmtpx.wire.http_site import LimitedRequest, channel_of, cooperator_of, values_of

FORMS = {
    "a form": b"Content-Type: application/x-www-form-urlencoded\r\n",
    "parts": b"Content-Type: multipart/form-data; boundary=b\r\n",
    "octets": b"",
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("length", [b"Content-Length: 4000000", b"Transfer-Encoding: chunked"])
def test_a_body_is_neither_kept_nor_parsed(web_port, form, length):
    """It was kept, and parsed at its end: 50 MB took 6.6 seconds and 840 MiB."""
    client = web_port.come(b"POST / HTTP/1.1\r\nHost: x\r\n" + form + length + b"\r\n\r\n")
    piece = b"--b\r\nContent-Disposition: form-data; name=a\r\n\r\na=b&\r\n"
    piece += b"&" * (1000 - len(piece))
    for _ in range(4000):
        client.dataReceived(piece if length.startswith(b"C") else b"3e8\r\n" + piece + b"\r\n")
    if not length.startswith(b"C"):
        client.dataReceived(b"0\r\n\r\n")
    web_port.clock.turn_all()
    (request,) = web_port.page.requests
    assert request.args == {}
    assert web_port.page.bodies == [b""]
    assert status(client.transport.value()) == 200


def test_requests_of_one_segment_take_turns(web_port):
    """Twisted answers them all at once: 2,300 requests for figures took 640 milliseconds."""
    client = web_port.come(GET * 2000)
    assert web_port.page.requests == []
    other = web_port.come(GET)
    web_port.clock.turn()
    assert other.transport.value()
    assert len(web_port.page.requests) < 1000
    web_port.clock.turn_all()
    assert len(web_port.page.requests) == 2001
    assert client.transport.value().count(b"200 OK") == 2000


def test_any_octets_may_stand_in_a_header(web_port):
    web_port.come(b"GET / HTTP/1.1\r\nHost: \xff\xe9\r\nHost: b\r\n\r\n")
    web_port.clock.turn_all()
    (request,) = web_port.page.requests
    assert values_of(request, b"host") == ["\xff\xe9", "b"]
    assert values_of(request, b"origin") == []


def test_a_response_has_the_header_of_its_site(web_port):
    class Marked(LimitedRequest):
        def begin(self):
            self.setHeader(b"X-Site", b"ours")

    web_port.site.requestFactory = Marked
    client = web_port.come(GET)
    web_port.clock.turn_all()
    assert b"X-Site: ours\r\n" in client.transport.value()


def test_a_client_that_is_gone_is_not_answered(web_port):
    client = web_port.come(GET * 2)
    client.connectionLost(Failure(ConnectionDone()))
    web_port.clock.turn_all()
    assert web_port.page.requests == []


def test_an_error_in_a_page_shows_no_traceback(web_port, logged_failures):
    web_port.page.render = lambda request: 1 / 0
    client = web_port.come(GET)
    web_port.clock.turn_all()
    assert status(client.transport.value()) == 500
    assert b"ZeroDivisionError" not in client.transport.value()
    assert logged_failures.flush(ZeroDivisionError)


def test_requests_are_not_logged(web_port):
    with capturedLogs() as log:
        web_port.come(GET)
        web_port.clock.turn_all()
    assert len(web_port.page.requests) == 1
    assert list(log) == []


def test_where_there_is_no_room_a_connection_is_refused(web_port, monkeypatch):
    monkeypatch.setattr(web_port.site.connections, "make_room", lambda: False)
    assert isinstance(web_port.site.buildProtocol(None), RefusedConnection)


def test_http_2_is_not_offered(web_port):
    assert web_port.site.acceptableProtocols() == [b"http/1.1"]


def test_what_belongs_to_a_request(web_port):
    client = web_port.come(GET)
    (request,) = client.requests
    assert channel_of(request) is client
    assert cooperator_of(request) is web_port.site.cooperator
    web_port.clock.turn_all()


def test_a_site_that_stops_closes_its_connections_and_may_begin_again(web_port):
    client = web_port.come()
    web_port.site.stopFactory()
    assert client.transport.disconnecting
    web_port.site.startFactory()
    assert web_port.come() is not None
