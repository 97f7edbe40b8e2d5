"""
Measure the structure of the code: the way that data takes through it, its circles, its types and its documentation.

Run it before and after a change that moves code: make map.  The figures are counts.  They do not depend on the machine.
"""

from __future__ import annotations

import ast
import itertools
import statistics
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple

import txsmtpx

if TYPE_CHECKING:
    from txsmtpx import OpenBackend
    from txsmtpx.grammar.options import MailOptions
    from txsmtpx.interfaces import DataContext, Message

ROOT = Path(txsmtpx.__file__).parent
TESTING = ROOT / "testing"

LONG = 350
"""Lines of a file that is too long."""


class Trip(NamedTuple):
    """
    The way of one piece of work through the package.

    Attributes:
        calls: Calls of Python functions.
        files: Different files that they are in.
        changes: How often a call is in another file than the call before it.
    """

    calls: int
    files: int
    changes: int


def trip(work: Callable[[], object]) -> Trip:
    """
    Follow one piece of work.

    Args:
        work: Does it.

    Returns:
        The calls within the package, those of txsmtpx.testing left out.
    """
    files: list[str] = []

    def called(frame: FrameType, event: str, argument: Any) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(ROOT) and not path.is_relative_to(TESTING):
            files.append(str(path))

    sys.setprofile(called)
    try:
        work()
    finally:
        sys.setprofile(None)
    return Trip(len(files), len(set(files)), sum(one != other for one, other in itertools.pairwise(files)))


def trips() -> Iterator[tuple[str, Trip]]:
    """
    Follow the work that users care about, each at its second time, when caches are filled.

    Yields:
        What was done, and its way.
    """
    from txsmtpx import MemoryBackend

    yield from _server_trips(MemoryBackend(), "")
    yield from _server_trips(_application(), ", an application's own backend")
    yield "a client's message", _sent()
    yield "an option of the command", _option()


def _application() -> OpenBackend:
    """Make a backend as an application has one: its session is not in the package, and is not counted."""
    from txsmtpx import OpenBackend, Session

    class Mail(Session):
        def mail(self, sender: str, options: MailOptions) -> None:
            pass

        async def data(self, message: Message, context: DataContext) -> None:
            await message.content()

        def reset(self) -> None:
            pass

    return OpenBackend(lambda connection: Mail())


def _server_trips(backend: OpenBackend, which: str) -> Iterator[tuple[str, Trip]]:
    """Follow the commands of a message to a server with a transaction log."""
    from txsmtpx import TransactionLog
    from txsmtpx.testing import Conversation

    client = Conversation(backend, observers=[TransactionLog()])
    client.ask("EHLO client.example")
    for last in (False, True):
        mail = trip(lambda: client.send(b"MAIL FROM:<a@client.example>\r\n"))
        recipient = trip(lambda: client.send(b"RCPT TO:<b@server.example>\r\n"))
        client.send(b"DATA\r\n")
        client.send(b"Subject: hello\r\n\r\nbody\r\n")
        end = trip(lambda: client.send(b".\r\n"))
        if last:
            yield f"one MAIL{which}", mail
            yield f"one RCPT{which}", recipient
            yield f"the end of DATA{which}", end
    client.hang_up()


def _sent() -> Trip:
    """Follow the second message of a client whose server offers PIPELINING."""
    from benchmarks.drive import answered, connected_client

    client = connected_client()
    answered(client)
    return trip(lambda: answered(client))


def _option() -> Trip:
    """Follow an option from the command line to the setting of a factory."""
    from txsmtpx.tap import Options, makeService

    def run() -> None:
        options = Options()
        options.parseOptions(["--max-recipients", "7", "--backend", "null", "--port", "tcp:0"])
        makeService(options)

    run()
    return trip(run)


def read_modules() -> list[tuple[Path, ast.Module, str]]:
    """
    Read the package.

    Returns:
        Path, syntax tree and text of each file.
    """
    files = [(path, path.read_text(encoding="utf-8")) for path in sorted(ROOT.rglob("*.py"))]
    return [(path, ast.parse(text), text) for path, text in files]


def circles(modules: list[tuple[Path, ast.Module, str]]) -> list[str]:
    """
    Find packages that import each other, imports for type checking and within functions included.

    Args:
        modules: The files of the package.

    Returns:
        Each pair, as "one <-> other".
    """
    graph: dict[str, set[str]] = {}
    for path, tree, _ in modules:
        here = path.relative_to(ROOT).parts[0].removesuffix(".py")
        for node in ast.walk(tree):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            graph.setdefault(here, set()).update(
                name.split(".")[1] for name in names if name.startswith("txsmtpx.") and name.split(".")[1] != here
            )
    reach = {name: _reachable(graph, name) for name in graph}
    pairs = {tuple(sorted((one, other))) for one in graph for other in reach[one] if one in reach.get(other, ())}
    return sorted(f"{one} <-> {other}" for one, other in pairs if one != other)


def _reachable(graph: dict[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    pending = [start]
    while pending:
        for name in graph.get(pending.pop(), ()):
            if name not in found:
                found.add(name)
                pending.append(name)
    return found


def annotated(modules: list[tuple[Path, ast.Module, str]]) -> tuple[int, int]:
    """
    Count annotations outside of txsmtpx.testing.

    Args:
        modules: The files of the package.

    Returns:
        How many there are, and how many of them have Any in them.
    """
    every = loose = 0
    for path, tree, _ in modules:
        if path.is_relative_to(TESTING):
            continue
        for node in ast.walk(tree):
            annotation = getattr(node, "annotation", None) or getattr(node, "returns", None)
            if annotation is not None:
                every += 1
                loose += any(isinstance(each, ast.Name) and each.id == "Any" for each in ast.walk(annotation))
    return every, loose


class Documented(NamedTuple):
    """
    What the docstrings of public functions tell.

    Attributes:
        arguments: Arguments of public functions.
        told: Arguments that the docstring names.
        returns: Public functions that return something.
        returns_told: Public functions whose docstring says what.
        untold_errors: Public functions that raise an error, and whose docstring has no "Raises:".
    """

    arguments: int
    told: int
    returns: int
    returns_told: int
    untold_errors: list[str]


def documented(modules: list[tuple[Path, ast.Module, str]]) -> Documented:
    """
    Count what public functions tell of their arguments and results.

    Args:
        modules: The files of the package.

    Returns:
        The counts.  Functions that override one of another library are public too.
    """
    counts = [0, 0, 0, 0]
    untold: list[str] = []
    for _, tree, _ in modules:
        for function, inherited in _public(tree, ""):
            text = (ast.get_docstring(function) or "") + inherited
            names = [each.arg for each in [*function.args.args, *function.args.kwonlyargs]]
            names = [name for name in names if name not in ("self", "cls")]
            counts[0] += len(names)
            counts[1] += sum(f"\n    {name}" in text or f"@param {name}:" in text for name in names)
            returns = function.returns
            if returns is not None and not (isinstance(returns, ast.Constant) and returns.value is None):
                counts[2] += 1
                counts[3] += "Returns:" in text or "Yields:" in text or "@return" in text
            if "Raises:" not in text and any(_errors(function)):
                untold.append(function.name)
    return Documented(counts[0], counts[1], counts[2], counts[3], untold)


def _errors(node: ast.AST) -> Iterator[ast.Raise]:
    """Yield what raises an error of its own; neither an inner function, nor NotImplementedError."""
    for each in ast.iter_child_nodes(node):
        if isinstance(each, ast.Raise) and isinstance(each.exc, ast.Call) and "NotImpl" not in ast.dump(each.exc):
            yield each
        if not isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            yield from _errors(each)


def _public(node: ast.AST, inherited: str) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, str]]:
    """Iterate over the public functions, each with what the docstring of its class adds: arguments of __init__."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef) and not child.name.startswith("_"):
            yield from _public(child, ast.get_docstring(child) or "")
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            if child.name == "__init__":
                yield child, inherited
            elif not child.name.startswith("_") and not any(_is_property(each) for each in child.decorator_list):
                yield child, ""


def _is_property(decorator: ast.expr) -> bool:
    """Return whether a decorator makes a property or its setter, or marks an overload, which has no docstring."""
    name = ast.unparse(decorator)
    return "property" in name or "overload" in name or name.endswith(".setter")


def main() -> None:
    """Print the figures."""
    for name, found in trips():
        print(f"{name:48} {found.calls:4} calls, {found.files:3} files, {found.changes:4} changes of file")
    modules = read_modules()
    lengths = [text.count("\n") for _, _, text in modules]
    print(f"{'circles of packages':48} {', '.join(circles(modules)) or 'none'}")
    every, loose = annotated(modules)
    print(f"{'annotations with Any':48} {loose} of {every}, {100 * loose / every:.1f}%")
    told = documented(modules)
    print(f"{'arguments documented':48} {told.told} of {told.arguments}")
    print(f"{'returns documented':48} {told.returns_told} of {told.returns}")
    comments = sum(line.lstrip().startswith("# ") for _, _, text in modules for line in text.splitlines())
    print(f"{'comments in 100 lines':48} {100 * comments / sum(lengths):.1f}")
    median = statistics.median(length for length in lengths if length > 1)
    print(f"{'lines of a file':48} median {median:.0f}, most {max(lengths)}")
    for path, _, text in modules:
        if text.count("\n") > LONG:
            print(f"{'':48} {path.relative_to(ROOT)} has {text.count(chr(10))}")


if __name__ == "__main__":
    main()
