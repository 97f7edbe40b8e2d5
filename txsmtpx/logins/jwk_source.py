"""Where the keys of an issuer come from: a file, or a URL, which is asked again when a token names an unknown key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from txsmtpx.interfaces import Clock, InThread
from txsmtpx.logins.jwk_set import PublicKey, read_keys
from txsmtpx.logins.token_service import TokenServiceError
from txsmtpx.logins.watched_file import WatchedFile
from txsmtpx.wire.web_request import WebClient, WebError
from txsmtpx.wire.web_url import WebURL

log = Logger(__name__)

MAX_OCTETS = 256 * 1024
"""Octets of a set of keys.  That of Microsoft has about 30,000."""

COOLDOWN = 30.0
"""
Seconds from one request for the keys to the next, however many tokens name unknown keys.  Anyone can write such tokens.
The library jose of JavaScript waits as long.
"""

MAX_AGE = 3600.0
"""Seconds after which the keys are asked for again: a key that the issuer has removed must not count for ever."""


class KeySource(Protocol):
    """Where the keys come from."""

    async def keys(self) -> Sequence[PublicKey]:
        """
        Return the keys.

        Returns:
            The keys.

        Raises:
            TokenServiceError: There are none so far.
        """

    async def newer_keys(self) -> Sequence[PublicKey]:
        """
        Return the keys for a token whose key is unknown.

        Returns:
            The keys, perhaps the same.

        Raises:
            TokenServiceError: The issuer cannot be asked, so the key may exist.
        """


class KeyFile:
    """
    The keys in a file, which is read again after it has changed.

    Args:
        path: The file.
        in_thread: It calls a function in a thread.  None: a thread of the reactor.

    Raises:
        OSError: The file cannot be read.
        ValueError: It has no keys.
    """

    def __init__(self, path: str, in_thread: InThread | None = None) -> None:
        self._file = WatchedFile(path, _read, in_thread)

    async def keys(self) -> Sequence[PublicKey]:
        """
        Return the keys.

        Returns:
            The keys.
        """
        found = self._file.current()
        return await found if isinstance(found, Deferred) else found

    async def newer_keys(self) -> Sequence[PublicKey]:
        """
        Return the keys, since `keys` notices each change.

        Returns:
            The same keys.
        """
        return self._file.content


def _read(path: str) -> Sequence[PublicKey]:
    with open(path, "rb") as file:
        octets = file.read(MAX_OCTETS + 1)
    try:
        if len(octets) > MAX_OCTETS:
            raise ValueError(f"the file has more than {MAX_OCTETS} octets")
        return read_keys(octets)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


class KeyURL:
    """
    The keys at a URL.

    They are asked for at the first token, again when they are `MAX_AGE` seconds old, and when a token names an unknown
    key.  All tokens that wait share one request.  If a request fails, the old keys stay.

    Args:
        url: The URL.
        client: Sends the requests.
        clock: The clock.
    """

    def __init__(self, url: WebURL, client: WebClient, clock: Clock) -> None:
        self._url = url
        self._client = client
        self._clock = clock
        self._found: Sequence[PublicKey] = ()
        self._asked_at = -COOLDOWN
        self._found_at = 0.0
        self._waiting: list[Deferred[None]] | None = None
        """Those that wait for the present request; None without one."""
        self._failure = ""
        """Why the last request has failed; ``""`` if it has not."""

    async def keys(self) -> Sequence[PublicKey]:
        """
        Return the keys.  Old ones are returned while newer ones are asked for.

        Returns:
            The keys.

        Raises:
            TokenServiceError: There are none so far.
        """
        if not self._found:
            await self._ask()
            if not self._found:
                raise self._error
        elif self._clock.seconds() >= self._found_at + MAX_AGE:
            self._begin()
        return self._found

    async def newer_keys(self) -> Sequence[PublicKey]:
        """
        Ask for the keys again, if the last request is `COOLDOWN` seconds old.

        Returns:
            The keys.

        Raises:
            TokenServiceError: The last request has failed.
        """
        await self._ask()
        if self._failure:
            raise self._error
        return self._found

    @property
    def _error(self) -> TokenServiceError:
        return TokenServiceError(f"no keys from {self._url.shown}: {self._failure}")

    async def _ask(self) -> None:
        self._begin()
        if self._waiting is not None:
            done: Deferred[None] = Deferred()
            self._waiting.append(done)
            await done

    def _begin(self) -> None:
        now = self._clock.seconds()
        if self._waiting is None and now >= self._asked_at + COOLDOWN:
            self._asked_at = now
            self._waiting = []
            Deferred.fromCoroutine(self._request()).addErrback(self._failed).addCallback(self._end)

    async def _request(self) -> None:
        answer = await self._client.request("GET", self._url, [("Accept", "application/json")])
        if answer.status != 200:
            raise WebError(f"its status is {answer.status}")
        self._found = read_keys(answer.body)
        self._found_at = self._clock.seconds()
        if self._failure:
            log.info("the keys at {url} can be read again", url=self._url.shown)
        self._failure = ""

    def _failed(self, failure: Failure) -> None:
        self._failure = str(failure.value) or type(failure.value).__name__
        if failure.check(WebError, ValueError):
            log.error("no keys from {url}: {error}", url=self._url.shown, error=self._failure)
        else:
            log.failure("no keys from {url}", failure, url=self._url.shown)

    def _end(self, _: None) -> None:
        waiting, self._waiting = self._waiting, None
        for each in waiting or ():
            if not each.called:  # or cancelled
                each.callback(None)
