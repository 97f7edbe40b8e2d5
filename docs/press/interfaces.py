"""
The directive C{autointerface}: an interface of zope.interface, as autodoc shows classes.

    .. autointerface:: txsmtpx.ISession
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective
from zope.interface.interface import InterfaceClass, Method

from press.epytext import translated
from press.names import defined


class AutoInterface(SphinxDirective):
    """One interface: what it is for, its attributes and its methods."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """For docutils."""
        module, _, name = self.arguments[0].rpartition(".")
        interface = getattr(importlib.import_module(module), name)
        self.env.note_dependency(inspect.getsourcefile(importlib.import_module(interface.__module__)) or "")
        lines = StringList(list(_written(interface, self.arguments[0])), interface.__identifier__)
        return self.parse_text_to_nodes("\n".join(lines))


def _written(interface: InterfaceClass, name: str) -> Iterator[str]:
    yield f".. py:class:: {name}"
    yield ""
    bases = [base for base in interface.__bases__ if base.__name__ != "Interface"]
    if bases:
        listed = ", ".join(f":py:obj:`{base.__name__} <{defined(base, base.__name__)}>`" for base in bases)
        yield f"    An interface, which extends {listed}."
    else:
        yield "    An interface."
    yield ""
    yield from _indented(interface.__doc__ or "", interface, 1)
    for attribute, description in interface.namesAndDescriptions():
        if isinstance(description, Method):
            yield f"    .. py:method:: {attribute}{description.getSignatureString()}"
        else:
            yield f"    .. py:attribute:: {attribute}"
        yield ""
        yield from _indented(description.__doc__ or "", description, 2)


def _indented(docstring: str, where: Any, depth: int) -> Iterator[str]:
    for line in translated(inspect.cleandoc(docstring), where).splitlines():
        yield "    " * depth + line if line else ""
    yield ""


def setup(app: Any) -> dict[str, Any]:
    """For Sphinx."""
    app.add_directive("autointerface", AutoInterface)
    return {"parallel_read_safe": True}
