"""How a worker is started: what it is handed, and by which numbers."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from tests.command.spawning import Reactor
from txsmtpx.command.handover import Socket
from txsmtpx.command.spawn import Spawn
from txsmtpx.command.workers import Worker


def spawned(reactor: Reactor, arguments=(), inherit_log=True, systemd=None) -> Reactor:
    spawn = Spawn(reactor, arguments, inherit_log, None)
    spawn._systemd = systemd or {}
    spawn(Worker(3, lambda worker, reason: None))
    return reactor


def test_sockets_have_numbers_of_their_own():
    tcp, unix = Socket("tcp::25", socket.AF_INET, 17), Socket("unix:lmtp", socket.AF_UNIX, 12)
    reactor = spawned(Reactor(tcp, unix), ["--port", "25", "--lmtp"])
    assert reactor.descriptors == {0: "w", 1: 1, 2: 2, 3: 17, 4: 12, 5: "r"}
    handed = reactor.handover
    assert (handed.number, handed.status, handed.relayed, handed.reactor) == (3, 5, False, None)
    assert handed.sockets == (Socket("tcp::25", socket.AF_INET, 3), Socket("unix:lmtp", socket.AF_UNIX, 4))
    assert reactor.command[-3:] == ["--port", "25", "--lmtp"]
    assert set(map(os.path.abspath, sys.path)) == set(handed.path)


def test_those_of_systemd_keep_theirs():
    """Two of three are used; the worker is told of all, as we were."""
    said = {"LISTEN_FDS": "3", "LISTEN_FDNAMES": "a:b:c", "LISTEN_PID": "1"}
    shared = [
        Socket("tcp::25", socket.AF_INET, 20),
        Socket("descriptor:5", socket.AF_UNIX, 21),
        Socket("descriptor:3", socket.AF_INET6, 22),
    ]
    reactor = spawned(Reactor(*shared), systemd=said)
    assert reactor.descriptors == {0: "w", 1: 1, 2: 2, 6: 20, 5: 21, 3: 22, 7: "r"}
    assert {name: reactor.environment[name] for name in said} == said


def test_a_log_that_is_relayed():
    reactor = spawned(Reactor(), inherit_log=False)
    assert reactor.descriptors == {0: "w", 1: "r", 2: "r", 4: "r"}
    assert reactor.handover.relayed


def test_self_signed_certificates_come_through_a_pipe():
    """Not in the environment, which other processes of the user can read."""
    octets = b'{"mx.example.org": "a secret"}'
    reactor = Reactor(Socket("tcp::25", socket.AF_INET, 17))
    spawn = Spawn(reactor, (), True, None, octets)
    spawn._systemd = {}
    for _ in range(2):
        spawn(Worker(1, lambda worker, reason: None))
        assert reactor.certificates == octets
        assert (reactor.handover.status, reactor.handover.certificates) == (4, 5)
        assert "secret" not in str(reactor.environment)
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(reactor.descriptors[5])


def test_too_many_certificates_for_a_pipe():
    spawn = Spawn(Reactor(), (), True, None, b"x" * (1 << 22))
    with pytest.raises(OSError, match="too long for a pipe"):
        spawn(Worker(1, lambda worker, reason: None))


def test_where_the_options_were_said(tmp_path, monkeypatch):
    """After twistd --rundir has gone elsewhere, relative paths mean what they meant."""
    reactor = Reactor()
    spawn = Spawn(reactor, (), True, None)
    spawn(Worker(1, lambda worker, reason: None))
    assert reactor.path is None
    before = os.getcwd()
    monkeypatch.chdir(tmp_path)
    spawn(Worker(1, lambda worker, reason: None))
    assert Path(reactor.path) == Path(before)
