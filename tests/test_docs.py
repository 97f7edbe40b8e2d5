"""The pages say what is true: generated ones are fresh, links lead somewhere, paths and names exist."""

from __future__ import annotations

import inspect
import pkgutil
import re
import runpy
from pathlib import Path
from typing import Any

import pytest
from twisted.scripts.twistd import ServerOptions
from zope.interface.interface import InterfaceClass

import pytest_txsmtpx
import txsmtpx
import txsmtpx.testing
from tests.docs.block import blocks
from txsmtpx import errors
from txsmtpx.backends.plugins import plugins
from txsmtpx.consume.__main__ import parser
from txsmtpx.dialog.message import Message
from txsmtpx.dialog.settings import Settings
from txsmtpx.tap import Options

ROOT = Path(__file__).parents[1]
PAGES = sorted({*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")} - {*(ROOT / "docs" / "_build").rglob("*.md")})


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("name", ["states", "extensions", "options", "replies"])
def test_generated_pages_are_fresh(name: str) -> None:
    script = runpy.run_path(str(ROOT / "docs" / f"{name}.py"))
    assert script["PAGE"].read_text() == script["page"](), f"run: python docs/{name}.py"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        if not target.startswith("https://"):
            assert (page.parent / target.partition("#")[0]).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_paths(page: Path) -> None:
    """What is called by its path from the root is there, or is a file that the reader writes."""
    written = {block.name for block in blocks(page)} | {"twisted/plugins", "docs/_build/html"}
    for path in re.findall(r"`((?:txsmtpx|twisted|tests|docs|examples|\.ci)/[\w./-]+)`", page.read_text()):
        assert (ROOT / path).exists() or path in written, path


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_options(page: Path) -> None:
    """What is called an option is one of the command, of twistd itself, or of the command that consumes."""
    usages = (Options().getUsage(), ServerOptions().getUsage(), parser().format_help())
    known = {each for usage in usages for each in re.findall(r"--[a-z-]+", usage)}
    text = page.read_text()
    if page.name.startswith("from-"):  # the last column of its tables is about this program
        text = re.sub(r"^\|(?: .*? \|)+(?= [^|\n]+ \|$)", "", text, flags=re.MULTILINE)
    assert set(re.findall(r"`(--[a-z][a-z-]+)", text)) <= known


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_dotted_names(page: Path) -> None:
    for name in re.findall(r"`(txsmtpx(?:\.\w+)+)[`(]", page.read_text()):
        pkgutil.resolve_name(name)


def test_floors_in_the_picture() -> None:
    """The rooms drawn on each floor are modules of it."""
    picture = (ROOT / "docs" / "architecture.md").read_text().split("```")[1]
    floor = ""
    for line in picture.splitlines():
        if room := re.match(r"  (?=.{9}\|)(\w*) +\|(.*)\|", line):
            floor = room[1] or floor
            for module in room[2].split():
                assert (ROOT / "txsmtpx" / floor / f"{module}.py").exists(), (floor, module)


# Names

OTHERS = """
me secret reached none implicit required opportunistic HOST Data Error
async await for in return raise int str True False reactor serverFromString endpoint endpoints listen
stopService consumer portal argument tcp ssl haproxy unix run lmtp cert key pem OK No CertificateOptions
twistd smtpx PATH local mail example com n max uid nobody PORT DOTTED NAME ARGUMENT SIZE interface ssl SSLContext bytes
"""
"""Words of Python, of Twisted, and within strings."""


def names_of(thing: Any) -> set[str]:
    """Its attributes, and what it and its methods take."""
    if isinstance(thing, InterfaceClass):
        methods = [thing[name] for name in thing.names(all=True)]
        parameters = [name for method in methods for name in getattr(method, "positional", ())]
        return {*thing.names(all=True), *parameters}
    functions = [member for _, member in inspect.getmembers(thing, inspect.isfunction)]
    parameters = [name for function in functions for name in inspect.signature(function).parameters]
    return {*dir(thing), *parameters, *getattr(thing, "__annotations__", ())}


@pytest.mark.parametrize("there", ["twisted-mail", "aiosmtpd", "go-smtp"])
def test_names_in_coming_from(there: str) -> None:
    """What a thing is called here exists."""
    page = (ROOT / "docs" / "howto" / f"from-{there}.md").read_text()
    here = [row.split(" | ")[1] for row in page.splitlines() if row.startswith("| ")]
    spans = re.findall(r"`([^`]+)`", "\n".join(here))
    words = {word for span in spans for word in re.findall(r"[A-Za-z_]\w*", span)}
    known = {*OTHERS.split(), *txsmtpx.__all__, *dir(txsmtpx), *dir(errors), *plugins(), "txsmtpx", "trace"}
    known |= {*txsmtpx.testing.__all__, *dir(pytest_txsmtpx)}
    for thing in (Settings, Message, *(getattr(txsmtpx, name) for name in txsmtpx.__all__)):
        known |= names_of(thing)
    assert words - known - set(vars(txsmtpx.Connection("", "", False))) == set()
