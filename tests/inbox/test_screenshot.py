"""Pictures of HTML; test_browser_remote.py has those of Chromium itself."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready, ProcessTerminated
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from txsmtpx.inbox.screenshot import MAX_WAITING, SECONDS, ScreenshotFailed, Screenshots
from txsmtpx.web.web_errors import Busy


class Reactor(Clock):
    """A clock, and a Chromium that answers as `answers` say; it does not answer what these do not have."""

    def __init__(self, answers):
        super().__init__()
        self.answers = answers
        self.asked = []
        self.started = []

    def spawnProcess(self, protocol, executable, args, env, childFDs):
        self.started.append((executable, args))
        profile = next(each for each in args if each.startswith("--user-data-dir="))
        self.page = Path(profile.partition("=")[2]) / "message.html"
        self.html = self.page.read_bytes()
        self.protocol = protocol
        protocol.makeConnection(self)

    def writeToChild(self, descriptor, data):
        assert descriptor == 3
        command = json.loads(data.rstrip(b"\0"))
        self.asked.append(command["method"])
        if command["method"] in self.answers:
            answer = {"id": command["id"], **self.answers[command["method"]]}
            self.callLater(0, self.protocol.childDataReceived, 4, json.dumps(answer).encode() + b"\0")
        if command["method"] == "Page.navigate":
            self.callLater(0, self.protocol.childDataReceived, 4, b'{"method": "Page.loadEventFired"}\0')

    def signalProcess(self, signal):
        protocol, self.protocol = self.protocol, None
        if protocol is None:
            raise ProcessExitedAlready
        self.callLater(0, protocol.processEnded, Failure(ProcessTerminated(9)))


RESULTS = {
    "Target.createTarget": {"targetId": "t"}, "Target.attachToTarget": {"sessionId": "s"}, "Page.enable": {},
    "Emulation.setEmulatedMedia": {}, "Emulation.setDeviceMetricsOverride": {}, "Page.navigate": {},
    "Page.getLayoutMetrics": {"cssContentSize": {"height": 100_000}}, "Page.captureScreenshot": {"data": "UE5H"},
}  # fmt: skip
ANSWERS = {name: {"result": result} for name, result in RESULTS.items()}


def begun(reactor):
    found = []
    shots = Screenshots(reactor, sys.executable)
    Deferred.fromCoroutine(shots.picture(b"<!DOCTYPE html>\n<p>x", 390, True)).addBoth(found.append)
    return found


def work(reactor):
    for _ in range(50):
        reactor.advance(0)


def test_a_picture():
    reactor = Reactor(ANSWERS)
    found = begun(reactor)
    work(reactor)
    assert found == [b"PNG"]
    assert b"default-src 'none'" in reactor.html
    assert "--blink-settings=scriptEnabled=false" in reactor.started[0][1]
    assert not reactor.page.parent.exists()
    assert reactor.getDelayedCalls() == []


def test_a_chromium_that_does_not_answer_is_killed():
    reactor = Reactor({name: answer for name, answer in ANSWERS.items() if name != "Page.getLayoutMetrics"})
    found = begun(reactor)
    work(reactor)
    assert found == []
    reactor.advance(SECONDS)
    work(reactor)
    found[0].trap(ScreenshotFailed)
    assert not reactor.page.parent.exists()


def test_an_error_of_chromium():
    reactor = Reactor(ANSWERS | {"Target.createTarget": {"error": {"message": "no"}}})
    found = begun(reactor)
    work(reactor)
    found[0].trap(ScreenshotFailed)


def test_one_at_a_time_and_a_few_that_wait():
    reactor = Reactor({})
    shots = Screenshots(reactor, sys.executable)
    found = []
    for _ in range(MAX_WAITING + 1):
        Deferred.fromCoroutine(shots.picture(b"\n", 390, False)).addErrback(found.append)
    found[0].trap(Busy)
    assert len(reactor.started) == 1
    reactor.advance(SECONDS)
    work(reactor)
    assert len(reactor.started) == 2
    for _ in range(MAX_WAITING):
        reactor.advance(SECONDS)
        work(reactor)
    assert len(found) == MAX_WAITING + 1


def test_a_program_that_is_missing():
    with pytest.raises(ValueError, match="'no-such-browser'"):
        Screenshots(Reactor({}), "no-such-browser")
