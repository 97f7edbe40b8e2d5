"""The command line of ``twistd smtpx``, as `twisted.python.usage` parses it."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version

from twisted.python import usage
from twisted.python.usage import UsageError

from txsmtpx.command import pidfile
from txsmtpx.command.action import Action
from txsmtpx.command.assembly import assemble, report
from txsmtpx.command.certificates import SelfSignedCertificates
from txsmtpx.command.file import ACTIONS
from txsmtpx.command.given import Given
from txsmtpx.command.groups import GROUPS, OPTIONS
from txsmtpx.command.handover import Handover
from txsmtpx.command.kind import FLAG
from txsmtpx.command.option import Option
from txsmtpx.command.other_user import changes_user, other_user
from txsmtpx.command.process import Process
from txsmtpx.command.questions import ask_all
from txsmtpx.command.sockets import HandedSockets, Sockets
from txsmtpx.command.trial import TrialSockets, trial
from txsmtpx.setting import did_you_mean
from txsmtpx.setting_kinds import one_of
from txsmtpx.wire.tls_policy import apply_to_endpoint_strings


class Options(usage.Options):
    """
    The options of ``twistd smtpx``.  twistd creates it, and so does each worker.

    Args:
        handed: What a worker gets from its parent, None for any other process.

    Attributes:
        process: The process that the options describe, once they are parsed.
        arguments: The command line that was parsed.
        is_worker: True if the process has a parent that has opened its ports.
    """

    synopsis = "[options]"
    longdesc = "Receives mail over ESMTP or LMTP and hands it to a backend."
    # The dict holds no defaults, so it tells which options were given.
    optFlags = tuple([each.name, each.short, each.description] for each in OPTIONS.values() if each.kind is FLAG)
    process: Process
    arguments: Sequence[str] = ()

    def __init__(self, handed: Handover | None = None) -> None:
        usage.Options.__init__(self)
        self._handed = handed
        self.is_worker: bool = handed is not None

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """
        Parse a command line.

        Args:
            options: The words after ``twistd smtpx``, None for those of ``sys.argv``.

        Raises:
            SystemExit: Options cannot be used: a line for each, and exit status 1.
        """
        self.arguments = tuple(sys.argv[1:] if options is None else options)
        try:
            usage.Options.parseOptions(self, self.arguments)
        except (UsageError, ValueError) as error:
            sys.exit("\n".join(f"twistd smtpx: {' '.join(explained(str(each)).split())}" for each in error.args))

    def postOptions(self) -> None:
        """
        Put the process together, and find everything that is wrong.

        Raises:
            SystemExit: ``--check`` has found nothing wrong, and has printed what would run.
            UsageError: Options cannot be used.
        """
        _prefer_our_reactor()
        apply_to_endpoint_strings()
        from twisted.internet import reactor

        twistd: Mapping[str, object] = self.parent or {}
        directory = str(twistd.get("rundir", "."))
        if directory != "." and not os.path.isdir(directory):  # twistd itself would end with a traceback
            raise UsageError(f"twistd --rundir {directory}: there is no such directory; create it")
        if self["check"]:
            self._check(TrialSockets(reactor, directory), twistd)
        self._assemble(Sockets(reactor) if self._handed is None else HandedSockets(reactor, self._handed.sockets))
        if self.parent is not None:
            pidfile.prepare(self.parent)

    def _assemble(self, sockets: Sockets) -> None:
        given = {}
        for name, option in OPTIONS.items():
            value = self.get(name)
            if option.kind is FLAG:
                value = bool(value) or None
            if value is not None:
                given[name] = Given(value, f"--{name}")
        certificates = SelfSignedCertificates(b"" if self._handed is None else self._handed.read_certificates())
        self.process = assemble(sockets, given, certificates)
        errors = self.process.errors or self._errors_of_workers(given, certificates)
        if errors:
            raise UsageError(*errors)

    def _errors_of_workers(self, given: Mapping[str, Given], certificates: SelfSignedCertificates) -> list[str]:
        """Return what the workers will not be able to read, since they read all files as the user of twistd --uid."""
        twistd: Mapping[str, object] = self.parent or {}
        uid, gid = twistd.get("uid"), twistd.get("gid")
        if self.process.workers == 1 or not changes_user(uid, gid):
            return []
        with other_user(uid, gid):
            process = assemble(self.process.reactor.unshared, given, certificates)
        return [f"{error} (each worker reads it as the user of twistd --uid)" for error in process.errors]

    def _check(self, sockets: TrialSockets, twistd: Mapping[str, object]) -> None:
        self._assemble(sockets)
        found = trial(self.process, sockets, twistd) or ask_all(self.process, twistd)
        if found:
            raise UsageError(*found)
        print("\n".join(report(self.process)))
        sys.exit(0)

    def parseArgs(self, *words: str) -> None:
        """
        Refuse words that are no options.

        Args:
            words: The words after the options.

        Raises:
            UsageError: There is one.
        """
        if words:
            raise UsageError(f"{words[0]!r} is no option; an option begins with --, and {_HELP}")

    def opt_version(self) -> None:
        """Print the versions of txsmtpx and of Twisted, and exit."""
        print(f"txsmtpx {version('txsmtpx')}\nTwisted {version('twisted')}")
        sys.exit(0)

    def getUsage(self, width: int | None = None) -> str:
        """
        Return the text of ``--help``: the options, by groups.

        Args:
            width: Columns of a line, None for those of the environment variable COLUMNS, or 80.

        Returns:
            The text.
        """
        width = width or int(os.environ.get("COLUMNS", "80"))
        sections = [_section(group.title, [*group.options, *group.actions], width) for group in GROUPS]
        others = [Action(name, str(self.docs[name]).strip(), print) for name in ("help", "version")]
        units = "A SIZE is a number of octets, or 512k, 10M, 2G (powers of 1024)."
        times = "A TIME is a number of seconds, or 250ms, 30s, 5m, 2h, 1d."
        return "\n".join([self.longdesc, units, times, "", *sections, _section("Others", others, width)])


_HELP = "twistd smtpx --help lists all options"

_GETOPT = re.compile(
    r"option (?P<name>-\S+) (?:(?P<unknown>not recognized)|(?P<many>not a unique prefix)|(?P<lacks>requires argument)"
    r"|must not have an argument)"
)


def explained(text: str) -> str:
    """
    Return an error of a command line in the words of an operator.

    Args:
        text: The text of the error, perhaps of Python's `getopt`.

    Returns:
        The same; for an error of `getopt` what is wrong and what to do.

    Example:
        >>> explained("option --prot not recognized")
        '--prot is no option; did you mean --port? twistd smtpx --help lists all options'
    """
    match = _GETOPT.fullmatch(text)
    if match is None:
        return text
    name, names = match["name"], [f"--{each}" for each in (*OPTIONS, *sorted(ACTIONS))]
    if match["many"]:
        longer = one_of([each for each in names if each.startswith(name)])
        return f"{name} is the beginning of {longer}; write one of them"
    if match["unknown"]:
        return f"{name} is no option{did_you_mean(name, names) or ';'} {_HELP}"
    option = next((each for each in OPTIONS.values() if name in (f"--{each.name}", f"-{each.short}")), None)
    word = "" if option is None else option.kind.word
    if match["lacks"]:
        return f"{name} needs a value; write {name} {word or 'VALUE'}"
    return f"{name} takes no value; write {name}"


def _prefer_our_reactor() -> None:
    """Choose the reactor before the first import of it, which would install the usual one."""
    with contextlib.suppress(ImportError):  # the system has no epoll
        from txsmtpx.wire import epoll_reactor

        epoll_reactor.prefer()


def _section(title: str, options: Sequence[Option[object] | Action], width: int) -> str:
    return "\n".join([f"{title}:", *[_line(option, width) for option in options], ""])


_COLUMN = 28


def _line(option: Option[object] | Action, width: int) -> str:
    if isinstance(option, Option):
        short, word, text = option.short, option.kind.word, option.description
    else:
        short, word, text = None, option.word, option.help
    name = f"  {f'-{short},' if short else '   '} --{option.name}{f'={word}' if word else ''}"
    lines = textwrap.wrap(text, max(width - _COLUMN, 30))
    if len(name) >= _COLUMN - 1:
        lines.insert(0, "")
    first, *rest = lines
    return "\n".join([f"{name:<{_COLUMN}}{first}".rstrip(), *[" " * _COLUMN + line for line in rest]])


def _appends(option: Option[object]) -> Callable[[Options, str], None]:
    def given(self: Options, text: str) -> None:
        self.setdefault(option.name, []).append(text)

    given.__doc__ = option.description
    return given


def _once(option: Option[object]) -> Callable[[Options, str], None]:
    def given(self: Options, text: str) -> None:
        if option.name in self:
            raise UsageError(f"--{option.name} is given twice; leave one out")
        self[option.name] = text

    given.__doc__ = option.description
    return given


def _does(action: Action) -> Callable[..., None]:
    def with_argument(self: Options, argument: str) -> None:
        action.run(argument)

    def alone(self: Options) -> None:
        action.run("")

    given = with_argument if action.word else alone
    given.__doc__ = action.help
    return given


def _install() -> None:
    """Add the methods in which `usage.Options` looks for options that are no flags."""
    for option in OPTIONS.values():
        if option.kind is not FLAG:
            given = _appends(option) if option.repeated else _once(option)
            for name in filter(None, (option.name.replace("-", "_"), option.short)):
                setattr(Options, f"opt_{name}", given)
    for group in GROUPS:
        for action in group.actions:
            setattr(Options, f"opt_{action.name.replace('-', '_')}", _does(action))


_install()
