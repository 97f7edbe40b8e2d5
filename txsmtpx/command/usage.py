"""
The command line of ``twistd smtpx``, as `twisted.python.usage` reads it.
"""

from __future__ import annotations

import contextlib
import os
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.python import usage
from twisted.python.usage import UsageError

from txsmtpx.command import pidfile
from txsmtpx.command.box import GROUPS, OPTIONS
from txsmtpx.command.handover import Handover
from txsmtpx.command.option import FLAG, Action, Option
from txsmtpx.command.process import Process
from txsmtpx.command.report import report
from txsmtpx.command.sockets import HandedSockets, Sockets
from txsmtpx.command.trial import TrialSockets, trial
from txsmtpx.command.values import Said
from txsmtpx.wire.tls_policy import apply_to_endpoint_strings


class Options(usage.Options):
    """
    The options of ``twistd smtpx``.

    Attributes:
        process: What they make, once they are parsed.
        arguments: What was parsed.

    Args:
        handed: What a worker has from its parent.
    """

    synopsis = "[options]"
    longdesc = "Receives mail over ESMTP or LMTP and hands it to a backend."
    # What is said stands in the dict, and no default does; so it is known what was said.
    optFlags = tuple([each.name, each.short, each.description] for each in OPTIONS.values() if each.kind is FLAG)
    optParameters = tuple(
        [each.name, each.short, None, each.description]
        for each in OPTIONS.values()
        if each.kind is not FLAG and not each.repeated
    )
    process: Process
    arguments: Sequence[str] = ()

    def __init__(self, handed: Handover | None = None) -> None:
        usage.Options.__init__(self)
        self._handed = handed

    @property
    def is_worker(self) -> bool:
        """Whether it has a parent that has opened its ports."""
        return self._handed is not None

    def parseOptions(self, options: Any = None) -> None:
        """
        Parse.

        Raises:
            SystemExit: Options are wrong: one clear line for each, exit status 1.
        """
        self.arguments = tuple(sys.argv[1:] if options is None else options)
        try:
            usage.Options.parseOptions(self, self.arguments)
        except (UsageError, ValueError) as error:
            sys.exit("\n".join(f"twistd smtpx: {' '.join(str(each).split())}" for each in error.args))

    def postOptions(self) -> None:
        """Everything that can be wrong is found wrong here."""
        _prefer_our_reactor()
        apply_to_endpoint_strings()
        from twisted.internet import reactor

        twistd: Mapping[str, Any] = self.parent or {}
        if self["check"]:
            self._check(TrialSockets(reactor, twistd.get("rundir", ".")), twistd)
        self._put_together(Sockets(reactor) if self._handed is None else HandedSockets(reactor, self._handed.sockets))
        if self.parent is not None:
            pidfile.prepare(self.parent)

    def _put_together(self, sockets: Sockets) -> None:
        self.process = Process(sockets)
        self.process.put_together(self._said())
        if self.process.errors:
            raise UsageError(*self.process.errors)

    def _check(self, sockets: TrialSockets, twistd: Mapping[str, Any]) -> None:
        self._put_together(sockets)
        found = trial(self.process, sockets, twistd)
        if found:
            raise UsageError(*found)
        print("\n".join(report(self.process)))
        sys.exit(0)

    def _said(self) -> dict[str, Said]:
        return {
            name: Said(self[name] if option.kind is not FLAG else True, f"--{name}")
            for name, option in OPTIONS.items()
            if (self[name] if option.kind is FLAG else self.get(name) is not None)
        }

    def getUsage(self, width: int | None = None) -> str:
        """The options, by groups."""
        width = width or int(os.environ.get("COLUMNS", "80"))
        sections = [_section(group.title, [*group.options, *group.actions], width) for group in GROUPS]
        others = [Action(name, str(self.docs[name]).strip(), print) for name in ("help", "version")]
        return "\n".join([self.longdesc, "", *sections, _section("Others", others, width)])


def _prefer_our_reactor() -> None:
    """``twistd`` makes the usual one when it is first asked for, so before that there is a choice."""
    with contextlib.suppress(ImportError):  # there is no epoll here
        from txsmtpx.wire import epoll_reactor

        epoll_reactor.prefer()


def _section(title: str, options: Sequence[Option | Action], width: int) -> str:
    return "\n".join([f"{title}:", *[_line(option, width) for option in options], ""])


_COLUMN = 28


def _line(option: Option | Action, width: int) -> str:
    if isinstance(option, Option):
        short, word, text = option.short, option.kind.word, option.description
    else:
        short, word, text = None, option.word, option.help
    said = f"  {f'-{short},' if short else '   '} --{option.name}{f'={word}' if word else ''}"
    lines = textwrap.wrap(text, max(width - _COLUMN, 30))
    if len(said) >= _COLUMN - 1:
        lines.insert(0, "")
    first, *rest = lines
    return "\n".join([f"{said:<{_COLUMN}}{first}".rstrip(), *[" " * _COLUMN + line for line in rest]])


def _appends(option: Option) -> Callable[[Options, str], None]:
    def said(self: Options, text: str) -> None:
        self.setdefault(option.name, []).append(text)

    said.__doc__ = option.description
    return said


def _does(action: Action) -> Callable[..., None]:
    def with_argument(self: Options, argument: str) -> None:
        action.run(argument)

    def alone(self: Options) -> None:
        action.run()

    said = with_argument if action.word else alone
    said.__doc__ = action.help
    return said


def _install() -> None:
    """`usage.Options` finds what is no flag or parameter as methods."""
    for option in OPTIONS.values():
        if option.repeated:
            said = _appends(option)
            for name in filter(None, (option.parameter, option.short)):
                setattr(Options, f"opt_{name}", said)
    for group in GROUPS:
        for action in group.actions:
            setattr(Options, f"opt_{action.name.replace('-', '_')}", _does(action))


_install()
