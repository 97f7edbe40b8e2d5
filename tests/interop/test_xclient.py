"""XCLIENT, XFORWARD and PROXY with Postfix and HAProxy: what we say they believe, what they say we do."""

from __future__ import annotations

import contextlib
import re
import smtplib
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from twisted.internet import reactor
from twisted.internet.address import IPv4Address
from twisted.internet.endpoints import TCP4ClientEndpoint, clientFromString

from tests.interop import servers
from tests.interop.clients import SENDER
from tests.interop.conftest import OurServer, need
from tests.interop.messages import message
from tests.interop.peers import program
from tests.interop.process import Running, running
from tests.interop.servers import DOMAIN, Postfix
from tests.interop.smtpx import smtpx
from tests.maildir import stored
from tests.ports import free_port
from tests.waiting import PATIENCE, eventually
from txsmtpx import RelayBackend, SMTPServerFactory, connect
from txsmtpx.errors import NotOffered
from txsmtpx.testing import Pem
from txsmtpx.wire.proxy_protocol_client import PROXYEndpoint

Room = Callable[[str], Path]

TO = f"alice@{DOMAIN}"


@pytest.fixture(scope="module")
def trusting(room: Room, certificate: Pem) -> Iterator[Postfix]:
    """It lets us speak for others."""
    need("postfix")
    settings = {"smtpd_authorized_xclient_hosts": "127.0.0.1", "smtpd_authorized_xforward_hosts": "127.0.0.1"}
    settings |= {"smtpd_relay_restrictions": "reject_unauth_destination", "inet_protocols": "all"}
    with servers.postfix(room("xclient-postfix"), certificate, {}, **settings) as server:
        yield server


def delivered(postfix: Postfix, sent: bytes) -> str:
    """The headers that it has put before ``sent``, once it has stored it."""
    as_file = sent.replace(b"\r\n", b"\n")

    def found() -> list[bytes]:
        contents = [file.read_bytes() for file in postfix.maildir.rglob("*") if file.is_file()]
        return [each for each in contents if as_file in each.replace(b"\r\n", b"\n")]

    (whole,) = eventually(found, lambda: f"it is not in {postfix.maildir}\n{postfix.end}")
    return whole.replace(b"\r\n", b"\n").partition(as_file)[0].decode()


OTHERS = {"192.0.2.7": "192.0.2.7", "2001:db8::8": "IPv6:2001:db8::8"}


@pytest.mark.parametrize("host", OTHERS)
async def test_postfix_takes_us_for_another(trusting: Postfix, host: str) -> None:
    client = await connect(f"tcp:127.0.0.1:{trusting.port}")
    assert {"ADDR", "HELO", "LOGIN", "NAME", "PORT", "PROTO"} <= client.extensions["XCLIENT"]
    await client.xclient(addr=host, port="4007", name="real.example", helo="hello.example", login="some one")
    sent = message(f"xclient-{len(host)}@client.test")
    result = await client.send(SENDER, [TO], sent)
    assert [recipient for recipient, _ in result.accepted] == [TO]
    trusting.logged(rf"client=real\.example\[{re.escape(host)}\].*sasl_username=some one")
    trace = delivered(trusting, sent)
    assert f"Received: from hello.example (real.example [{OTHERS[host]}])" in trace
    assert client.spent  # whom we are now it does not trust
    with pytest.raises(NotOffered):
        await client.xclient(addr="192.0.2.8")
    await client.quit()


async def test_our_relay_is_the_client_to_postfix(trusting: Postfix) -> None:
    """Each transaction another's, which with Postfix takes another connection."""
    backend = RelayBackend([f"tcp:127.0.0.1:{trusting.port}"], domains=[DOMAIN], introduce="xclient")
    factory = SMTPServerFactory(backend)
    port = reactor.listenTCP(0, factory, interface="127.0.0.1")  # type: ignore[attr-defined]  # typed as a module
    for host in ("127.0.0.4", "127.0.0.5"):
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port, bindAddress=(host, 0))
        client = await connect(endpoint, domain="sender.example")
        for number in range(2):
            await client.send(SENDER, [TO], message(f"xclient-relay-{number}-{host}@client.test"))
        await client.quit()
        trusting.logged(rf"(?s)(client=unknown\[{re.escape(host)}\].*){{2}}")
    await port.stopListening()
    await factory.drain(5)
    for pool in backend.pools:
        await pool.stopService()


async def test_postfix_logs_whom_we_forward_for(trusting: Postfix) -> None:
    client = await connect(f"tcp:127.0.0.1:{trusting.port}")
    origin = {"name": "origin.example", "addr": "192.0.2.11", "port": "4011", "helo": "origin", "proto": "ESMTP"}
    await client.xforward(**origin, ident="X1")
    await client.send(SENDER, [TO], message("xforward@client.test"))
    trusting.logged(r"client=.*\[127\.0\.0\.1\].*orig_queue_id=X1, orig_client=origin\.example\[192\.0\.2\.11\]")
    await client.quit()


# Ours in the middle, or at the end


def relay(directory: Path, port: int, next_port: int, *options: str) -> contextlib.AbstractContextManager[Running]:
    """``twistd smtpx --backend relay:``"""
    listening = f"--port=tcp:{port}:interface=127.0.0.1"
    backend = f"--backend=relay:tcp:127.0.0.1:{next_port}"
    return smtpx(directory, port, listening, backend, f"--relay-domain={DOMAIN}", *options)


def test_our_relay_tells_postfix_who_sends(trusting: Postfix, room: Room) -> None:
    """127.0.0.2 is another address of this machine."""
    port = free_port()
    with relay(room("xforward-relay"), port, trusting.port):
        with smtplib.SMTP("127.0.0.1", port, "sender.example", source_address=("127.0.0.2", 0)) as sender:
            sender.sendmail(SENDER, [TO], message("xforward-relay@client.test"), mail_options=["BODY=8BITMIME"])
        trusting.logged(r"client=.*\[127\.0\.0\.1\].*orig_client=unknown\[127\.0\.0\.2\]")


def test_postfix_tells_us_and_we_tell_the_next(trusting: Postfix, room: Room, certificate: Pem) -> None:
    """Postfix, ours, Postfix: the last knows what the first was told, its queue id included."""
    port = free_port()
    with relay(room("xforward-between"), port, trusting.port, "--trusted-network=127.0.0.1") as ours:
        need("postfix")
        routes = {DOMAIN: f"smtp:[127.0.0.1]:{port}"}
        # One that delivers this domain itself would not relay it.
        settings = {"virtual_mailbox_domains": "", "smtp_send_xforward_command": "yes"}
        with servers.postfix(room("xforward-first"), certificate, routes, **settings) as first:
            with smtplib.SMTP("127.0.0.1", first.port, "sender.example", source_address=("127.0.0.3", 0)) as sender:
                sender.sendmail(SENDER, [TO], message("xforward-between@client.test"), mail_options=["BODY=8BITMIME"])
            queue_id = first.logged(r"(\w+): client=unknown\[127\.0\.0\.3\]")[1]
            first.logged(rf"{queue_id}: to=<{re.escape(TO)}>.* status=sent")
        ours.logged(r"C: XFORWARD .*ADDR=127\.0\.0\.3")
        trusting.logged(rf"client=.*\[127\.0\.0\.1\].*orig_queue_id={queue_id}, orig_client=unknown\[127\.0\.0\.3\]")


def test_swaks_speaks_for_another(room: Room) -> None:
    need("swaks")
    directory, port = room("xclient-swaks"), free_port()
    options = [f"--port=tcp:{port}:interface=127.0.0.1", "--trusted-network=127.0.0.1", "--backend=maildir:mail"]
    with smtpx(directory, port, *options):
        command = [program("swaks"), "--server", f"127.0.0.1:{port}", "--from", SENDER, "--to", TO]
        command += ["--xclient-addr", "192.0.2.41", "--xclient-helo", "real.example", "--body", "for another"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "XCLIENT ADDR=192.0.2.41 HELO=real.example" in done.stdout
        (message,) = stored(directory / "mail")
        assert b"([192.0.2.41])" in message


# PROXY


@pytest.fixture(scope="module")
def behind_proxy(room: Room, certificate: Pem) -> Iterator[Postfix]:
    """Postfix, one port of which wants a header before all else."""
    need("postfix")
    settings = {"smtpd_relay_restrictions": "reject_unauth_destination"}
    with servers.postfix(room("proxy-postfix"), certificate, {}, **settings) as server:
        yield server


@pytest.mark.parametrize("version", [1, 2])
async def test_postfix_reads_our_header(behind_proxy: Postfix, certificate: Pem, version: int) -> None:
    source = IPv4Address("TCP", f"192.0.2.{20 + version}", 4020)
    endpoint = PROXYEndpoint(clientFromString(reactor, f"tcp:localhost:{behind_proxy.proxied_port}"), version, source)
    client = await connect(endpoint, tls="required", hostname="localhost", trust_roots=str(certificate.certificate))
    assert client.tls is not None
    await client.send(SENDER, [TO], message(f"proxy-{version}@client.test"))
    behind_proxy.logged(rf"client=unknown\[{re.escape(source.host)}\]")
    await client.quit()


_HAPROXY = """\
defaults
  mode tcp
  timeout connect 5s
  timeout client 1m
  timeout server 1m
listen accepting
  bind 127.0.0.1:{port} accept-proxy
  server it 127.0.0.1:{behind} send-proxy-v2
listen ready
  bind 127.0.0.1:{ready}
  server it 127.0.0.1:{behind} send-proxy
"""


@pytest.mark.parametrize("version", [1, 2])
async def test_haproxy_reads_our_header_and_passes_it_on(room: Room, our_server: OurServer, version: int) -> None:
    need("haproxy")
    directory = room(f"proxy-haproxy-{version}")
    port, ready = free_port(), free_port()
    configuration = directory / "haproxy.cfg"
    configuration.write_text(_HAPROXY.format(port=port, ready=ready, behind=our_server.proxied_port))
    source = IPv4Address("TCP", f"192.0.2.{30 + version}", 4030)
    sent = message(f"haproxy-{version}@client.test")
    with running([program("haproxy"), "-db", "-f", configuration], directory, ready):
        endpoint = PROXYEndpoint(clientFromString(reactor, f"tcp:127.0.0.1:{port}"), version, source)
        client = await connect(endpoint)
        await client.send(SENDER, [f"proxied{version}@{DOMAIN}"], sent)
        await client.quit()
    (received,) = stored(our_server.maildirs / DOMAIN / f"proxied{version}")
    assert f"([{source.host}])".encode() in received
