"""A name server on the loopback interface that does what it is told, by UDP and TCP."""

from __future__ import annotations

import socket
import struct
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.protocol import DatagramProtocol, Factory
from twisted.names import dns
from twisted.protocols.basic import Int16StringReceiver

SERVFAIL, REFUSED, NXDOMAIN, FORMERR, NOTIMP = 2, 5, 3, 1, 4
"""Answers: RFC 1035 §4.1.1."""

NOTHING = "nothing"
"""No answer at all."""

ECHO = "echo"
"""The query itself comes back."""

GARBAGE = "garbage"
"""The ID of the query, and octets that are no message."""

CUT = "cut"
"""An answer that is truncated, by UDP and by TCP."""

REFERRAL = "referral"
"""The names of other servers, as of one that does not look further."""

ANOTHER = "another"
"""The answer to another question, with the ID of this one."""

BARE = "bare"
"""No records, and no question either."""

BY_TCP = "by TCP"
"""With records: those are in the answer by TCP, that by UDP is cut."""

HANG_UP = "hang up"
"""The answer by UDP is cut; by TCP the connection ends."""


class NameServer:
    """
    One name server.

    Attributes:
        answers: By kind, by name: records, or one of the above; what is not there has no records.
        asked: (kind, name, whether by TCP).
        authority: The records of the authority section, where there are no others.
        secure: The names whose answers have the AD bit, if the query has it (RFC 6840 §5.7).
        address: Where it is.
    """

    def __init__(self, interface: str = "127.0.0.1", port: int = 0, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[tuple[str, str, bool]] = []
        self.authority: list[dns.RRHeader] = []
        self.secure: set[str] = set()
        self._ports = _listen(self, interface, port)
        self.address = (interface, self._ports[0].getHost().port)

    def stop(self) -> Deferred[Any]:
        """Stop listening."""
        return gatherResults([maybeDeferred(port.stopListening) for port in self._ports])

    def answer(self, query: bytes, tcp: bool) -> bytes | None:
        """The octets to send, if any."""
        asked = dns.Message()
        asked.fromStr(query)
        (question,) = asked.queries
        kind = dns.QUERY_TYPES.get(question.type, str(question.type))
        name = question.name.name.decode().lower()
        self.asked.append((kind, name, tcp))
        said = self.answers.get(kind, {}).get(name, [])
        message = dns.Message(asked.id, answer=1, recDes=1, recAv=1, maxSize=0 if tcp else 512)
        message.queries = list(asked.queries)
        message.authenticData = int(name in self.secure and bool(asked.authenticData))
        if isinstance(said, int):
            message.rCode = said
        elif said in (NOTHING, ECHO, GARBAGE):
            return {NOTHING: None, ECHO: query, GARBAGE: query[:2] + b"\x81\x80\0\1\0\7\xc0\xff\xff"}[said]
        elif said in (CUT, HANG_UP):
            message.trunc = 1
            return None if tcp and said == HANG_UP else message.toStr()
        elif said == REFERRAL:
            message.recAv = 0
            message.authority = [dns.RRHeader("test", dns.NS, payload=dns.Record_NS("ns.test"))]
        elif said == ANOTHER:
            message.queries = [dns.Query("another.test", question.type)]
        elif said == BARE:
            message.queries = []
        elif said[:1] == [BY_TCP] and not tcp:
            message.trunc = 1
        else:
            pairs = [each if isinstance(each, tuple) else (name, each) for each in said if each != BY_TCP]
            message.answers = [
                dns.RRHeader(owner, payload.TYPE or question.type, ttl=payload.ttl or 0, payload=payload)
                for owner, payload in pairs
            ]
        if not message.answers and not message.authority:
            message.authority = self.authority
        return message.toStr()


def _listen(server: NameServer, interface: str, port: int) -> list[Any]:
    """A port that is free for both; or the one that is wanted."""
    factory = Factory.forProtocol(lambda: _Stream(server))
    factory.noisy = False
    family = socket.AF_INET6 if ":" in interface else socket.AF_INET
    while True:
        udp = reactor.listenUDP(port, _Datagrams(server), interface=interface)
        try:  # listenTCP of Twisted 24.11 leaves the socket of a port in use to the garbage collector, with a warning
            listening = socket.create_server((interface, udp.getHost().port), family=family)
        except OSError:
            udp.stopListening()
            if port:
                raise
            continue
        with listening:
            listening.setblocking(False)
            return [udp, reactor.adoptStreamPort(listening.fileno(), family, factory)]


class _Datagrams(DatagramProtocol):
    noisy = False

    def __init__(self, server: NameServer) -> None:
        self._server = server

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        octets = self._server.answer(datagram, False)
        if octets is not None:
            self.transport.write(octets, addr)


class _Stream(Int16StringReceiver):
    def __init__(self, server: NameServer) -> None:
        self._server = server

    def stringReceived(self, string: bytes) -> None:
        octets = self._server.answer(string, True)
        if octets is None:
            self.transport.loseConnection()
        else:
            for octet in struct.pack("!H", len(octets)) + octets:  # however it is cut
                self.transport.write(bytes([octet]))
