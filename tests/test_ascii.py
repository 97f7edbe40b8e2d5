"""
Nothing that a peer sends is compared by the case, the white space or the digits of all scripts.

Read from the source by ast. The methods of ``bytes`` know ASCII alone, but have the same names as those of ``str``.
Where one of these names stands, `ALLOWED` says why. What reads the content of messages is not among the packages:
it is made to find a meaning in whatever comes.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import txsmtpx

ROOT = Path(txsmtpx.__file__).parent
PACKAGES = ("grammar", "dialog", "extensions", "sasl", "wire", "backends", "middleware", "filters", "logins",
            "observers")  # fmt: skip
FILES = sorted(file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))

OF_ALL_SCRIPTS = frozenset({
    "capitalize", "casefold", "isalnum", "isalpha", "isdecimal", "isdigit", "islower", "isnumeric", "isspace",
    "isupper", "lower", "splitlines", "swapcase", "title", "upper",
})  # fmt: skip

BARE = frozenset({"lstrip", "rsplit", "rstrip", "split", "strip"})
"""Those that take the white space of all scripts where they are not told what to take."""

CLASSES = re.compile(r"(?<!\\)(?:\\\\)*\\[bBdDsSwW]")

ALLOWED = {
    "logins/password_file.py": {"str.strip": "a file of the operator's"},
    "filters/milter/filter_replies.py": {"data.string().split()": "octets"},
    "filters/milter/header_value.py": {"value.rstrip": "octets"},
    "filters/milter/negotiation.py": {"reader.string().replace(b',', b' ').split()": "octets"},
    "filters/spamc.py": {"found[1].lower": "octets"},
    "dialog/secrets.py": {
        "octets.decode('utf-8', 'replace').lower": "credentials are found again in any case",
        "text.lower": "likewise",
        "username.lower": "likewise",
        "secret.lower": "likewise",
        "re.compile('\\\\w+')": "as words of any script",
        "re.search(f'(?<!\\\\w){re.escape(part)}(?!\\\\w)', text)": "likewise",
        're.compile(\'[^\\\\s\\\\"\\\'<>()\\\\[\\\\],;]+\')': "likewise",
    },
    "dialog/refusals.py": {"line[:4].upper": "octets"},
    "grammar/esmtp_parameter.py": {
        "match[1].upper": "matched as ASCII, on the way of every parameter",
        "text.split()": "after isascii, likewise",
    },
    "grammar/asciitext.py": {
        "text.upper": "after isascii",
        "text.lower": "after isascii",
        "text.isdecimal": "after isascii",
    },
    "grammar/command.py": {"verb.upper": "after isascii, on the way of every command"},
    "grammar/reply.py": {"line.splitlines": "what any reader may take for the end of a line ends one"},
    "sasl/oauth_bearer.py": {"authorization.strip()": "octets"},
    "sasl/cram_md5.py": {"digest.lower": "octets"},
    "wire/description.py": {
        "re.compile('positional arguments? but \\\\d+ (?:was|were) given|multiple values for')": "Python's own",
        "re.compile('missing \\\\d+ required (?:positional|keyword-only) arguments?: (.*)')": "likewise",
        r"re.compile('(?:invalid literal for int\\(\\) with base (\\d+)|could not convert string to float): (.*)')":
            "likewise",
        "str(error).split()": "likewise",
    },
    "wire/client.py": {"verb.lower": "a verb that the client itself sends"},
    "wire/certificate_directory.py": {"(connection.get_servername() or b'').lower": "octets"},
}


def of_all_scripts(tree: ast.AST) -> Iterator[str]:
    """The uses of methods, and the regular expressions, that know more than ASCII."""
    for node in ast.walk(tree):
        named = isinstance(node, ast.Attribute) and _is_of_all_scripts(node)
        called = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _calls_what_is(node, node.func)
        if named or called:
            yield ast.unparse(node)


def _is_of_all_scripts(method: ast.Attribute) -> bool:
    owner = ast.unparse(method.value)
    return (method.attr in OF_ALL_SCRIPTS and owner != "asciitext") or (method.attr in BARE and owner == "str")


def _calls_what_is(call: ast.Call, method: ast.Attribute) -> bool:
    if method.attr in BARE and not call.args:
        return True
    return ast.unparse(method.value) == "re" and bool(call.args) and _reads_all_scripts(call)


def _reads_all_scripts(call: ast.Call) -> bool:
    """Whether ``call``, of a function of ``re``, has a pattern of text in which letters or classes are not of ASCII."""
    constants = [node.value for node in ast.walk(call.args[0]) if isinstance(node, ast.Constant)]
    if any(isinstance(value, bytes) for value in constants):
        return False
    pattern, flags = "".join(map(str, constants)), ast.unparse(call)
    ignores_case = "IGNORECASE" in flags or "re.I" in flags or "(?i" in pattern
    return "re.ASCII" not in flags and bool(ignores_case or CLASSES.search(pattern))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_letters_white_space_and_digits_are_those_of_ascii(file):
    found = set(of_all_scripts(ast.parse(file.read_text(encoding="utf-8"))))
    assert found - set(ALLOWED.get(file.relative_to(ROOT).as_posix(), ())) == set()


def test_each_file_of_the_list_is_there():
    assert {file.relative_to(ROOT).as_posix() for file in FILES} > set(ALLOWED)


@pytest.mark.parametrize(
    "code",
    [
        "a.upper()", "f(a.b().lower())", "map(str.casefold, a)", "a.split()", "a.strip()", "map(str.strip, a)",
        "a.isdigit()", "a.splitlines()", r"re.compile(r'\d+')", r"re.sub('\\s', '', a)", r"re.compile(rf'{a}\w')",
        "re.compile('last', re.IGNORECASE)", "re.match('last', a, flags=re.I)", "re.compile('(?i)last')",
    ],
)  # fmt: skip
def test_what_is_found(code):
    assert list(of_all_scripts(ast.parse(code)))


@pytest.mark.parametrize(
    "code",
    [
        "asciitext.upper(a)", "a.split(' ')", "a.strip('<>')", "a.upper_bound", r"re.compile(rb'\d+', re.IGNORECASE)",
        r"re.compile(r'\\d')", r"re.compile(r'\d', re.ASCII)", "re.compile('last', re.ASCII | re.IGNORECASE)",
    ],
)  # fmt: skip
def test_what_is_not(code):
    assert list(of_all_scripts(ast.parse(code))) == []
