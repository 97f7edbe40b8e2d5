"""
Fixtures of pytest for programs that send or receive mail; docs/testing.md has examples.

A blocking test, such as one of a Django project with ``smtplib``, has its server in a thread with a reactor of its own.
A test that pytest-twisted runs has it on the reactor of the test.

pytest imports this module whenever it starts.  So it imports nothing of Twisted or txsmtpx before a fixture is used,
and is outside of the package.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, cast

import pytest

if TYPE_CHECKING:
    from typing import Unpack

    from twisted.internet.interfaces import IListeningPort

    from txsmtpx.testing import (
        Connect,
        Here,
        MailServer,
        MakeScript,
        MakeServer,
        Pem,
        ReactorThread,
        Script,
    )
    from txsmtpx.testing.fixture_types import MarkedOptions
    from txsmtpx.testing.keywords import ScriptKeywords

_SHARED = pytest.StashKey["list[MailServer]"]()
"""The servers that several tests use, whose messages are deleted before each test."""

_MARKERS = {
    "smtp_server": "options of smtp_server or smtp_server_module, such as tls='starttls', users={'me': 'secret'}",
    "lmtp_server": "the same for the fixture lmtp_server",
}

_ADVICE = {
    "smtp_server_module": "; write the options of smtp_server_module into pytestmark of the module",
    "smtp_server_session": "; smtp_server_session has no options, use smtp_server_factory in a fixture of your own",
    "scripted_server": "; give the options to scripted_server(...)",
    "make_smtp_server": "; give the options to make_smtp_server(...)",
}
"""The end of the error of a marker without effect, by the fixture that the test uses.  The first one counts."""


def pytest_configure(config: pytest.Config) -> None:
    """
    Register the markers.

    Args:
        config: The configuration of pytest.
    """
    for name, words in _MARKERS.items():
        config.addinivalue_line("markers", f"{name}(**options): {words} (txsmtpx.testing.MailServer)")
    config.stash[_SHARED] = []


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """
    Delete the messages of the shared servers, and refuse a marker that no fixture of the test reads.

    Args:
        item: The test.

    Raises:
        UsageError: A marker has no effect.
    """
    for server in item.config.stash[_SHARED]:
        if server.keeps_messages:
            server.clear()
    used: Collection[str] = getattr(item, "fixturenames", ())
    for name in _MARKERS:
        for node, _ in item.iter_markers_with_node(name):
            if name not in used and (node is item or _is_for_shared(node, name, used)):
                advice = next((text for fixture, text in _ADVICE.items() if fixture in used), "")
                text = f"the marker {name} at {node.name} has no effect: the test uses no {name}"
                raise pytest.UsageError(text + advice)


def _is_for_shared(node: object, name: str, used: Collection[str]) -> bool:
    """Return whether a marker seems to be meant for a shared server, which does not read it."""
    shared = "smtp_server_session" in used or ("smtp_server_module" in used and isinstance(node, pytest.Class))
    return shared and name == "smtp_server"


@pytest.fixture(scope="session")
def _txsmtpx_thread() -> Iterator[ReactorThread]:
    from txsmtpx.testing import ReactorThread

    thread = ReactorThread()
    yield thread
    thread.stop()


@pytest.fixture(scope="session")
def smtp_certificate(tmp_path_factory: pytest.TempPathFactory) -> Pem:
    """
    The certificate of the servers, for localhost and 127.0.0.1.  It is its own trust root.

    Args:
        tmp_path_factory: pytest's.

    Returns:
        The files.
    """
    from txsmtpx.testing import issue

    return issue(tmp_path_factory.mktemp("txsmtpx"))


@pytest.fixture
def _txsmtpx_place(request: pytest.FixtureRequest) -> ReactorThread | Here:
    """Return where the servers and clients of a test run."""
    if not _in_twisted(request):
        thread: ReactorThread = request.getfixturevalue("_txsmtpx_thread")
        return thread
    from twisted.internet import reactor

    from txsmtpx.interfaces import clock_of
    from txsmtpx.testing import Here

    return Here(clock_of(reactor))


def _in_twisted(request: pytest.FixtureRequest) -> bool:
    """Return whether the test runs on pytest-twisted's reactor, and waits by it."""
    if not request.config.pluginmanager.hasplugin("twisted"):
        return False
    function = getattr(request.node, "obj", None)
    function = getattr(getattr(function, "hypothesis", None), "inner_test", function)
    others = ("asyncio", "anyio", "trio")
    if any(request.node.get_closest_marker(name) for name in others):
        return False
    return hasattr(function, "_pytest_twisted_mark") or inspect.iscoroutinefunction(function)


def _blockon(result: object) -> None:
    from twisted.internet.defer import Deferred

    if isinstance(result, Deferred):
        import pytest_twisted  # type: ignore[import-untyped]

        pytest_twisted.blockon(result)


@pytest.fixture
def make_smtp_server(_txsmtpx_place: ReactorThread | Here, smtp_certificate: Pem) -> Iterator[MakeServer]:
    """
    A function that starts a `txsmtpx.testing.MailServer`.  The server is stopped at the end of the test.

    The function has the arguments of `txsmtpx.testing.MailServer`; ``lmtp=True`` serves LMTP.

    Args:
        _txsmtpx_place: Where the servers run.
        smtp_certificate: The certificate of servers with TLS.

    Yields:
        The function.
    """
    from txsmtpx.testing.servers import Servers

    servers = Servers(_txsmtpx_place, smtp_certificate)
    yield servers.make
    for stopped in servers.stop():
        _blockon(stopped)


@pytest.fixture(scope="session")
def smtp_server_factory(_txsmtpx_thread: ReactorThread, smtp_certificate: Pem) -> Iterator[MakeServer]:
    """
    A function that starts a `txsmtpx.testing.MailServer`, for fixtures of any scope.

    The server is a context manager, which stops it; otherwise it is stopped at the end of the session.  It runs in a
    thread.  Its messages stay until ``clear()``.

    Args:
        _txsmtpx_thread: The thread.
        smtp_certificate: The certificate of servers with TLS.

    Yields:
        The function, with the arguments of ``make_smtp_server``.
    """
    from txsmtpx.testing.servers import Servers

    servers = Servers(_txsmtpx_thread, smtp_certificate)
    yield servers.make
    servers.stop()


@pytest.fixture(scope="session")
def smtp_server_session(request: pytest.FixtureRequest, smtp_server_factory: MakeServer) -> Iterator[MailServer]:
    """
    A `txsmtpx.testing.MailServer` for all tests.  Its messages are deleted before each test.

    Args:
        request: pytest's.
        smtp_server_factory: It starts the server.

    Yields:
        The server.
    """
    yield from _shared(request, smtp_server_factory())


@pytest.fixture(scope="module")
def smtp_server_module(request: pytest.FixtureRequest, smtp_server_factory: MakeServer) -> Iterator[MailServer]:
    """
    A `txsmtpx.testing.MailServer` for the tests of a module.  Its messages are deleted before each test.

    The options are those of the marker ``smtp_server`` in ``pytestmark`` of the module.

    Args:
        request: pytest's.
        smtp_server_factory: It starts the server.

    Yields:
        The server.
    """
    with smtp_server_factory(**_marked(request, "smtp_server")) as server:
        yield from _shared(request, server)


def _shared(request: pytest.FixtureRequest, server: MailServer) -> Iterator[MailServer]:
    servers = request.config.stash[_SHARED]
    servers.append(server)
    yield server
    servers.remove(server)


@pytest.fixture
def smtp_server(request: pytest.FixtureRequest, make_smtp_server: MakeServer) -> MailServer:
    """
    A `txsmtpx.testing.MailServer` with the options of the marker ``smtp_server``.

    Args:
        request: pytest's.
        make_smtp_server: It starts the server.

    Returns:
        The server.
    """
    return make_smtp_server(**_marked(request, "smtp_server"))


@pytest.fixture
def lmtp_server(request: pytest.FixtureRequest, make_smtp_server: MakeServer) -> MailServer:
    """
    A `txsmtpx.testing.MailServer` for LMTP (RFC 2033), with the options of the marker ``lmtp_server``.

    Args:
        request: pytest's.
        make_smtp_server: It starts the server.

    Returns:
        The server.
    """
    options = _marked(request, "lmtp_server")
    options.setdefault("lmtp", True)
    return make_smtp_server(**options)


def _marked(request: pytest.FixtureRequest, name: str) -> MarkedOptions:
    """Return the options of the markers; those of the nearest marker count."""
    options: MarkedOptions = {}
    for mark in reversed(list(request.node.iter_markers(name))):
        if mark.args:
            raise pytest.UsageError(f"the marker {name} takes its options by name: {mark.args!r}")
        options.update(mark.kwargs)
    return options


@pytest.fixture
def smtp_client(_txsmtpx_place: ReactorThread | Here) -> Iterator[Connect]:
    """
    A function that connects a client to a `txsmtpx.testing.MailServer`, or to an endpoint or its string.

    The function has the keyword arguments of `txsmtpx.connect`.  It returns a client with the methods of
    `txsmtpx.SMTPClient`, which block; in a test that pytest-twisted runs, a Deferred of a `txsmtpx.SMTPClient`.
    Clients that are still connected at the end of the test are aborted.

    Args:
        _txsmtpx_place: Where the clients run.

    Yields:
        The function.
    """
    from txsmtpx.testing.blocking import Clients

    clients = Clients(_txsmtpx_place)
    yield cast("Connect", clients.connect)
    clients.abort_all()


@pytest.fixture
def scripted_server(_txsmtpx_place: ReactorThread | Here) -> Iterator[MakeScript]:
    """
    A function that starts a server with prepared replies and failures.

    The function has the arguments of `txsmtpx.testing.ScriptedServer`.  It returns a `txsmtpx.testing.Script`, with its
    ``port``, and its ``servers``, one for each connection.

    Args:
        _txsmtpx_place: Where the servers run.

    Yields:
        The function.
    """
    from txsmtpx.testing import Script

    listening: list[IListeningPort] = []

    def make(**script: Unpack[ScriptKeywords]) -> Script:
        made = Script(**script)
        listening.append(_txsmtpx_place.call(made.listen, _txsmtpx_place.reactor))
        return made

    yield make
    for port in listening:
        _blockon(_txsmtpx_place.call(port.stopListening))
