"""A filter that hangs, raises or returns nonsense, at each stage: what was configured follows, and nothing is left."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.error import ConnectionRefusedError

from tests.middleware.scripted_filter import MESSAGE, STAGES, Filtered, Script
from tests.wire.replies import codes
from txsmtpx import ConfiguredFilter, FilterFailed, MemoryBackend, Observer, Reply, SMTPError
from txsmtpx.testing import RecordingBackend, one_by_one, whole

DEFER = "451 4.7.1 Service unavailable, try again later"
REJECT = "550 5.7.1 Rejected, since a filter is not available"


class Watching(Observer):
    def __init__(self):
        self.events = []

    def filtered(self, connection, event):
        self.events.append((event.filter, event.stage, event.verdict, event.seconds))


def hanging():
    return Deferred()


def stubborn():
    """A coroutine that swallows its cancellation, and then waits on."""

    async def wait():
        while True:
            try:
                await Deferred()
            except CancelledError:
                await Deferred()

    return wait()


FAILURES = {
    "hangs": hanging,
    "hangs and swallows its cancellation": stubborn,
    "raises": lambda: 1 / 0,
    "fails later": lambda: fail(ZeroDivisionError("x")),
    "cannot decide": lambda: fail(FilterFailed("the daemon has gone")),
    "cannot connect": lambda: fail(ConnectionRefusedError()),
    "is cancelled by itself": lambda: fail(CancelledError()),
    "returns nonsense": lambda: "yes",
    "returns 3xx": lambda: Reply(354, None, "Go on"),
    "raises 3xx": lambda: fail(SMTPError(354, None, "Go on")),
}


class Failing:
    """A conversation behind one filter, which fails at a stage, and one behind it."""

    def __init__(self, stage, failure, on_failure, lmtp=False, hold=False, backend=None):
        answer = FAILURES[failure]
        if stage == "chunk":
            self.script = Script(chunk=lambda octets: answer())
        else:
            self.script = Script(**{stage: answer})
        self.behind = Script()
        self.observer = Watching()
        configured = ConfiguredFilter(self.script, "failing", 30, on_failure)
        self.filtered = Filtered(
            backend or MemoryBackend(), configured, self.behind, hold=hold, lmtp=lmtp, observers=[self.observer]
        )
        self.client = self.filtered.client

    def settle(self):
        if self.client.clock.getDelayedCalls():
            self.client.clock.advance(30)

    def ask(self, *lines):
        self.client.send("".join(f"{line}\r\n" for line in lines).encode())
        self.settle()
        return self.client.replies()


def stages_that_can(failure):
    """A result of chunk() is ignored."""
    return [each for each in STAGES if each != "chunk" or not failure.startswith("returns")]


CASES = [(stage, failure) for failure in FAILURES for stage in stages_that_can(failure)]


@pytest.mark.parametrize("hold", [False, True])
@pytest.mark.parametrize("on_failure", ["defer", "reject", "accept"])
@pytest.mark.parametrize(("stage", "failure"), CASES)
@pytest.mark.parametrize("segments", [whole, one_by_one])
def test_a_failure(stage, failure, on_failure, hold, segments, logged_failures):
    failing = Failing(stage, failure, on_failure, hold=hold)
    failing.segments = segments
    failing.settle()
    no = {"defer": DEFER, "reject": REJECT}.get(on_failure)
    said = failing.client.replies()
    if stage == "connected" and no:
        assert said == [no.replace("451", "421").replace("550", "554")]
        assert failing.client.closed
    else:
        assert codes(said) == ["220"]
        said = failing.ask("EHLO a")
        assert (said[-1] == no) == (stage == "hello" and no is not None)
        if stage == "hello" and no:
            assert failing.ask("EHLO a") == [no]  # and what follows
        else:
            expect(failing, stage, no)
    failing.client.hang_up()
    (event,) = [each for each in failing.observer.events if each[2] == "failed"]
    assert event[:3] == ("failing", stage, "failed")
    assert event[3] == (30 if "hangs" in failure else 0)
    script = failing.script.only
    assert script.stages.count("close") == 1
    assert script.stages[-1] == "close"
    assert script.stages.count("reset") == (stage not in ("connected", "hello"))
    assert failing.filtered.filtering._chains == {}
    traceback = failure not in ("hangs", "hangs and swallows its cancellation", "cannot decide", "cannot connect",
                                "is cancelled by itself")  # fmt: skip
    assert len(logged_failures.flush()) == traceback


def expect(failing, stage, no):
    """Go through a transaction."""
    order = ["mail", "recipient", "data"]
    replies = [failing.ask(line) for line in ("MAIL FROM:<a@client.example>", "RCPT TO:<b@localhost>")]
    for at, (name, said) in enumerate(zip(order, replies, strict=False)):
        refused = no is not None and stage in order[: at + 1]
        if refused and stage == name:
            assert said == [no]
    if no and stage in ("mail", "recipient"):
        assert failing.ask("RSET", "MAIL FROM:<a@client.example>")[-1] == no  # and what follows
        return
    failing.client.send(b"DATA\r\n")
    failing.settle()
    for segment in failing.segments(MESSAGE + b".\r\n", 0):
        failing.client.send(segment)
        failing.settle()
    said = failing.client.replies()
    stored = failing.filtered.backend.messages
    if no:
        assert said[-1] == no
        assert stored == []
        assert failing.ask("MAIL FROM:<a@client.example>") == [no]
    else:
        assert codes(said)[-1] == "250"
        assert [each.content for each in stored] == [MESSAGE]
        assert failing.behind.only.stages[-2:] == ["end", "reset"]
        assert failing.ask("MAIL FROM:<a@client.example>") == ["250 2.1.0 Sender ok"]
        assert failing.ask("RSET") == ["250 2.0.0 Ok"]


@pytest.mark.parametrize("on_failure", ["defer", "reject", "accept"])
@pytest.mark.parametrize("stage", ["data", "header", "chunk", "end"])
@pytest.mark.parametrize("failure", ["hangs", "raises", "cannot decide"])
def test_each_recipient_of_lmtp_has_its_reply(stage, failure, on_failure, logged_failures):
    failing = Failing(stage, failure, on_failure, lmtp=True)
    client = failing.client
    client.ask("LHLO a")
    client.ask("MAIL FROM:<a@client.example>", "RCPT TO:<b@localhost>", "RCPT TO:<c@localhost>", "DATA")
    for octets in (b"Subject: x\r\n\r\n", b"more\r\n", b".\r\n"):
        client.send(octets)
        failing.settle()
    code = {"defer": "451 4.7.1", "reject": "550 5.7.1", "accept": "250 2.0.0"}[on_failure]
    assert [line.split("> ")[0] for line in client.replies()] == [f"{code} <{each}@localhost" for each in "bc"]
    client.hang_up()
    logged_failures.flush()


@pytest.mark.parametrize("failure", list(FAILURES))
@pytest.mark.parametrize("on_failure", ["defer", "reject", "accept"])
def test_a_maker_that_fails(failure, on_failure, logged_failures):
    closed = []
    configured = ConfiguredFilter(lambda connection: FAILURES[failure](), "failing", 30, on_failure)
    filtered = Filtered(MemoryBackend(), configured)
    if filtered.client.clock.getDelayedCalls():
        filtered.client.clock.advance(30)
    expected = {"defer": "421", "reject": "554", "accept": "220"}[on_failure]
    assert codes(filtered.client.replies()) == [expected]
    filtered.client.hang_up()
    assert closed == []
    logged_failures.flush()


def test_a_filter_that_is_made_too_late_is_closed():
    late, script = Deferred(), Script()

    async def make(connection):
        try:
            await Deferred()
        except CancelledError:
            await late
        return script(connection)

    filtered = Filtered(MemoryBackend(), make)
    filtered.client.hang_up()
    assert script.made == []
    late.callback(None)
    assert script.only.stages == ["close"]


@pytest.mark.parametrize("stage", ["connected", "hello", "mail", "recipient", "data", "header", "end"])
def test_a_client_that_goes_while_a_filter_decides(stage):
    cancelled = []
    script = Script(**{stage: lambda: Deferred(cancelled.append)})
    backend = RecordingBackend()
    filtered = Filtered(backend, script)
    for line in (b"EHLO a\r\n", b"MAIL FROM:<a@b.example>\r\n", b"RCPT TO:<b@localhost>\r\n", b"DATA\r\n",
                 MESSAGE, b".\r\n"):  # fmt: skip
        filtered.client.send(line)
    filtered.client.hang_up()
    assert len(cancelled) == 1
    stages = script.only.stages
    assert (stages.count("reset"), stages.count("close"), stages[-1]) == (
        stage not in ("connected", "hello"),
        1,
        "close",
    )


@pytest.mark.parametrize("method", ["reset", "close"])
@pytest.mark.parametrize("failure", ["hangs", "hangs and swallows its cancellation", "raises", "fails later"])
def test_an_end_that_fails(method, failure, logged_failures):
    """The transaction, and the connection, go on."""
    script = Script(**{method: FAILURES[failure]})
    filtered = Filtered(MemoryBackend(), script)
    filtered.send()
    clock = filtered.client.clock
    if method == "reset" and "hangs" in failure:
        clock.advance(30)
    script.answers["reset"] = None
    assert codes(filtered.client.ask("NOOP"))[-1] == "250"
    filtered.client.protocol.connectionLost(logged_reason())
    clock.advance(30)
    assert clock.getDelayedCalls() == []
    assert script.only.stages[-2:] == ["reset", "close"]
    logged_failures.flush()


def logged_reason():
    from twisted.internet.error import ConnectionDone
    from twisted.python.failure import Failure

    return Failure(ConnectionDone())


def test_421_and_521_close_the_connection():
    for stage in ("hello", "mail", "recipient", "data", "header", "end"):
        for code in (421, 521):
            filtered = Filtered(MemoryBackend(), Script(**{stage: Reply(code, None, "Bye")}))
            for line in ("EHLO a", "MAIL FROM:<a@b.example>", "RCPT TO:<b@localhost>", "DATA"):
                filtered.client.ask(line)
            filtered.client.send(MESSAGE + b".\r\n")
            assert filtered.client.closed, (stage, code)
            filtered.client.hang_up()


def test_only_what_is_overridden_is_counted():
    observer = Watching()
    script = Script(header=Reply(550, (5, 7, 1), "No"))
    filtered = Filtered(MemoryBackend(), ConfiguredFilter(script, "a"), hold=True, observers=[observer])
    filtered.send()
    filtered.client.hang_up()
    assert [each[:3] for each in observer.events] == [
        ("a", "connected", "continue"), ("a", "hello", "continue"), ("a", "mail", "continue"),
        ("a", "recipient", "continue"), ("a", "recipient", "continue"), ("a", "data", "continue"),
        ("a", "header", "reject"),
    ]  # fmt: skip
