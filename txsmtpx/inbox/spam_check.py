"""The score of a message by SpamAssassin's daemon or by rspamd, when a user asks for it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from txsmtpx.filters.spamc import SpamcProtocol, SpamdError, score_in
from txsmtpx.interfaces import Reactor
from txsmtpx.wire.service_endpoint import service_endpoint
from txsmtpx.wire.unlogged_factory import UnloggedFactory
from txsmtpx.wire.web_request import WebClient, WebError
from txsmtpx.wire.web_url import WebURL

TIMEOUT = 60.0
"""Seconds for an answer."""

MAX_OCTETS = 8 * 1024 * 1024
"""Octets of a message that is checked."""

MAX_ANSWER = 1024 * 1024
"""Octets of an answer of rspamd."""

_RULE = re.compile(rb"^ ?(-?[0-9]+(?:\.[0-9]+)?) ([A-Z0-9_]+) +(.*)", re.MULTILINE)


class SpamCheckFailed(Exception):
    """Report that the program cannot be asked, or its answer cannot be used."""


@dataclass(frozen=True)
class SpamRule:
    """
    A rule that matches a message.

    Attributes:
        name: The name of the rule.
        score: Its share of the score.
        description: Its description, "" if there is none.
    """

    name: str
    score: float
    description: str


@dataclass(frozen=True)
class SpamScore:
    """
    The score of a message.

    Attributes:
        program: "SpamAssassin" or "rspamd".
        spam: True if the program takes the message for spam.
        score: The score.
        threshold: The score from which on a message is spam.
        rules: The rules that match, the one with the greatest share first.
    """

    program: str
    spam: bool
    score: float
    threshold: float
    rules: Sequence[SpamRule]


class SpamCheck(Protocol):
    """A program that scores messages."""

    async def score(self, content: bytes) -> SpamScore:
        """
        Ask for the score of a message.

        Args:
            content: The octets of the message.

        Returns:
            The score.

        Raises:
            SpamCheckFailed: There is none.
        """


class SpamAssassinCheck:
    """
    Ask SpamAssassin's daemon, by its command REPORT.

    Args:
        reactor: Connects, and provides time.
        endpoint: The endpoint of the daemon, such as ``tcp:127.0.0.1:783``.

    Raises:
        ValueError: The endpoint is malformed.
    """

    def __init__(self, reactor: Reactor, endpoint: str) -> None:
        self._reactor = reactor
        self._endpoint = service_endpoint(reactor, endpoint)

    async def score(self, content: bytes) -> SpamScore:
        """
        Ask for the score, see `SpamCheck.score`.

        Args:
            content: The octets of the message.

        Returns:
            The score.

        Raises:
            SpamCheckFailed: There is none.
        """
        clock: IReactorTime = self._reactor  # type: ignore[assignment]  # a reactor keeps the time
        try:
            connecting = self._endpoint.connect(UnloggedFactory.forProtocol(SpamcProtocol))
            daemon = await connecting.addTimeout(TIMEOUT, clock)
            assert isinstance(daemon, SpamcProtocol)
            daemon.send(b"REPORT SPAMC/1.5\r\n\r\n")
            daemon.send(content)
            answer = await daemon.answer().addTimeout(TIMEOUT, clock)
            found = score_in(answer)
        except SpamdError as error:
            raise SpamCheckFailed(str(error)) from error
        except Exception as error:  # an endpoint raises exceptions of many classes
            raise SpamCheckFailed(f"spamd does not answer: {error}") from error
        rules = [
            SpamRule(name.decode("ascii"), float(share), text.decode("utf-8", "replace").strip())
            for share, name, text in _RULE.findall(answer)
        ]
        return SpamScore("SpamAssassin", found.spam, found.score, found.threshold, _sorted(rules))


class RspamdCheck:
    """
    Ask rspamd, by its HTTP API.

    Args:
        reactor: Connects, and provides time.
        url: The URL of its worker "normal", such as ``http://127.0.0.1:11333``.

    Raises:
        ImportError: treq is not installed.
        ValueError: The URL is malformed.
    """

    def __init__(self, reactor: Reactor, url: str) -> None:
        parsed = WebURL.parsed(url)
        self._url = parsed.with_text(f"{parsed.text.rstrip('/')}/checkv2")
        self._client = WebClient(reactor, timeout=TIMEOUT, max_answer_bytes=MAX_ANSWER, connections=4)

    async def score(self, content: bytes) -> SpamScore:
        """
        Ask for the score, see `SpamCheck.score`.

        Args:
            content: The octets of the message.

        Returns:
            The score.

        Raises:
            SpamCheckFailed: There is none.
        """
        try:
            answer = await self._client.request("POST", self._url, body=content)
            if answer.status != 200:
                raise SpamCheckFailed(f"rspamd answers with the status {answer.status}")
            found = json.loads(answer.body)
            rules = [
                SpamRule(str(name), float(each.get("score", 0)), str(each.get("description") or ""))
                for name, each in found["symbols"].items()
            ]
            spam = found["action"] not in ("no action", "greylist")
            return SpamScore("rspamd", spam, float(found["score"]), float(found["required_score"]), _sorted(rules))
        except WebError as error:
            raise SpamCheckFailed(f"rspamd does not answer: {error}") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SpamCheckFailed("the answer of rspamd is not that of /checkv2") from error


def spam_check(reactor: Reactor, description: str) -> SpamCheck:
    """
    Make the check that an option describes.

    Args:
        reactor: The reactor.
        description: ``spamd:ENDPOINT`` or ``rspamd:URL``.

    Returns:
        The check.

    Raises:
        ImportError: treq is not installed.
        ValueError: The description is malformed.
    """
    kind, _, place = description.partition(":")
    if kind == "spamd" and place:
        return SpamAssassinCheck(reactor, place)
    if kind == "rspamd" and place:
        return RspamdCheck(reactor, place)
    raise ValueError(f"write spamd:ENDPOINT or rspamd:URL, such as rspamd:http://127.0.0.1:11333, not {description!r}")


def _sorted(rules: Sequence[SpamRule]) -> Sequence[SpamRule]:
    return sorted(rules, key=lambda rule: -abs(rule.score))


def checked(check: SpamCheck, content: bytes) -> Deferred[SpamScore | str]:
    """
    Ask for the score of a message.

    Args:
        check: The program.
        content: The octets of the message.

    Returns:
        A Deferred of the score, or of the text of an error.
    """

    async def run() -> SpamScore | str:
        if len(content) > MAX_OCTETS:
            return f"the message has more than {MAX_OCTETS // 1024**2} MiB"
        try:
            return await check.score(content)
        except SpamCheckFailed as error:
            return str(error)

    return Deferred.fromCoroutine(run())
