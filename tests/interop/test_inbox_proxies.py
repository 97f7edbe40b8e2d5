"""The web inbox behind the proxies of docs/inbox.md: nginx and Caddy, with the configurations of that page."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import smtplib
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.docs.page import Page
from tests.inbox.chromium import Chromium
from tests.interop.conftest import need
from tests.interop.peers import program
from tests.ports import free_port
from tests.waiting import PATIENCE, eventually
from tests.wire.twistd import LOCAL, Twistd

PAGE = Page("docs/inbox.md")
SERVER, NGINX, CADDY = (
    PAGE.take("shell", "--web-path"),
    PAGE.take("nginx", "location"),
    PAGE.take("caddyfile", "reverse"),
)

_NGINX = """
daemon off;
pid {directory}/pid;
error_log {directory}/error.log;
{user}
events {{}}
http {{
    access_log off;
    client_body_temp_path {directory}/a; proxy_temp_path {directory}/b; fastcgi_temp_path {directory}/c;
    uwsgi_temp_path {directory}/d; scgi_temp_path {directory}/e;
    server {{
        listen 127.0.0.1:{port};
        {location}
    }}
}}
"""

_CADDY = """
{{
    admin off
    auto_https off
    storage file_system {directory}
}}
{site}
"""


@contextlib.contextmanager
def running(command: list[str], directory: Path, port: int) -> Iterator[None]:
    """Run a proxy, whose files are in a directory."""
    with open(directory / "output", "wb") as output:
        process = subprocess.Popen(
            command,
            cwd=directory,
            env=os.environ | {name: str(directory) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        eventually(lambda: listens(port) or process.poll() is not None, lambda: (directory / "output").read_text())
        assert process.poll() is None, (directory / "output").read_text()
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), PATIENCE):
        return True
    return False


@contextlib.contextmanager
def nginx(directory: Path, port: int, behind: str) -> Iterator[None]:
    location = NGINX.text.replace("127.0.0.1:8025", behind)
    user = "user root;" if os.geteuid() == 0 else ""
    file = directory / "nginx.conf"
    file.write_text(_NGINX.format(directory=directory, port=port, location=location, user=user))
    with running([program("nginx"), "-c", str(file), "-e", str(directory / "error.log")], directory, port):
        yield


@contextlib.contextmanager
def caddy(directory: Path, port: int, behind: str) -> Iterator[None]:
    here = f"http://mail.example.org:{port}, http://127.0.0.1:{port}, http://evil.example:{port}"
    site = CADDY.text.replace("mail.example.org", here).replace("127.0.0.1:8025", behind)
    file = directory / "Caddyfile"
    file.write_text(_CADDY.format(directory=directory, site=site))
    with running([program("caddy"), "run", "--config", str(file), "--adapter", "caddyfile"], directory, port):
        yield


class Proxied(NamedTuple):
    """An inbox behind a proxy: the port of the mail server, and that of the proxy."""

    smtp: int
    port: int

    def ask(self, method: str, path: str, host: str = "mail.example.org", **fields: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            connection.request(method, path, headers={"Host": f"{host}:{self.port}"} | fields)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def send(self, subject: str) -> None:
        with smtplib.SMTP("127.0.0.1", self.smtp) as client:
            client.sendmail("a@example.org", ["b@example.net"], f"Subject: {subject}\r\n\r\nHey\r\n")


PROXIES: dict[str, Callable[[Path, int, str], contextlib.AbstractContextManager[None]]] = {
    "nginx": nginx,
    "caddy": caddy,
}


@pytest.fixture(scope="module", params=PROXIES)
def proxied(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    need(request.param)
    directory = tmp_path_factory.mktemp(request.param)
    options = SERVER.text.split("smtpx", 1)[1].replace("8025", LOCAL).split()
    with Twistd(directory, "--port", LOCAL, *options) as server:
        smtp, web = server.ports(2)
        port = free_port()
        with PROXIES[request.param](directory, port, f"127.0.0.1:{web}"):
            yield Proxied(int(smtp), port)
        assert "Traceback" not in server.log


def test_pages_and_api(proxied):
    proxied.send("Hello")
    status, page = proxied.ask("GET", "/mail/")
    assert status == 200
    assert f"http://mail.example.org:{proxied.port}/mail/api/messages" in page
    found = json.loads(proxied.ask("GET", "/mail/api/messages?search=subject:hello&wait=20")[1])
    number = found["messages"][0]["id"]
    assert "Hey" in proxied.ask("GET", f"/mail/messages/{number}/text")[1]
    url = json.loads(proxied.ask("GET", f"/mail/api/messages/{number}")[1])["parts"][0]["url"]
    assert proxied.ask("GET", url)[1] == "Hey\r\n"
    origin = {"Origin": f"http://mail.example.org:{proxied.port}"}
    assert proxied.ask("DELETE", f"/mail/api/messages/{number}", Origin="http://evil.example")[0] == 403
    assert proxied.ask("DELETE", f"/mail/api/messages/{number}", **origin)[0] == 204
    assert proxied.ask("GET", "/mail/", "evil.example")[0] == 403


def test_a_client_does_not_choose_its_host(proxied):
    """What it sends itself is replaced by the proxy, or stands in front of it."""
    proxied.send("Secret")
    forged = {"X-Forwarded-Prefix": "/evil", "X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "gopher"}
    assert "gopher" not in proxied.ask("GET", "/mail/", **forged)[1]
    status, text = proxied.ask("GET", "/mail/api/messages", "evil.example", **{"X-Forwarded-For": "127.0.0.1"})
    assert (status, "Secret" in text) == (403, False)


def test_in_a_browser(proxied):
    """Events arrive, links and buttons lead to the right place, and nothing is missing."""
    need("chromium")
    proxied.ask("DELETE", "/mail/api/messages")
    with Chromium() as browser:
        browser.go(f"http://127.0.0.1:{proxied.port}/mail/")
        browser.eventually("document.querySelector('#live').innerText === 'live'")
        proxied.send("First")
        browser.eventually("document.querySelector('#list .subject')?.innerText === 'First'")
        browser.press("j")
        browser.eventually("document.querySelector('#subject')?.innerText === 'First'")
        browser.press("4")
        browser.eventually("document.querySelector('pre.source')")
        assert browser.ask("location.pathname").endswith("/source")
        browser.ask("document.querySelector('#delete button').click()")
        browser.eventually("location.pathname === '/mail/' && document.body.innerText.includes('1 message deleted.')")
        browser.press("z")
        browser.eventually("document.querySelector('#list .subject')?.innerText === 'First'")
        complaints = [
            each for each in browser.events if each["method"] in ("Log.entryAdded", "Runtime.exceptionThrown")
        ]
        assert complaints == []
