"""The web site of the inbox: its connections."""

from __future__ import annotations

from importlib.resources import files

import pytest
from twisted.logger import capturedLogs, formatEvent

from tests.inbox.site import Web
from tests.inbox.slow_client import BUFFER, Slow, Transport
from txsmtpx.web.static_files import static_types

PACKAGES = {name: each for each in ("txsmtpx.web", "txsmtpx.inbox") for name in static_types(each)}
STATIC = {name: static_types(package)[name] for name, package in PACKAGES.items()}


def test_a_new_connection_takes_the_place_of_a_silent_one(web, monkeypatch):
    """One more takes the place of the connection that has been silent for the longest time."""
    monkeypatch.setattr(web.site.connections, "_most", 3)
    clients = [Slow(web, "/", times=0) for _ in range(3)]
    web.clock.advance(1)
    clients[0].protocol.dataReceived(b"GET /api HTTP/1.1\r\nHost: localhost\r\n\r\n")
    web.clock.work()
    clients.append(Slow(web, "/api"))
    assert [each.transport.aborted for each in clients] == [False, True, False, False]
    assert clients[3].read().startswith(b"HTTP/1.1 200 OK")


def test_clients_that_wait_leave_connections_to_others(web):
    """Also when they take all that they may."""
    most = web.site.connections._most
    streams = [Slow(web, "/api/events") for _ in range(most)]
    polls = [Slow(web, "/api/messages?search=zzz&wait=10") for _ in range(most)]
    assert sum(b"200 OK" in stream.read() for stream in streams) == most // 4
    assert sum(poll.read() == b"" for poll in polls) == most // 2
    assert web.get("/api").status == 200
    for client in streams + polls:
        client.lose()


def test_the_log_tells_of_too_many_connections(web, monkeypatch):
    """Once, and when it is over."""
    monkeypatch.setattr(web.site.connections, "_most", 4)
    with capturedLogs() as log:
        clients = [Slow(web, "/api") for _ in range(20)]
        assert list(map(formatEvent, log)) == [
            "the web inbox has 4 connections: new ones take the place of silent ones"
        ]
        for client in clients:
            client.lose()
    assert list(map(formatEvent, log))[1:] == ["the web inbox has room for new connections again"]


def test_busy_connections_stay(web, monkeypatch):
    web.keep(b"x" * 100 * BUFFER)
    monkeypatch.setattr(web.site.connections, "_most", 3)
    clients = [Slow(web, path) for path in ("/api/events", "/api/messages?search=zzz&wait=10")]
    clients.append(Slow(web, "/api/messages/1/source"))
    full = Slow(web, "/api/messages?search=zzz&wait=10")  # in the place of the one that does not read
    assert [each.transport.aborted for each in [*clients, full]] == [False, False, True, False]
    refused = web.site.buildProtocol(None)
    transport = Transport()
    refused.makeConnection(transport)
    assert transport.aborted
    clients[0].lose()
    assert web.get("/api").status == 200
    clients[1].lose()
    full.lose()


@pytest.mark.parametrize("name", STATIC)
def test_the_static_files(web, name):
    said = web.get(f"/static/{name}")
    assert (said.status, said.headers["Content-Type"]) == (200, f"{STATIC[name]}; charset=utf-8")
    assert said.body == files(PACKAGES[name]).joinpath("static", name).read_bytes()
    assert web.get(f"/static/{name}/x").status == 404


@pytest.mark.parametrize("path", ["/static", "/static/", "/static/x", "/static/../inbox.py", "/static/%2e%2e/inbox.py"])
def test_no_other_file_is_served(web, path):
    assert web.get(path).status == 404


@pytest.mark.parametrize("path", ["/", "/api/messages", "/static/site.css", "/nothing"])
def test_every_path_is_checked(web, path):
    """See `SameOriginCheck`."""
    said = web.get(path, Host="evil.example")
    assert said.status == 403
    assert web.get(path, Host="DEVBOX.example:80").status == (404 if path == "/nothing" else 200)


def test_a_name_that_is_none_is_refused_when_it_is_given():
    with pytest.raises(ValueError, match="must be a domain"):
        Web("ex\u3002ample")


def test_it_follows_the_backend_while_it_runs():
    made = Web()
    assert len(made.backend._subscribers) == 1
    made.site.stopFactory()
    made.keep(b"")
    assert made.backend._subscribers == []
    made.site.startFactory()
    assert made.json("/api/messages")["total"] == 1
    made.site.stopFactory()
    made.clock.work()
