"""Settings of Sphinx, for ``make docs``."""

import re
import sys
from pathlib import Path

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.domains import ObjType
from sphinx.domains.python import PythonDomain
from sphinx.environment import BuildEnvironment
from sphinx.util.nodes import make_refnode

sys.path.insert(0, str(Path(__file__).parent))

import rfcs

project = "txsmtpx"
extensions = [
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinxcontrib.zopeext.autointerface",
]
exclude_patterns = ["_build"]

# `Name` in a docstring is a link where the documentation has an entry of that name; otherwise it is code.
default_role = "any"
suppress_warnings = ["ref.any"]

html_theme = "furo"
html_title = "txsmtpx"
html_copy_source = False
html_show_copyright = False

# The copy button copies the commands after the prompt, without the prompt and the output.
copybutton_prompt_text = "$ "
copybutton_only_copy_prompt_lines = True

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

autoclass_content = "both"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
add_module_names = False
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
python_display_short_literal_types = True
python_use_unqualified_type_names = True


AT_THE_ROOT = {"changelog": "CHANGELOG.md", "contributing": "CONTRIBUTING.md", "security": "SECURITY.md"}
"""Pages whose text is a file at the root of the repository, where people look for it."""


def read_root(app: Sphinx, docname: str, source: list[str]) -> None:
    """
    Print a page that stands at the root, and make links to files at the root links to those pages.

    Args:
        app: The application of Sphinx.
        docname: The name of the page.
        source: Its text, as the only item.
    """
    text = source[0]
    if docname in AT_THE_ROOT:
        text = Path(__file__).parents[1].joinpath(AT_THE_ROOT[docname]).read_text(encoding="utf-8")
        text = re.sub(r"\]\((?!https?:|#)", "](../", text).replace("](../docs/", "](")
    up = "../" * docname.count("/")
    for page, file in [*AT_THE_ROOT.items(), ("index", "README.md")]:
        text = text.replace(f"]({up}../{file}", f"]({up}{page}.md")
    source[0] = re.sub(r"\]\(((?:\.\./)+(?:benchmarks|tests)/[^)]*\.md)", r"](path:\1", text)


_NOT_PYTHON = re.compile(r"<(?:InterfaceClass|function|built-in function|class) '?([\w.<>]+?)'?>")


def readable(
    app: Sphinx, what: str, name: str, obj: object, options: object, signature: str | None, returned: str | None
) -> tuple[str | None, str | None]:
    """
    Show interfaces, classes and functions of a signature by their names, so that Sphinx can read it.

    Args:
        app: The application of Sphinx.
        what: The kind of the object, such as "class".
        name: The full name of the object.
        obj: The object.
        options: The options of the directive.
        signature: The arguments.
        returned: The annotation of the result.

    Returns:
        Arguments and result as Python would write them.
    """

    if signature == "(*args, **kwargs)" and getattr(obj, "_is_protocol", False):
        return "", returned

    def plain(text: str | None) -> str | None:
        return text and re.sub(r"<factory>|[\w.]*<lambda>", "...", _NOT_PYTHON.sub(r"\1", text))

    return plain(signature), plain(returned)


def short_name(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.Element
) -> nodes.reference | None:
    """
    Link ``txsmtpx.SMTPError`` to the entry of another name, such as ``txsmtpx.errors.SMTPError``.

    Args:
        app: The application of Sphinx.
        env: The names with an entry.
        node: The link.
        content: Its text.

    Returns:
        The link; None if no entry or more than one has such a name.
    """
    target = node["reftarget"]
    if node["reftype"] != "any" or not target.startswith("txsmtpx."):
        return None
    domain = env.get_domain("py")
    assert isinstance(domain, PythonDomain)
    found = domain.find_obj(env, "", "", target.rpartition(".")[2], None, 1)
    entries = {(entry.docname, entry.node_id) for _name, entry in found}
    if len(entries) != 1:
        return None
    return make_refnode(app.builder, node["refdoc"], *entries.pop(), content)


def setup(app: Sphinx) -> None:
    """
    Connect the functions of this file.

    Args:
        app: The application of Sphinx.
    """
    # `any` finds only kinds of entries that the domain lists; autointerface does not add its own.
    PythonDomain.object_types["interface"] = ObjType("interface", "interface", "class", "obj")
    app.connect("missing-reference", short_name)
    app.connect("source-read", rfcs.read)
    app.connect("source-read", read_root)
    app.connect("autodoc-process-signature", readable)
