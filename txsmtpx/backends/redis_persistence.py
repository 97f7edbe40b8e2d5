"""
The confirmation that Redis keeps what it has answered.

Theory of operation.  ``XADD`` alone is answered when the message is in the memory of Redis.  With ``appendfsync
always``, Redis writes the commands that it has read to the disk before it sends their answers.  So the answer to a look
at the configuration, sent behind ``XADD``, confirms the message.  ``WAIT`` confirms that replicas have it.

A confirmation covers all messages that were sent before it on the same connection.  While one is on its way, further
messages wait for the next one.  So many messages share one confirmation, and a single message has its own at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from twisted.internet.defer import Deferred, FirstError, gatherResults, maybeDeferred
from twisted.python.failure import Failure

from txsmtpx.backends.redis_settings import Fsync
from txsmtpx.stores.redis_protocol import RedisProtocolLike

_PATTERNS = ("*append*", "maxmemory*")
"""Redis 6 takes one pattern in a command."""

_NEEDED = {"appendonly": "yes", "appendfsync": "always", "no-appendfsync-on-rewrite": "no"}

_WAYS = "correct redis.conf, or start with fsync=none, and with replicas=N to wait for replicas"


class NotYetPersistent(Exception):
    """Redis does not keep messages yet.  The text is for an operator."""


class NotPersistent(Exception):
    """Redis does not keep what it answers, or does not tell.  The text is for an operator."""


def fault_of(configuration: Mapping[str, str]) -> str:
    """
    Return why a Redis with a configuration may lose a message that it has answered.

    Args:
        configuration: The values by name, as ``CONFIG GET`` returns them.

    Returns:
        A sentence; ``""`` if it loses none.

    Example:
        >>> fault_of({"appendonly": "yes", "appendfsync": "everysec"})
        'appendfsync is everysec, not always'
    """
    for name, needed in _NEEDED.items():
        value = configuration.get(name, needed if name.startswith("no-") else "unknown")
        if value != needed:
            return f"{name} is {value}, not {needed}"
    policy = configuration.get("maxmemory-policy", "")
    if policy.startswith("allkeys") and configuration.get("maxmemory") != "0":
        return f"maxmemory-policy is {policy}, which deletes messages when the memory is full, not noeviction"
    return ""


def check_configuration(protocol: RedisProtocolLike) -> Deferred[None]:
    """
    Ask Redis whether it writes each message to the disk before its answer.

    Args:
        protocol: The connection.

    Returns:
        A Deferred that fires if it does.

    Raises:
        NotPersistent: By the Deferred: it does not, or does not tell.
    """
    asked = [_sent(protocol, "CONFIG", "GET", pattern) for pattern in _PATTERNS]
    return gatherResults(asked, consumeErrors=True).addCallbacks(_check, _untold)


async def check_first_file(protocol: RedisProtocolLike) -> None:
    """
    Ask Redis whether it writes its first file, as after ``CONFIG SET appendonly yes``.

    Until that file is complete, Redis loses all when it is killed, although it reports ``appendonly yes``.

    Args:
        protocol: The connection.

    Raises:
        NotYetPersistent: It does.  A user who may not use ``INFO`` is not told.
        Exception: The connection has failed.
    """
    try:
        answer = await _sent(protocol, "INFO", "persistence")
    except Exception as error:
        if str(error).startswith("NOPERM") or "unknown command" in str(error):
            return
        raise
    facts = dict(line.split(":", 1) for line in _text(answer).split("\r\n") if ":" in line)
    writing = "1" in (facts.get("aof_rewrite_in_progress"), facts.get("aof_rewrite_scheduled"))
    if writing and facts.get("aof_last_rewrite_time_sec") == "-1":
        raise NotYetPersistent(
            "a message may be lost, since Redis writes its first file of appendonly; wait for its end"
        )


def _sent(protocol: RedisProtocolLike, *words: str | int) -> Deferred[object]:
    """Send a command.  If the connection is lost, txredisapi raises an exception, which becomes one of the Deferred."""
    return maybeDeferred(protocol.execute_command, *words)


def _check(answers: Sequence[object]) -> None:
    texts = [_text(word) for answer in answers if isinstance(answer, list) for word in answer]
    fault = fault_of(dict(zip(texts[::2], texts[1::2], strict=False)))
    if fault:
        raise NotPersistent(f"a message may be lost, since {fault}; {_WAYS}")


def _untold(failure: Failure) -> None:
    """
    Explain an error of Redis to CONFIG GET.

    Raises:
        NotPersistent: Redis does not tell.
        Exception: The connection has failed.
    """
    error = _first(failure)
    text = str(error)
    if text.startswith("NOPERM") or "unknown command" in text:
        raise NotPersistent(
            "it does not tell whether a message may be lost, since CONFIG GET is forbidden; allow it by the rule "
            "+config|get of ACL SETUSER, or trust in appendfsync by fsync=assumed"
        )
    raise error


def _first(failure: Failure) -> BaseException:
    """Return the error of a command, for the failure of several."""
    error = failure.value
    if isinstance(error, FirstError):
        error = error.subFailure.value
    assert error is not None
    return error


def _text(word: object) -> str:
    return word.decode("utf-8", "replace") if isinstance(word, bytes) else str(word)


class Confirmer:
    """
    The confirmations of one connection.  `txsmtpx.backends.redis_stream.RedisStream` creates it.

    Args:
        protocol: The connection.
        fsync: "checked" to look at the configuration.
        replicas: The replicas that must have each message.
        timeout: The seconds that Redis waits for the replicas.
    """

    def __init__(self, protocol: RedisProtocolLike, fsync: Fsync, replicas: int, timeout: float) -> None:
        self.protocol = protocol
        self._checked = fsync == "checked"
        self._replicas = replicas
        self._wait = max(1, round(timeout * 1000))
        self._next: list[Deferred[None]] = []
        self._running = False

    def confirmed(self) -> Deferred[None]:
        """
        Confirm all that was sent on the connection.

        Returns:
            A Deferred that fires when it is confirmed.

        Raises:
            NotPersistent: By the Deferred: a message may be lost, or the confirmation has failed.
        """
        waiter: Deferred[None] = Deferred()
        self._next.append(waiter)
        if not self._running:
            self._begin()
        return waiter

    def _begin(self) -> None:
        group, self._next = self._next, []
        self._running = True
        asked: list[Deferred[None]] = []
        if self._checked:
            asked.append(check_configuration(self.protocol))
        if self._replicas:
            asked.append(_sent(self.protocol, "WAIT", self._replicas, self._wait).addCallback(self._enough))
        gatherResults(asked, consumeErrors=True).addBoth(self._end, group)

    def _enough(self, replicas: object) -> None:
        if not isinstance(replicas, int) or replicas < self._replicas:
            raise NotPersistent(f"{replicas} of {self._replicas} replicas have the message")

    def _end(self, result: object, group: Sequence[Deferred[None]]) -> None:
        for waiter in group:
            if isinstance(result, Failure):
                waiter.errback(NotPersistent(str(_first(result))))  # no exception is shared
            else:
                waiter.callback(None)
        self._running = False
        if self._next:
            self._begin()
