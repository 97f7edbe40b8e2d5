"""What confirms that Redis keeps a message: its configuration, and its replicas, for many messages at once."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred

from txsmtpx.backends.redis_persistence import Confirmer, NotPersistent, check_configuration, fault_of

KEEPS = {"appendonly": "yes", "appendfsync": "always", "no-appendfsync-on-rewrite": "no", "maxmemory": "0"}


class Protocol:
    """A connection whose commands the test answers, in their order."""

    def __init__(self):
        self.lost = False
        self.sent = []
        self.waiting = []

    def execute_command(self, *words):
        if self.lost:
            raise ConnectionError("Not connected")
        self.sent.append(words)
        self.waiting.append(Deferred())
        return self.waiting[-1]

    def answer(self, value):
        first = self.waiting.pop(0)
        first.errback(value) if isinstance(value, Exception) else first.callback(value)

    def configuration(self, **values):
        """Answer to both looks."""
        found = {**KEEPS, **{name.replace("_", "-"): value for name, value in values.items()}}
        self.answer([word.encode() for pair in found.items() for word in pair])
        self.answer([])


def results(deferred):
    found = []
    deferred.addBoth(found.append)
    return found


def text(found):
    (failure,) = found
    assert failure.type is NotPersistent
    return str(failure.value)


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({}, ""),
        ({"maxmemory": "1000", "maxmemory-policy": "noeviction"}, ""),
        ({"maxmemory": "1000", "maxmemory-policy": "volatile-lru"}, ""),
        ({"maxmemory": "0", "maxmemory-policy": "allkeys-lru"}, ""),
        ({"appendonly": "no"}, "appendonly is no, not yes"),
        ({"appendfsync": "everysec"}, "appendfsync is everysec, not always"),
        ({"no-appendfsync-on-rewrite": "yes"}, "no-appendfsync-on-rewrite is yes, not no"),
        (
            {"maxmemory": "1000", "maxmemory-policy": "allkeys-random"},
            "maxmemory-policy is allkeys-random, which deletes messages when the memory is full, not noeviction",
        ),
    ],
)
def test_faults(values, fault):
    assert fault_of({**KEEPS, **values}) == fault


@pytest.mark.parametrize("missing", ["appendonly", "appendfsync"])
def test_what_is_not_told_is_a_fault(missing):
    assert fault_of({name: value for name, value in KEEPS.items() if name != missing}).startswith(f"{missing} is unkn")


def test_a_server_without_the_exception_for_rewrites():
    assert fault_of({"appendonly": "yes", "appendfsync": "always"}) == ""


def test_the_configuration():
    protocol = Protocol()
    found = results(check_configuration(protocol))
    assert protocol.sent == [("CONFIG", "GET", "*append*"), ("CONFIG", "GET", "maxmemory*")]
    protocol.configuration()
    assert found == [None]


@pytest.mark.parametrize("answer", [None, [], b"OK", [b"appendonly"], 7])
def test_what_is_no_configuration(answer):
    protocol = Protocol()
    found = results(check_configuration(protocol))
    protocol.answer(answer)
    protocol.answer(answer)
    assert text(found).startswith("a message may be lost, since append")


@pytest.mark.parametrize(
    "error", ["NOPERM this user has no permissions to run the 'config|get' command", " unknown command 'CONFIG'"]
)
def test_a_configuration_that_is_forbidden(error):
    protocol = Protocol()
    found = results(check_configuration(protocol))
    protocol.answer(OSError(error))
    assert text(found).endswith("+config|get of ACL SETUSER, or trust in appendfsync by fsync=assumed")
    protocol.answer(OSError(error))


def test_another_error_is_raised_as_it_is():
    protocol = Protocol()
    found = results(check_configuration(protocol))
    error = OSError("Lost connection")
    protocol.answer(error)
    assert found[0].value is error
    protocol.answer(error)


def test_messages_share_a_confirmation():
    """While one is on its way, all others wait for the next one."""
    protocol = Protocol()
    confirmer = Confirmer(protocol, "checked", 0, 1.0)
    first = results(confirmer.confirmed())
    others = [results(confirmer.confirmed()) for _ in range(3)]
    assert len(protocol.sent) == 2
    protocol.configuration()
    assert (first, others) == ([None], [[], [], []])
    late = results(confirmer.confirmed())
    assert len(protocol.sent) == 4
    protocol.configuration()
    assert (others, late) == ([[None]] * 3, [])
    protocol.configuration()
    assert (late, protocol.waiting) == ([None], [])


def test_a_failure_is_that_of_its_messages_only():
    protocol = Protocol()
    confirmer = Confirmer(protocol, "checked", 0, 1.0)
    first, second, third = (results(confirmer.confirmed()) for _ in range(3))
    protocol.configuration()
    protocol.configuration(appendfsync="no")
    assert first == [None]
    assert text(second) == text(third)
    assert second[0].value is not third[0].value  # no exception is shared
    assert text(second).startswith("a message may be lost, since appendfsync is no, not always; correct redis.conf")
    last = results(confirmer.confirmed())
    protocol.configuration()
    assert last == [None]


@pytest.mark.parametrize(("answer", "enough"), [(2, True), (3, True), (1, False), (0, False), (b"2", False)])
def test_replicas(answer, enough):
    protocol = Protocol()
    found = results(Confirmer(protocol, "none", 2, 1.5).confirmed())
    assert protocol.sent == [("WAIT", 2, 1500)]
    protocol.answer(answer)
    if enough:
        assert found == [None]
    else:
        assert text(found) == f"{answer} of 2 replicas have the message"


def test_both():
    protocol = Protocol()
    confirmer = Confirmer(protocol, "checked", 1, 0.0001)
    found = results(confirmer.confirmed())
    assert [words[0] for words in protocol.sent] == ["CONFIG", "CONFIG", "WAIT"]
    assert protocol.sent[-1] == ("WAIT", 1, 1)  # 0 would be for ever
    protocol.configuration()
    assert found == []
    protocol.answer(1)
    assert found == [None]


def test_a_client_that_has_gone():
    protocol = Protocol()
    confirmer = Confirmer(protocol, "checked", 0, 1.0)
    gone, other = confirmer.confirmed(), confirmer.confirmed()
    found = results(gone), results(other)
    gone.cancel()
    protocol.configuration()
    protocol.configuration()
    assert len(found[0]) == 1
    assert found[1] == [None]


def test_the_connection_is_lost_meanwhile():
    """The library raises an exception then; no message waits for ever."""
    protocol = Protocol()
    confirmer = Confirmer(protocol, "checked", 1, 1.0)
    found = [results(confirmer.confirmed()) for _ in range(3)]
    protocol.lost = True
    for _ in range(3):
        protocol.answer(ConnectionError("Lost connection"))
    found.append(results(confirmer.confirmed()))
    assert [str(each[0].value) for each in found] == ["Lost connection"] + ["Not connected"] * 3
