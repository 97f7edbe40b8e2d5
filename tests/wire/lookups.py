"""Answers of name servers on real sockets, and messages that are sent by them."""

from __future__ import annotations

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from tests import name_server
from txsmtpx import MXEndpoint, send_mail

ANSWERS = {
    "SERVFAIL": name_server.SERVFAIL,
    "REFUSED": name_server.REFUSED,
    "FORMERR": name_server.FORMERR,
    "NOTIMP": name_server.NOTIMP,
    "nothing": name_server.NOTHING,
    "cut": name_server.CUT,
    "hang up": name_server.HANG_UP,
}
"""Answers by which a name server fails."""


def sending(resolver, number, domain="example.net", **more):
    return sending_to(MXEndpoint(reactor, domain, number, resolver=resolver, **more))


def sending_to(endpoint):
    return send_mail(endpoint, "me@example.org", ["you@example.net"], b"x\r\n", tls="none")


def deferred_turn():
    turn = Deferred()
    reactor.callLater(0, turn.callback, None)
    return turn
