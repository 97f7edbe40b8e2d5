"""HAProxy before ``twistd smtpx``: its headers, its TLVs, its checks, and a client behind it that half-closes."""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.interop import telling
from tests.interop.conftest import need
from tests.interop.peers import program
from tests.interop.process import Running, running
from tests.interop.smtpx import smtpx
from tests.ports import free_port
from tests.waiting import PATIENCE
from txsmtpx.testing import Pem

CLIENT = "127.0.0.2"

_HAPROXY = """\
global
  log stdout format raw local0
defaults
  mode tcp
  log global
  timeout connect 5s
  timeout client 1m
  timeout server 1m
  unique-id-format smtp-%[src]
listen v1
  bind 127.0.0.1:{v1}
  server it 127.0.0.1:{behind} send-proxy
listen v2
  bind 127.0.0.1:{v2}
  server it 127.0.0.1:{behind} send-proxy-v2
listen v2_tls
  bind 127.0.0.1:{v2_tls} ssl crt {certificate.both} ca-file {certificate.certificate} verify optional
  server it 127.0.0.1:{behind} send-proxy-v2 proxy-v2-options {options}
backend checked_v1
  option smtpchk EHLO v1.checks.test
  server it 127.0.0.1:{behind} check inter 100 send-proxy check-send-proxy
backend checked_v2
  option smtpchk EHLO v2.checks.test
  server it 127.0.0.1:{behind} check inter 100 send-proxy-v2 check-send-proxy
backend checked_by_tcp
  server it 127.0.0.1:{behind} check inter 100
"""
_OPTIONS = "ssl,cert-cn,cert-key,cert-sig,ssl-cipher,unique-id,authority,crc32c"


@dataclass
class Proxied:
    """Our server, and HAProxy before it: its ports by what they add."""

    ours: Running
    theirs: Running
    ports: dict[str, int]


@pytest.fixture(scope="module")
def proxied(room: Callable[[str], Path], certificate: Pem) -> Iterator[Proxied]:
    need("haproxy")
    ready, behind = free_port(), free_port()
    ports = {name: free_port() for name in ("v1", "v2", "v2_tls")}
    options = [f"--port=tcp:{ready}:interface=127.0.0.1", f"--port=haproxy:tcp:{behind}:interface=127.0.0.1"]
    with smtpx(room("proxied"), ready, *options, f"--backend={telling.__name__}.backend") as ours:
        directory = room("proxy")
        configuration = directory / "haproxy.cfg"
        configuration.write_text(
            _HAPROXY.format(behind=behind, certificate=certificate, options=_OPTIONS, **ports)
        )
        with running([program("haproxy"), "-db", "-f", configuration], directory, ports["v1"]) as theirs:
            yield Proxied(ours, theirs, ports)


def told(client: smtplib.SMTP) -> list[str]:
    """What the server has been told of ``client``."""
    client.ehlo()
    code, text = client.mail("a@client.test")
    assert code == 550
    client.quit()
    return text.decode().removeprefix("5.0.0 ").split("|")


@pytest.mark.parametrize("version", [1, 2])
def test_the_address(proxied: Proxied, version: int) -> None:
    client = smtplib.SMTP("127.0.0.1", proxied.ports[f"v{version}"], source_address=(CLIENT, 0))
    assert told(client) == [CLIENT, str(version), "None", "None", "None"]


@pytest.mark.parametrize("shown", [False, True], ids=["no certificate", "a certificate"])
def test_what_the_client_did_by_tls(proxied: Proxied, certificate: Pem, shown: bool) -> None:
    context = ssl.create_default_context(cafile=certificate.certificate)
    if shown:
        context.load_cert_chain(certificate.certificate, certificate.key)
    client = smtplib.SMTP_SSL("localhost", proxied.ports["v2_tls"], context=context, source_address=(CLIENT, 0))
    *told_first, tls = told(client)
    assert told_first == [CLIENT, "2", "localhost", f"b'smtp-{CLIENT}'"]
    assert re.match(rf"ProxySSL\(tls=True, certificate={shown}, verified={shown}, version='TLSv1\.[23]', ", tls)
    assert ("common_name=''" in tls) is not shown
    assert re.search(r"cipher='\S+', .* signature='ecdsa-with-SHA256', key='EC256'", tls)


@pytest.mark.parametrize("version", [1, 2])
def test_its_checks(proxied: Proxied, version: int) -> None:
    """Which say UNKNOWN, LOCAL or their own address; those by TCP alone, which are always running, leave no line."""
    proxied.ours.logged(rf"C: EHLO v{version}\.checks\.test\n(.*\n)*.*C: QUIT")
    assert "is DOWN" not in proxied.theirs.text
    assert "no PROXY header" not in proxied.ours.text
    assert "Traceback" not in proxied.ours.text


@pytest.mark.parametrize("version", [1, 2])
def test_a_client_that_half_closes(proxied: Proxied, version: int) -> None:
    """HAProxy passes that on."""
    with socket.create_connection(("127.0.0.1", proxied.ports[f"v{version}"]), PATIENCE, (CLIENT, 0)) as client:
        client.sendall(b"EHLO nc.test\r\n" + b"MAIL FROM:<a@client.test>\r\n" * 3)
        client.shutdown(socket.SHUT_WR)
        heard = b"".join(iter(lambda: client.recv(4096), b""))
    assert heard.count(f"550 5.0.0 {CLIENT}|{version}|".encode()) == 3
