"""
Domains of which some are signed: Knot serves them on the loopback interface, and Unbound validates them.

The answers of a domain that is signed are secure.  Those of one that is "bogus" are refused by Unbound.
"""

from __future__ import annotations

import contextlib
import datetime
import random
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tests.interop import peers
from tests.ports import free_port
from tests.waiting import eventually
from txsmtpx.wire.system_resolver import Configuration

Signing = Literal["signed", "unsigned", "expired", "stripped", "spoofed"]
"""
How a zone is signed: rightly; not at all, and it need not be; with signatures that have expired; not at all, though it
must be; with another key.
"""

_ALGORITHM = "ECDSAP256SHA256"


@dataclass
class Zone:
    """
    A zone.

    Attributes:
        records: Lines of a zone file, with names relative to the zone.
        signing: How it is signed.
        altered: What is changed after it was signed: the name of records, what they have, and what they get instead.
    """

    records: list[str]
    signing: Signing = "signed"
    altered: list[tuple[str, str, str]] = field(default_factory=list)


@dataclass
class SignedDNS:
    """
    The name server that validates.

    Attributes:
        address: Its address, on the loopback interface.
        port: Its port.
    """

    address: str
    port: int

    @property
    def configuration(self) -> Configuration:
        """The configuration of a resolver that asks it."""
        return Configuration([(self.address, self.port)], timeout=10)


@contextlib.contextmanager
def signed_dns(directory: Path, zones: Mapping[str, Zone], port: int = 0) -> Iterator[SignedDNS]:
    """
    Serve zones.

    Args:
        directory: Where the programs run; its path is short enough for a socket.
        zones: The zones by name; "." for the root.
        port: The port of the name server that validates; 0 for a free one.

    Yields:
        The name server that validates.
    """
    knot_port, port = free_port(), port or free_port()
    address = "127.0.0.1" if port != 53 else f"127.53.{random.randrange(1, 255)}.{random.randrange(1, 255)}"
    anchors = {name: _written(directory, name, zone) for name, zone in zones.items()}
    knot = directory / "knot.conf"
    knot.write_text(
        f"server:\n  listen: 127.0.0.1@{knot_port}\n  rundir: {directory}\n"
        f"log:\n  - target: stdout\n    any: info\ndatabase:\n  storage: {directory}/db\n"
        f"template:\n  - id: default\n    storage: {directory}\n    semantic-checks: off\n    zonefile-load: whole\n"
        "zone:\n" + "".join(f"  - domain: {name}\n    file: zone-{name}.served\n" for name in zones)
    )
    unbound = directory / "unbound.conf"
    unbound.write_text(
        f'server:\n  interface: {address}@{port}\n  access-control: 127.0.0.0/8 allow\n  directory: "{directory}"\n'
        '  username: ""\n  chroot: ""\n  pidfile: ""\n  use-syslog: no\n  do-not-query-localhost: no\n'
        '  module-config: "validator iterator"\n  do-ip6: no\n  val-log-level: 2\n  aggressive-nsec: no\n'
        '  cache-max-ttl: 0\n  local-zone: "test." nodefault\n'
        + "".join(f'  trust-anchor: "{anchor}"\n' for anchor in anchors.values() if anchor)
        + "".join(f"  domain-insecure: {name}\n" for name, anchor in anchors.items() if not anchor)
        + "".join(f"stub-zone:\n  name: {name}\n  stub-addr: 127.0.0.1@{knot_port}\n" for name in zones)
        + "remote-control:\n  control-enable: no\n"
    )
    with contextlib.ExitStack() as stack:
        knotd = [peers.program("knotd"), "-c", str(knot)]
        stack.enter_context(_running(knotd, directory / "knot.log", "127.0.0.1", knot_port))
        validating = [peers.program("unbound"), "-d", "-p", "-c", str(unbound)]
        stack.enter_context(_running(validating, directory / "unbound.log", address, port))
        yield SignedDNS(address, port)


@contextlib.contextmanager
def _running(command: Sequence[str], log: Path, address: str, port: int) -> Iterator[None]:
    """Run a name server as long as the context lasts."""
    with open(log, "wb") as file:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file)
    try:
        eventually(lambda: process.poll() is not None or _listens(address, port), log.read_text)
        if process.poll() is not None:
            raise ChildProcessError(f"{command[0]} has ended\n{log.read_text()}")
        yield
    finally:
        process.terminate()
        process.wait()


def _listens(address: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((address, port)) == 0


def _written(directory: Path, name: str, zone: Zone) -> str:
    """Write the file of a zone, signed as it is to be; return its trust anchor, "" for none."""
    plain, served = directory / f"zone-{name}.plain", directory / f"zone-{name}.served"
    head = [f"$ORIGIN {name.removesuffix('.')}.", "$TTL 60", "@ IN SOA ns hostmaster 1 3600 600 86400 60"]
    head += ["@ IN NS ns", "ns IN A 127.0.0.1"]
    plain.write_text("\n".join([*head, *zone.records]) + "\n")
    if zone.signing == "unsigned":
        served.write_text(plain.read_text())
        return ""
    key = _key(directory, name)
    anchor = (directory / f"{key}.ds").read_text().strip()
    if zone.signing == "stripped":
        served.write_text(plain.read_text())
        return anchor
    signer = _key(directory, name) if zone.signing == "spoofed" else key
    now = datetime.datetime.now(datetime.UTC)
    shift = datetime.timedelta(days=30 if zone.signing == "expired" else 0)
    times = [f"{now - shift + datetime.timedelta(days=days):%Y%m%d%H%M%S}" for days in (-2, 10)]
    sign = [peers.program("ldns-signzone"), "-i", times[0], "-e", times[1], "-f", str(served), str(plain), signer]
    subprocess.run(sign, cwd=directory, check=True, capture_output=True)
    lines = served.read_text().split("\n")
    for owner, old, new in zone.altered:
        lines = [each.replace(old, new) if each.startswith(f"{owner}\t") else each for each in lines]
    served.write_text("\n".join(lines))
    return anchor


def _key(directory: Path, name: str) -> str:
    """Make a key for a zone; return the beginning of its files' names."""
    make = [peers.program("ldns-keygen"), "-a", _ALGORITHM, "-k", name]
    return subprocess.run(make, cwd=directory, check=True, capture_output=True, text=True).stdout.strip()
