"""DANE with zones that are signed, and beside it Postfix with the same zones: the same verdicts."""

from __future__ import annotations

import contextlib
import hashlib
import re
import smtplib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from twisted.internet import reactor

from tests.authority import Authority
from tests.interop import servers
from tests.interop.conftest import need
from tests.interop.signed_dns import SignedDNS, Zone, signed_dns
from tests.interop.smtpx import smtpx
from tests.ports import free_port
from txsmtpx import DeliveryError, MXEndpoint, connect
from txsmtpx.mx_tls.mx_security import MXSecurity
from txsmtpx.mx_tls.tls_policy_table import TLSLevel, TLSPolicy
from txsmtpx.testing import Pem
from txsmtpx.wire.system_resolver import SystemResolver

Room = Callable[[str], Path]

VERIFIED, ENCRYPTED, CLEAR = "verified", "encrypted", "clear"
"""Mail is sent: to a server that is known to be the right one; with TLS; without."""
SENT = (VERIFIED, ENCRYPTED, CLEAR)


@dataclass
class Case:
    """
    A domain.

    Attributes:
        expected: What becomes of mail; a part of the error if it is not sent.
        tlsa: The data of its TLSA records; ``{leaf}`` and ``{authority}`` stand for digests.
        server: The server that it names.
        zone: The zone that it is in.
        records: More lines of its zone; ``{case}`` is its name.
        altered: True if the TLSA records are not those that were signed.
        postfix: What Postfix does, if that is another thing.
    """

    expected: str
    tlsa: tuple[str, ...] = ()
    server: str = "right"
    zone: str = "good.test"
    records: str = "{case} IN MX 10 mx.{case}\nmx.{case} IN A 127.0.0.1"
    base: str = "mx.{case}"
    altered: bool = False
    postfix: str = ""


OTHER = "0" * 64
UNKNOWN = "it is not known whether"

CASES = {
    "ee": Case(VERIFIED, ("3 1 1 {leaf_key}",)),
    "ee-whole": Case(VERIFIED, ("3 0 1 {leaf}",)),
    "ee-longer-digest": Case(VERIFIED, ("3 1 2 {leaf_key_512}",)),
    "ee-full": Case(VERIFIED, ("3 0 0 {leaf_full}",)),
    "roll-over": Case(VERIFIED, (f"3 1 1 {OTHER}", "3 1 1 {leaf_key}")),
    "wrong": Case("no TLSA record matches", (f"3 1 1 {OTHER}",)),
    "wrong-stronger-digest": Case("no TLSA record matches", ("3 1 1 {leaf_key}", f"3 1 2 {OTHER * 2}")),
    "ta": Case(VERIFIED, ("2 0 1 {authority}",)),
    "ta-key": Case(VERIFIED, ("2 1 1 {authority_key}",)),
    "ta-full": Case(VERIFIED, ("2 0 0 {authority_full}",)),
    "ta-another": Case("no TLSA record matches", (f"2 0 1 {OTHER}",)),
    "ta-another-name": Case("the certificate is for another name", ("2 0 1 {authority}",), server="nameless"),
    "ee-expired": Case(VERIFIED, ("3 1 1 {expired_key}",), server="expired"),
    "ta-expired": Case("the certificate has expired", ("2 0 1 {authority}",), server="expired"),
    "no-starttls": Case("the server does not offer STARTTLS", ("3 1 1 {leaf_key}",), server="plain"),
    "no-starttls-without-tlsa": Case(CLEAR, server="plain"),
    "pkix": Case(ENCRYPTED, ("1 1 1 {leaf_key}",)),
    "pkix-and-ee": Case(VERIFIED, ("0 1 1 {leaf_key}", "3 1 1 {leaf_key}")),
    "short": Case(ENCRYPTED, ("3 1 1 abcd",)),
    "unknown-digest": Case(ENCRYPTED, ("3 1 9 {leaf_key}",)),
    "none": Case(ENCRYPTED),
    "alias": Case(
        VERIFIED, ("3 1 1 {leaf_key}",),
        records="{case} MX 10 alias.{case}\nalias.{case} CNAME target.{case}\ntarget.{case} A 127.0.0.1",
        base="target.{case}",
    ),
    "alias-itself": Case(
        VERIFIED, ("3 1 1 {leaf_key}",),
        records="{case} MX 10 alias.{case}\nalias.{case} CNAME target.{case}\ntarget.{case} A 127.0.0.1",
        base="alias.{case}",
    ),
    "alias-elsewhere": Case(
        VERIFIED, ("3 1 1 {leaf_key}",),
        records="{case} MX 10 alias.{case}\nalias.{case} CNAME target.plain.test.",
        base="alias.{case}",
    ),
    "no-mx": Case(VERIFIED, ("3 1 1 {leaf_key}",), records="{case} A 127.0.0.1", base="{case}"),
    "altered": Case(UNKNOWN, ("3 1 1 {leaf_key}",), altered=True),
    "unsigned": Case(ENCRYPTED, (f"3 1 1 {OTHER}",), zone="plain.test"),
    "expired": Case("the MX of expired.expired.test could not be looked up", (f"3 1 1 {OTHER}",), zone="expired.test"),
    "stripped": Case("the MX of stripped.stripped.test could not", (f"3 1 1 {OTHER}",), zone="stripped.test"),
    "spoofed": Case("the MX of spoofed.spoofed.test could not", (f"3 1 1 {OTHER}",), zone="spoofed.test"),
    "unsigned-mx": Case(ENCRYPTED, zone="plain.test", records="{case} MX 10 mx.ee.good.test."),
    "unsigned-mx-wrong": Case(
        "no TLSA record matches", zone="plain.test", records="{case} MX 10 mx.wrong.good.test."
    ),
}  # fmt: skip
DOMAINS = {name: f"{name}.{case.zone}" for name, case in CASES.items()}


@dataclass
class World:
    """
    The domains and their servers.

    Attributes:
        dns: The name server that validates.
        ports: The port of each server.
    """

    dns: SignedDNS
    ports: dict[str, int]

    def port(self, case: str) -> int:
        """Return the port of the server of a case."""
        return self.ports[CASES[case].server]


def digests(name: str, certificate: x509.Certificate) -> dict[str, str]:
    """Return what TLSA records have of a certificate."""
    whole = certificate.public_bytes(Encoding.DER)
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return {
        name: hashlib.sha256(whole).hexdigest(),
        f"{name}_key": hashlib.sha256(key).hexdigest(),
        f"{name}_key_512": hashlib.sha512(key).hexdigest(),
        f"{name}_full": whole.hex(),
    }


@pytest.fixture(scope="module")
def world(room: Room) -> Iterator[World]:
    """Servers with certificates that are right and wrong, and the zones that name them."""
    need("knot")
    need("unbound")
    directory = room("mx-security")
    authority = Authority(directory)
    chain = authority.path.read_bytes()
    files = {
        "right": authority.issue("*.ta.good.test", "*.ta-key.good.test", "*.ta-full.good.test", "mx.ee.good.test"),
        "nameless": authority.issue("mx.another.test"),
        "expired": authority.issue("mx.ta-expired.good.test", "mx.ee-expired.good.test", days=(-3, -1)),
    }
    found = digests("authority", x509.load_pem_x509_certificate(chain))
    for name, server in (("leaf", "right"), ("expired", "expired")):
        found |= digests(name, x509.load_pem_x509_certificate(files[server].read_bytes()))
    with contextlib.ExitStack() as stack:
        ports = {}
        for name in (*files, "plain"):
            port = ports[name] = free_port()
            options: list[str | Path] = ["--port", f"tcp:{port}:interface=127.0.0.1", "--backend", "null"]
            if name in files:
                files[name].write_bytes(files[name].read_bytes() + chain)
                options += ["--tls-certificate", files[name]]
            stack.enter_context(smtpx(room(f"mx-{name}"), port, *options))
        zones = written_zones(found, ports)
        dns = stack.enter_context(signed_dns(room("mx-dns"), zones, 53))
        yield World(dns, ports)


def written_zones(found: dict[str, str], ports: dict[str, int]) -> dict[str, Zone]:
    """Return the zones of all cases."""
    zones = {"good.test": Zone([]), "plain.test": Zone(["target IN A 127.0.0.1"], "unsigned")}
    zones |= {f"{how}.test": Zone([], how) for how in ("expired", "stripped", "spoofed")}  # type: ignore[arg-type]
    for name, case in CASES.items():
        lines = case.records.format(case=name).split("\n")
        base = case.base.format(case=name)
        lines += [f"_{ports[case.server]}._tcp.{base} IN TLSA {each.format(**found)}" for each in case.tlsa]
        zones[case.zone].records += lines
        if case.altered:
            owner = f"_{ports[case.server]}._tcp.{base}.{case.zone}."
            zones[case.zone].altered.append((owner, found["leaf_key"], OTHER))
    return zones


async def verdict(world: World, case: str, level: TLSLevel = "auto") -> str:
    """Connect to a domain, and return what becomes of its mail."""
    resolver = SystemResolver(reactor, world.dns.configuration, hosts_file="/nowhere")
    security = MXSecurity([TLSPolicy("*", level)])
    endpoint = MXEndpoint(reactor, DOMAINS[case], world.port(case), resolver=resolver, security=security)
    try:
        client = await connect(endpoint)
    except DeliveryError as error:
        return f"{'for now' if error.temporary else 'for ever'}: {error}"
    how = CLEAR if client.tls is None else VERIFIED if client.tls.verified else ENCRYPTED
    await client.quit()
    return how


@pytest.mark.parametrize("case", CASES)
async def test_the_verdict(case: str, world: World) -> None:
    expected = CASES[case].expected
    found = await verdict(world, case)
    assert found == expected if expected in SENT else found.startswith("for now: ") and expected in found, found


@pytest.fixture(scope="module")
def postfix(room: Room, certificate: Pem, world: World) -> Iterator[servers.Postfix]:
    """Postfix that delivers to the domains by DANE, and has mail for each."""
    need("postfix")
    routes = {domain: f"smtp:{domain}:{world.port(case)}" for case, domain in DOMAINS.items()}
    settings = {
        "disable_dns_lookups": "no",
        "smtp_host_lookup": "dns",
        "smtp_dns_support_level": "dnssec",
        "smtp_tls_security_level": "dane",
        "smtp_tls_connection_reuse": "no",
        "smtp_connection_cache_on_demand": "no",
    }
    directory = room("postfix-dane")
    (directory / "resolv.conf").write_text(f"nameserver {world.dns.address}\noptions timeout:5\n")
    with servers.postfix(directory, certificate, routes, **settings) as server:
        with smtplib.SMTP("127.0.0.1", server.port) as client:
            for domain in DOMAINS.values():
                client.sendmail("me@example.net", [f"you@{domain}"], b"Subject: hello\r\n\r\nhello\r\n")
        yield server


@pytest.mark.parametrize("case", CASES)
def test_the_verdict_of_postfix(case: str, postfix: servers.Postfix) -> None:
    status = postfix.logged(rf"([A-F0-9]+): to=<you@{re.escape(DOMAINS[case])}>.* status=(\w+) (.*)")
    expected = CASES[case].postfix or CASES[case].expected
    if status[2] != "sent":
        assert expected not in SENT, status[3]
        return
    host = status.string[: status.end()].rpartition("relay=")[2].partition("[")[0]
    tls = re.findall(rf"(\w+) TLS connection established to {re.escape(host)}\[", postfix.text)
    assert expected == (CLEAR if not tls else VERIFIED if tls == ["Verified"] else ENCRYPTED), tls
