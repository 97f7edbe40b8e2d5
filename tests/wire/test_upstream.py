"""The patch for Twisted in docs/upstream: it applies to the installed Twisted, and corrects what its page says."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import StringTransportWithDisconnection
from twisted.protocols.haproxy import _wrapper

from twisted import version

PATCH = Path(__file__).parents[2] / "docs" / "upstream" / "haproxy.patch"
LINE = b"PROXY TCP4 198.51.100.7 203.0.113.25 40000 25\r\n"
BINARY = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc6\x33\x64\x07\xcb\x00\x71\x19\x9c\x40\0\x19"

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(
        (version.major, version.minor) != (26, 10), reason=f"the patch is for Twisted 26.10, not {version.short()}"
    ),
]


@pytest.fixture(scope="module")
def patched(tmp_path_factory):
    """The directory of a patched copy, as a package ``patched_haproxy``."""
    directory = tmp_path_factory.mktemp("upstream")
    here = directory / "twisted/protocols/haproxy"
    shutil.copytree(Path(_wrapper.__file__).parent, here, ignore=shutil.ignore_patterns("__pycache__"))
    done = subprocess.run(["git", "apply", "-p2", PATCH], cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    here.rename(directory / "patched_haproxy")
    return directory


@pytest.fixture
def wrappers(patched, monkeypatch):
    """Twisted's wrapping factory as it is, and with the patch."""
    monkeypatch.syspath_prepend(str(patched))
    yield _wrapper.HAProxyWrappingFactory, importlib.import_module("patched_haproxy._wrapper").HAProxyWrappingFactory
    for name in [name for name in sys.modules if name.startswith("patched_haproxy")]:
        del sys.modules[name]


class Wrapped(Protocol):
    """What a protocol has seen when it is connected, and later."""

    met = None
    data = b""

    def connectionMade(self):
        self.met = self.transport.getPeer()

    def dataReceived(self, data):
        self.data += data


class Slow(StringTransportWithDisconnection):
    """Takes its time to close."""

    def loseConnection(self):
        self.disconnecting = True


def outcome(wrapping, *segments):
    """Whether the header is accepted, and from where the client is then; or what was raised."""
    wrapped = Wrapped()
    factory = wrapping(Factory.forProtocol(lambda: wrapped))
    transport = Slow()
    proxied = transport.protocol = factory.buildProtocol(None)
    proxied.makeConnection(transport)
    try:
        for segment in segments:
            proxied.dataReceived(segment)
        proxied.dataReceived(b"data")
    except ValueError as error:
        return type(error).__name__
    return None if transport.disconnecting else (getattr(proxied.getPeer(), "host", None), wrapped.data)


OWN = ("192.168.1.1", b"data")
CLIENT = ("198.51.100.7", b"data")


def v1(words: bytes) -> bytes:
    return b"PROXY " + words + b"\r\n"


ROWS = {
    "UNKNOWN alone": ([v1(b"UNKNOWN")], None, OWN),
    "version 1, a short segment": ([LINE[:7], LINE[7:]], None, CLIENT),
    "version 1, octets": ([LINE[at : at + 1] for at in range(len(LINE))], None, CLIENT),
    "version 2, a short segment": ([BINARY[:15], BINARY[15:]], None, CLIENT),
    "version 2, octets": ([BINARY[at : at + 1] for at in range(len(BINARY))], None, CLIENT),
    "any text": ([v1(b"TCP4 evil] 203.0.113.25 1 25")], ("evil]", b"data"), None),
    "another family": ([v1(b"TCP4 ::1 ::1 1 25")], ("::1", b"data"), None),
    "a zone": ([v1(b"TCP6 fe80::1%eth0 ::1 1 25")], ("fe80::1%eth0", b"data"), None),
    "a port too high": ([v1(b"TCP4 198.51.100.7 203.0.113.25 65536 25")], CLIENT, None),
    "a negative port": ([v1(b"TCP4 198.51.100.7 203.0.113.25 -1 25")], CLIENT, None),
    "a port with a sign": ([v1(b"TCP4 198.51.100.7 203.0.113.25 1 +25")], CLIENT, None),
    "a port with an underscore": ([v1(b"TCP4 198.51.100.7 203.0.113.25 1_0 25")], CLIENT, None),
    "a name of a port": ([v1(b"TCP4 198.51.100.7 203.0.113.25 smtp 25")], "ValueError", None),
    "not ASCII": ([v1(b"TCP4 \xff 203.0.113.25 1 25")], "UnicodeDecodeError", None),
    "words behind the port": ([v1(b"TCP4 198.51.100.7 203.0.113.25 1 25 anything")], CLIENT, None),
    "a long line": ([v1(b"UNKNOWN " + b"x" * 65000)], OWN, None),
}


@pytest.mark.parametrize(("segments", "before", "after"), ROWS.values(), ids=ROWS)
def test_each_row_of_the_page(wrappers, segments, before, after):
    unpatched, patched = wrappers
    assert outcome(unpatched, *segments) == before
    assert outcome(patched, *segments) == after


def test_a_second_line_after_a_rejected_header(wrappers):
    def accepted(wrapping):
        factory = wrapping(Factory.forProtocol(Wrapped))
        proxied = factory.buildProtocol(None)
        proxied.makeConnection(Slow())
        proxied.dataReceived(v1(b"TCP5 1 2 3 4"))
        proxied.dataReceived(LINE + b"data")
        return proxied.wrappedProtocol.data == b"data"

    assert [accepted(each) for each in wrappers] == [True, False]


def test_a_protocol_that_speaks_first(wrappers):
    def met(wrapping):
        wrapped = Wrapped()
        factory = wrapping(Factory.forProtocol(lambda: wrapped))
        proxied = factory.buildProtocol(None)
        proxied.makeConnection(Slow())
        before = wrapped.met
        proxied.dataReceived(LINE)
        return getattr(before, "host", None), wrapped.met.host

    assert [met(each) for each in wrappers] == [("192.168.1.1", "192.168.1.1"), (None, "198.51.100.7")]


def test_a_connection_that_closes_without_a_header(wrappers):
    _, patched = wrappers
    factory = patched(Factory.forProtocol(Wrapped))
    transport = StringTransportWithDisconnection()
    transport.protocol = factory.buildProtocol(None)
    transport.protocol.makeConnection(transport)
    transport.loseConnection()
    assert factory.protocols == {}


def test_twisteds_own_tests_pass(patched):
    modules = [f"patched_haproxy.test.test_{each}" for each in ("v1parser", "v2parser", "wrapper")]
    if not (patched / "patched_haproxy" / "test").exists():
        pytest.skip("this Twisted was installed without its tests")
    done = subprocess.run(
        [sys.executable, "-m", "twisted.trial", "--temp-directory", patched / "trial", *modules],
        cwd=patched, env={**os.environ, "PYTHONPATH": str(patched)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "PASSED" in done.stdout
