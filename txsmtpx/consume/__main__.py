"""
The command ``python -m txsmtpx.consume URL --to BACKEND``: it hands the messages of a queue to a backend.

The URL and the backend are written as for ``twistd smtpx --backend``, with settings behind them.  SIGTERM and SIGINT
stop the command when the messages that it has are handled, or back in the queue.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar, cast

from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import globalLogBeginner, textFileLogObserver

from txsmtpx.backends import amqp_settings
from txsmtpx.backends.plugins import backend_named, settings_of
from txsmtpx.command.chosen import Chosen
from txsmtpx.command.option import Option, OptionError, option_of
from txsmtpx.command.plugin_settings import parsed_settings
from txsmtpx.consume import consumer, redis_source
from txsmtpx.consume.amqp_source import AMQPSource
from txsmtpx.consume.backend_handler import BackendHandler
from txsmtpx.consume.consumer import Consumer
from txsmtpx.consume.message_source import Source
from txsmtpx.consume.redis_source import RedisSource
from txsmtpx.interfaces import BackendLike, PoolsBackend, provides
from txsmtpx.setting import Setting
from txsmtpx.settling import deferred_call

SOURCES: Mapping[str, tuple[Callable[..., Source], tuple[Setting[object], ...]]] = {
    "amqp": (AMQPSource, amqp_settings.COMMON),
    "amqps": (AMQPSource, amqp_settings.COMMON),
    "redis": (RedisSource, redis_source.SETTINGS),
    "rediss": (RedisSource, redis_source.SETTINGS),
    "unix": (RedisSource, redis_source.SETTINGS),
}
"""The sources, and their settings, by the schemes of their URLs."""


class RunningReactor(Protocol):
    """The part of the reactor that is used here."""

    def callWhenRunning(self, function: Callable[[], object]) -> object:
        """
        Call a function when the reactor runs.

        Args:
            function: The function.

        Returns:
            Ignored.
        """

    def addSystemEventTrigger(self, phase: str, eventType: str, function: Callable[[], object]) -> object:
        """
        Call a function at an event.

        Args:
            phase: "before" delays the event until the Deferred that the function returns has fired.
            eventType: The event.
            function: The function.

        Returns:
            Ignored.
        """

    def run(self) -> None:
        """Run."""


def source_of(text: str) -> Source:
    """
    Create the source of a URL with settings.

    Args:
        text: The URL, and ``SETTING=VALUE`` behind it.

    Returns:
        The source.

    Raises:
        ValueError: It cannot be created.
        OptionError: A setting cannot be used.
        ImportError: A package is missing.
        OSError: A file cannot be read.
    """
    chosen = Chosen.from_text("URL", text)
    word, _, rest = chosen.use.partition(":")
    if word not in SOURCES:
        raise ValueError(f"the URL of a queue begins with {', '.join(SOURCES)}, not {word!r}")
    make, settings = SOURCES[word]
    url = chosen.use if rest.startswith("/") else rest  # as --backend has it: amqp:amqps://HOST
    return make(url, **parsed_settings(chosen, f"the source {word}", settings))


def backend_of(text: str) -> BackendLike:
    """
    Create the backend of a name with settings.

    Args:
        text: The name, as for ``twistd smtpx --backend``.

    Returns:
        The backend.

    Raises:
        ValueError: It cannot be created.
        OptionError: A setting cannot be used.
        OSError: A file cannot be read.
    """
    chosen = Chosen.from_path("--to", text)
    settings = parsed_settings(chosen, f"the backend {chosen.use.partition(':')[0]}", settings_of(chosen.use))
    return backend_named(chosen.use, settings)


T = TypeVar("T")

_CONCURRENCY, _MAX_ATTEMPTS = option_of(consumer.CONCURRENCY), option_of(consumer.MAX_ATTEMPTS)
_TIMEOUT, _GRACE = option_of(consumer.TIMEOUT), option_of(consumer.GRACE)


def _read(made: Option[T], options: argparse.Namespace) -> T:
    """Return the value of an option.  An `OptionError` names it with its dashes."""
    text: str | None = getattr(options, made.name.replace("-", "_"))
    try:
        return made.default if text is None else made.read(text)
    except OptionError as error:
        raise OptionError(f"--{made.name}", error.text) from error


def parser() -> argparse.ArgumentParser:
    """
    Return the parser of the command's arguments.

    Returns:
        The parser.
    """
    found = argparse.ArgumentParser(
        prog="python -m txsmtpx.consume",
        description="Hand the messages of a queue to a backend.",
        epilog="Example: python -m txsmtpx.consume 'amqp://localhost queue=inbound' --to relay:tcp:mail.example.org:25",
    )
    text = "amqp://USER:PASSWORD@HOST/VHOST, amqps:, redis:, rediss: or unix:, and SETTING=VALUE behind it"
    found.add_argument("url", metavar="URL", help=text)
    found.add_argument("--to", required=True, metavar="BACKEND", help="the backend, as for twistd smtpx --backend")
    for made in (_CONCURRENCY, _MAX_ATTEMPTS, _TIMEOUT, _GRACE):
        found.add_argument(f"--{made.name}", metavar=made.kind.word, help=f"{made.help} [{made.shown_default}]")
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """
    Run the command.

    Args:
        arguments: The arguments.  None: those of the process.

    Raises:
        SystemExit: It cannot start; the message is one line.
    """
    options = parser().parse_args(arguments)
    try:
        backend = backend_of(options.to)
        made = Consumer(
            source_of(options.url),
            BackendHandler(backend),
            concurrency=_read(_CONCURRENCY, options),
            max_attempts=_read(_MAX_ATTEMPTS, options),
            timeout=_read(_TIMEOUT, options),
            grace=_read(_GRACE, options),
        )
    except OptionError as error:
        sys.exit(f"txsmtpx.consume: {error.line(error.option)}")
    except (ImportError, OSError, ValueError) as error:
        sys.exit(f"txsmtpx.consume: {error}")
    from twisted.internet import reactor

    globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stdout)], redirectStandardIO=False)
    run(made, backend, cast(RunningReactor, reactor))


def run(made: Consumer, backend: BackendLike, reactor: RunningReactor) -> None:
    """
    Run a consumer until the process gets SIGTERM or SIGINT.

    Args:
        made: The consumer.
        backend: The backend, whose pools are started and stopped too.
        reactor: The reactor.
    """
    pools = backend.pools if provides(backend, PoolsBackend) else ()

    def start() -> None:
        for pool in pools:
            pool.startService()
        made.startService()

    async def stop() -> None:
        await made.stopService()
        await DeferredList([deferred_call(pool.stopService) for pool in pools])

    reactor.callWhenRunning(start)
    reactor.addSystemEventTrigger("before", "shutdown", lambda: Deferred.fromCoroutine(stop()))
    reactor.run()


if __name__ == "__main__":
    main()
