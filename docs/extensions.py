"""
Writes extensions.md beside this file: every extension of the box, by its value.

    python docs/extensions.py

A test fails when the page is older than the values.
"""

from __future__ import annotations

import ast
import pkgutil
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import txsmtpx.extensions
from txsmtpx.dialog.extension import Extension
from txsmtpx.extensions.registry import EXTENSIONS, KNOWN
from txsmtpx.grammar.esmtp_parameter import Parameter
from txsmtpx.grammar.options import MailOptions, Options, RcptOptions

PAGE = Path(__file__).with_name("extensions.md")

BEGINNING = """\
# Extensions

This page has each built-in extension: its keyword in EHLO, its commands, its parameters, and their fields in Python.
`docs/extensions.py` generates the page from the values in `txsmtpx/extensions`.

An extension is one value in one file, which both ends use. The server advertises it, decodes its parameters into typed
fields, and executes its commands. The client reads the reply to EHLO, and encodes the fields. If an extension
is not advertised, the reply to its commands is 502 5.5.1, and to its parameters 555 5.5.4.
"""

WHO = """\
The server advertises the extensions of the library by default. Some have a condition: `STARTTLS` needs a certificate,
`AUTH` needs TLS or `allow_insecure_auth`, and `LIMITS` needs a limit.

The extensions of the backend are promises that only a backend can keep. The server advertises them if `supports` of the
backend or its session has them, or with `twistd smtpx --extension KEYWORD`. It also advertises VRFY and EXPN if the
session has the method `verify` or `expand`. A client sends EHLO before it has a session. So `OpenBackend(Class)` reads
`supports` of the class, and any other backend needs `supports` itself.
"""

OWN = """\
## Your own extension

Your own extension is a value too. It has an EHLO keyword, parameters with their fields, and commands, whose functions
return a `Reply`. Pass it to a server by `supports` of the backend, or by `SMTPServerFactory(extensions=[...])`. Pass it
to a client by `connect(..., extensions=[...])`. You do not change the code of txsmtpx. [Write an
extension](howto/extension.md) shows the steps. `examples/own_extension.py` has both ends in one file."""


def page() -> str:
    """The text of extensions.md."""
    return "\n".join(_paragraphs()) + "\n"


def _paragraphs() -> Iterator[str]:
    yield BEGINNING
    purposes = _purposes()
    rows = ([f"[`{each.keyword}`](#{each.keyword.lower()})", each.rfc, _honoured(each)] for each in EXTENSIONS)
    yield _grid(["keyword", "defined in", "implemented by"], rows)
    yield f"\n{WHO}"
    for extension in EXTENSIONS:
        yield from _section(extension, purposes[extension.keyword])
    (unserved,) = set(KNOWN) - set(EXTENSIONS)
    names = _listed(verb.name for verb in unserved.verbs)
    yield f"## Not implemented\n\nThe reply to {names} ({unserved.rfc}) is 502 5.5.1.\n"
    yield OWN


def _purposes() -> dict[str, str]:
    """Keyword to the first paragraph of the file that makes the value."""
    found = {}
    for module in pkgutil.iter_modules(txsmtpx.extensions.__path__):
        path = Path(txsmtpx.extensions.__path__[0], f"{module.name}.py")
        text = path.read_text(encoding="utf-8")
        for keyword in re.findall(r'= Extension\(\s*"([A-Z0-9-]+)"', text):
            first = (ast.get_docstring(ast.parse(text)) or "").split("\n\n")[0]
            found[keyword] = " ".join(re.sub(r"L\{([^}]*)\}", r"`\1`", first).split())
    return found


def _honoured(extension: Extension) -> str:
    return "the backend" if extension.needs_backend else "the library"


def _section(extension: Extension, purpose: str) -> Iterator[str]:
    yield f"## {extension.keyword}\n\n{purpose}\n"
    if extension.requires:
        yield f"Requires {_listed(sorted(extension.requires))}.\n"
    if extension.verbs:
        yield f"Commands: {_listed(verb.syntax for verb in extension.verbs)}.\n"
    rows = [*_parameters("MAIL", extension.mail, MailOptions), *_parameters("RCPT", extension.rcpt, RcptOptions)]
    if rows:
        yield _grid(["of", "parameter", "field", "default"], rows) + "\n"
    if extension.wanted is not Extension("", "").wanted:
        yield "If a message needs the extension and the server does not offer it, the client raises `NotOffered`.\n"
    elif rows:
        yield "If the server does not offer the extension, the client omits the parameter.\n"


def _parameters(verb: str, parameters: Iterable[Parameter], kind: type[Options]) -> Iterator[list[str]]:
    for each in parameters:
        default = getattr(kind, each.field)
        yield [f"`{verb}`", f"`{each.syntax}`", f"`{kind.__name__}.{each.field}`", f"`{default!r}`"]


def _listed(texts: Iterable[str]) -> str:
    return ", ".join(f"`{text}`" for text in texts)


def _grid(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"|{'|'.join(f' {cell} ' if cell else ' ' for cell in line)}|" for line in lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
