"""
Fixtures of pytest for programs that send or take mail; docs/testing.md shows them at work.

A test that waits by blocking, such as one of a Django project with ``smtplib``, has its server in a thread with a
reactor of its own.  A test that pytest-twisted runs has it on the reactor it runs in.

pytest imports this module whenever it starts, so it imports nothing of Twisted's, and nothing of ours, before a fixture
is used.  That is why it stands outside of the package.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from txsmtpx.testing import MailServer, Pem, ReactorThread, Script

_MARKERS = {
    "smtp_server": "what smtp_server is to be, such as tls='starttls', users={'me': 'secret'}, backend=...",
    "lmtp_server": "likewise, for lmtp_server",
}


def pytest_configure(config: pytest.Config) -> None:
    """Tell pytest of the markers."""
    for name, words in _MARKERS.items():
        config.addinivalue_line("markers", f"{name}(**options): {words} (txsmtpx.testing.MailServer)")


@pytest.fixture(scope="session")
def _txsmtpx_thread() -> Iterator[ReactorThread]:
    from txsmtpx.testing import ReactorThread

    thread = ReactorThread()
    yield thread
    thread.stop()


@pytest.fixture(scope="session")
def smtp_certificate(tmp_path_factory: pytest.TempPathFactory) -> Pem:
    """What the servers show, for localhost and 127.0.0.1: a `txsmtpx.testing.Pem`, which is its own authority."""
    from txsmtpx.testing import issue

    return issue(tmp_path_factory.mktemp("txsmtpx"))


@pytest.fixture
def _txsmtpx_place(request: pytest.FixtureRequest) -> Any:
    """Where a server of this test has to run."""
    if not _in_twisted(request):
        return request.getfixturevalue("_txsmtpx_thread")
    from twisted.internet import reactor

    from txsmtpx.testing import Here

    return Here(reactor)


def _in_twisted(request: pytest.FixtureRequest) -> bool:
    """Whether the test runs in pytest-twisted's reactor, and gives way to it."""
    if not request.config.pluginmanager.hasplugin("twisted"):
        return False
    function = getattr(request.node, "obj", None)
    function = getattr(getattr(function, "hypothesis", None), "inner_test", function)
    others = ("asyncio", "anyio", "trio")
    if any(request.node.get_closest_marker(name) for name in others):
        return False
    return hasattr(function, "_pytest_twisted_mark") or inspect.iscoroutinefunction(function)


def _blockon(result: Any) -> None:
    from twisted.internet.defer import Deferred

    if isinstance(result, Deferred):
        import pytest_twisted  # type: ignore[import-untyped]

        pytest_twisted.blockon(result)


@pytest.fixture
def make_smtp_server(_txsmtpx_place: Any, smtp_certificate: Pem) -> Iterator[Callable[..., MailServer]]:
    """
    A function that starts a `txsmtpx.testing.MailServer`, which is stopped at the end of the test.

    It takes what `txsmtpx.testing.MailServer` takes; ``lmtp=True`` makes it speak LMTP.
    """
    from txsmtpx.testing import MailServer

    servers: list[MailServer] = []

    def make(backend: Any = None, **options: Any) -> MailServer:
        options = {"certificate": smtp_certificate if options.get("tls") else None, "where": _txsmtpx_place} | options
        server = MailServer(backend, **options).start()
        servers.append(server)
        return server

    yield make
    for server in servers:
        _blockon(server.stop())


@pytest.fixture
def smtp_server(request: pytest.FixtureRequest, make_smtp_server: Callable[..., MailServer]) -> MailServer:
    """A `txsmtpx.testing.MailServer` on a port of its own; its options are those of the marker ``smtp_server``."""
    return make_smtp_server(**_marked(request, "smtp_server"))


@pytest.fixture
def lmtp_server(request: pytest.FixtureRequest, make_smtp_server: Callable[..., MailServer]) -> MailServer:
    """The same, speaking LMTP (RFC 2033); its options are those of the marker ``lmtp_server``."""
    return make_smtp_server(**{"lmtp": True} | _marked(request, "lmtp_server"))


def _marked(request: pytest.FixtureRequest, name: str) -> dict[str, Any]:
    """What the markers say, the nearest last."""
    options: dict[str, Any] = {}
    for mark in reversed(list(request.node.iter_markers(name))):
        if mark.args:
            raise pytest.UsageError(f"the marker {name} takes its options by name: {mark.args!r}")
        options |= mark.kwargs
    return options


@pytest.fixture
def smtp_client(_txsmtpx_place: Any) -> Iterator[Callable[..., Any]]:
    """
    A function that connects a client to a `txsmtpx.testing.MailServer`, or to an endpoint or its string.

    It takes what `txsmtpx.connect` takes.  It gives a client whose methods are those of `txsmtpx.SMTPClient`, and
    block; in a test that pytest-twisted runs, a Deferred of an `txsmtpx.SMTPClient`.  What is still connected at the
    end of the test is cut off.
    """
    from txsmtpx.testing.blocking import Clients

    clients = Clients(_txsmtpx_place)
    yield clients.connect
    clients.give_up()


@pytest.fixture
def scripted_server(_txsmtpx_place: Any) -> Iterator[Callable[..., Script]]:
    """
    A function that listens with a server which says what it is told and fails where it is told.

    It takes what `txsmtpx.testing.ScriptedServer` takes, and gives a `txsmtpx.testing.Script` with its ``port``, and
    in ``servers`` one for each connection.
    """
    from txsmtpx.testing import Script

    listening: list[Any] = []

    def make(**script: Any) -> Script:
        made = Script(**script)
        listening.append(_txsmtpx_place.call(made.listen, _txsmtpx_place.reactor))
        return made

    yield make
    for port in listening:
        _blockon(_txsmtpx_place.call(port.stopListening))
