"""
Each module has its tests where its path says.

Those of ``txsmtpx/grammar/path.py`` are in ``tests/grammar/test_path.py``.  A module that only declares something needs
no such file: there is nothing in it that a test could call.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "txsmtpx"
TESTS = Path(__file__).parent

DECLARATIONS = {"Attribute", "TypeVar"}
"""What a module that only declares something may call: attributes of interfaces, and type variables."""


def modules() -> set[str]:
    """The path of each module below ``txsmtpx``, but for ``__init__.py``, which holds names only."""
    return {str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py") if path.name != "__init__.py"}


def mirrored() -> set[str]:
    """The modules that have a file of tests where their path says."""
    return {module for module in modules() if (path := TESTS / module).with_name(f"test_{path.name}").exists()}


def declares_only(source: str) -> bool:
    """
    Whether a module has interfaces, protocols, names of types and constants, and nothing else.

    Its functions have a docstring and no body, and its values are written out, not computed.
    """
    return all(map(_is_declaration, ast.parse(source).body))


def _is_declaration(node: ast.stmt) -> bool:
    match node:
        case ast.Import() | ast.ImportFrom() | ast.Pass() | ast.Expr(value=ast.Constant()):
            return True
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return all(isinstance(each, ast.Pass | ast.Expr) and _is_declaration(each) for each in node.body)
        case ast.ClassDef() | ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return all(map(_is_declaration, node.body))
        case ast.Assign() | ast.AnnAssign():
            return node.value is None or not any(map(_is_computed, ast.walk(node.value)))
    return False


def _is_computed(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return not (isinstance(node.func, ast.Name) and node.func.id in DECLARATIONS)
    return isinstance(node, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp | ast.Await)


@cache
def with_behaviour() -> frozenset[str]:
    """The modules that need tests of their own."""
    return frozenset(module for module in modules() if not declares_only((PACKAGE / module).read_text()))


def test_each_module_has_its_tests_where_its_path_says() -> None:
    assert sorted(with_behaviour() - mirrored()) == []


def test_a_module_that_only_declares_something() -> None:
    declared = modules() - with_behaviour()
    assert {"dialog/wire.py", "interfaces/session.py", "inbox/inbox_reactor.py"} <= declared
    assert not {"interfaces/provided.py", "grammar/replies.py", "extensions/lmtp.py", "setting.py"} & declared
    assert len(declared) < 40


@pytest.mark.parametrize(
    ("source", "declares"),
    [
        ('"""X."""\nimport x\nfrom y import z\n', True),
        ("class I(Interface):\n    a = Attribute('x')\n    def f(self):\n        '''Do.'''\n", True),
        ("class P(Protocol[T]):\n    x: int = 7\n    async def f(self) -> int: ...\n", True),
        ("T = TypeVar('T')\nKind = Literal['a', 'b']\nMOST: int = 64 * 1024\n", True),
        ("if TYPE_CHECKING:\n    from a import b\n", True),
        ("def f():\n    return 1\n", False),
        ("class C:\n    def f(self):\n        raise NotImplementedError\n", False),
        ("X = Reply(250)\n", False),
        ("X = [each for each in Y]\n", False),
        ("X = lambda: 1\n", False),
        ("if sys.platform == 'win32':\n    X = 1\n", False),
        ("for each in X:\n    pass\n", False),
        ("install()\n", False),
    ],
)
def test_what_is_a_declaration(source: str, declares: bool) -> None:
    assert declares_only(source) is declares
