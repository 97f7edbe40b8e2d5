"""
The sentences of the docstrings that the reference prints.

Sphinx's napoleon reads the sections of a docstring, and docutils its paragraphs, as for the pages of the reference.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from types import ModuleType

from docutils import nodes
from docutils.core import publish_doctree
from sphinx.ext.napoleon import Config, GoogleDocstring
from zope.interface.interface import InterfaceClass

import txsmtpx
import txsmtpx.interfaces
import txsmtpx.testing
from tests.docs.prose import CODE, Sentence, cut

MODULES = (txsmtpx, txsmtpx.testing, txsmtpx.errors, txsmtpx.interfaces)

_NAPOLEON = Config(napoleon_use_ivar=True, napoleon_numpy_docstring=False)


def documented() -> Iterator[tuple[str, str]]:
    """The name and the docstring of each public object of the package, and of each public method."""
    known = set()
    for module in MODULES:
        for name, thing in sorted(_public(module).items()):
            if id(thing) not in known:
                known.add(id(thing))
                yield from _of(f"{module.__name__}.{name}", thing)


def _public(module: ModuleType) -> dict[str, object]:
    names = getattr(module, "__all__", [name for name in vars(module) if name[0] != "_"])
    things = {name: getattr(module, name) for name in names}
    return {name: thing for name, thing in things.items() if _is_documented(thing)}


def _is_documented(thing: object) -> bool:
    """Whether an object is defined by the package, and has a docstring of its own."""
    own = getattr(thing, "__module__", "").startswith("txsmtpx")
    return own and (inspect.isroutine(thing) or isinstance(thing, type | InterfaceClass))


def _of(name: str, thing: object) -> Iterator[tuple[str, str]]:
    """An object with its methods."""
    members = {"": thing}
    if isinstance(thing, InterfaceClass):
        members |= {f".{each}": thing[each] for each in thing.names()}
    elif isinstance(thing, type):
        members |= {f".{each}": member for each, member in vars(thing).items() if each[0] != "_"}
    for suffix, member in members.items():
        member = getattr(member, "__func__", member)
        text = member.__doc__ if suffix == "" or _has_docstring(member) else None
        if text:
            yield name + suffix, inspect.cleandoc(text)


def _has_docstring(member: object) -> bool:
    return inspect.isroutine(member) or isinstance(member, property) or hasattr(member, "getSignatureString")


def sentences_of(name: str, docstring: str) -> Iterator[Sentence]:
    """The sentences of a docstring, without its examples."""
    text = str(GoogleDocstring(docstring, _NAPOLEON))
    tree = publish_doctree(text, settings_overrides={"report_level": 5, "syntax_highlight": "none"})
    for paragraph in tree.findall(nodes.paragraph):
        words, spans = [], []
        for part in paragraph.findall():
            if isinstance(part, nodes.literal | nodes.title_reference):
                words.append(CODE)
                spans.append(part.astext())
            elif isinstance(part, nodes.Text) and not isinstance(part.parent, nodes.literal | nodes.title_reference):
                words.append(part.astext().replace("\n", " "))
        for number, sentence in enumerate(cut("".join(words), spans)):
            yield Sentence(name, 0, "item", number == 0, sentence)
