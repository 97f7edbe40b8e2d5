"""
Crowds that take a place and give nothing for it: those who obey the protocol do not notice them.
"""

from __future__ import annotations

import time

from tests.siege.besieged import KIB, Besieged
from tests.siege.client import Client
from tests.siege.crowd import Crowd
from tests.siege.scale import scale

CROWD = scale({"idle": 200, "slow": 30, "deaf": 10, "half": 10}, {"idle": 5000, "slow": 500, "deaf": 200, "half": 100})
MESSAGES = scale(100, 500)

NAMES = {
    "idle": "an idle connection",
    "slow": "a connection that sends one octet a second",
    "deaf": "a connection that does not read",
    "half": "a connection within its TLS handshake",
}
"""The names of the kinds of connections in the table of figures."""

MAY_COST = {"idle": 16 * KIB, "slow": 20 * KIB, "deaf": 256 * KIB, "half": 160 * KIB}
"""Octets of the server's memory, each."""


def latency(port: int) -> float:
    with Client(port) as client:
        return client.latency(MESSAGES)


def settled(server: Besieged) -> int:
    """The open descriptors, when the connection that looked for the port is gone."""
    found = -1
    while (now := server.descriptors) != found:
        found = now
        time.sleep(0.1)
    return found


def test_a_normal_client_does_not_notice(directory, with_tls, figures):
    patience = scale(4, 60)
    options = ["--backend", "null", *with_tls, "--read-timeout", str(patience), "--write-timeout", str(patience)]
    with Besieged(directory, *options) as server:
        port, before = server.port, settled(server)
        alone = latency(port)
        server.eventually(lambda: server.descriptors == before)
        began = time.monotonic()
        with Crowd(port, **CROWD) as crowd:
            figures.add("connections opened", f"{crowd.size} connections in {time.monotonic() - began:.1f} s")
            assert server.descriptors == before + crowd.size
            besieged = latency(port)
            # None of them does anything that would put off its end.
            assert server.within(4 * patience, lambda: server.descriptors <= before)
        assert server.stop()
    figures.add("median latency of a message, no other client", f"{alone * 1000:.2f} ms")
    figures.add(
        f"median latency of a message, {crowd.size} other connections",
        f"{besieged * 1000:.2f} ms, {besieged / alone:.1f} times",
    )
    # Beside other tests, a turn of the scheduler takes longer than a message.  The full form has the cores to itself.
    assert besieged <= max(3 * alone, scale(0.005, 0))


def test_what_a_connection_costs(directory, with_tls, figures):
    for kind, number in CROWD.items():
        with Besieged(directory, "--backend", "null", *with_tls) as server:
            Client(server.port).quit()
            before = server.resident
            with Crowd(server.port, **{kind: number}):
                each = (server.resident - before) / number
            assert server.stop()
        figures.add(f"memory of {NAMES[kind]}", f"{each / KIB:.1f} KiB ({number} of them)")
        assert each <= MAY_COST[kind]
