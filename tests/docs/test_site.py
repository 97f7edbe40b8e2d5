"""
The documentation as ``make docs`` prints it: without a warning, with all that is public, and no link into nothing.
"""

from __future__ import annotations

import html.parser
import inspect
import re
import subprocess
import sys
import zlib
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from zope.interface.interface import InterfaceClass

import txsmtpx
import txsmtpx.errors
import txsmtpx.interfaces
import txsmtpx.testing

ROOT = Path(__file__).parents[2]
PATIENCE = 120.0
PUBLIC = {name: getattr(txsmtpx, name) for name in txsmtpx.__all__}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the printed pages."""
    pytest.importorskip("sphinx", reason="Sphinx is not installed: pip install --group docs")
    directory = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "--keep-going"]
    command += ["--doctree-dir", str(directory / "doctrees"), "docs", str(directory / "html")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return directory / "html"


def names(site: Path) -> set[str]:
    """What has an entry of its own."""
    octets = (site / "objects.inv").read_bytes().split(b"\n", 4)[4]
    return {line.split(" ")[0] for line in zlib.decompress(octets).decode().splitlines() if " py:" in line}


def test_everything_public_is_told_of(site: Path) -> None:
    public = {f"txsmtpx.{name}" for name in txsmtpx.__all__}
    public |= {f"txsmtpx.testing.{name}" for name in txsmtpx.testing.__all__}
    # An exception or an interface that txsmtpx exports has its entry under that name.
    public |= {f"txsmtpx.errors.{name}" for name in txsmtpx.errors.__all__ if name not in txsmtpx.__all__}
    home = txsmtpx.interfaces.__name__
    own = {name for name, thing in vars(txsmtpx.interfaces).items() if getattr(thing, "__module__", "") == home}
    public |= {f"{home}.{name}" for name in own if name[0] != "_" and name not in txsmtpx.__all__}
    known = names(site)
    known |= {f"txsmtpx.{name.removeprefix('txsmtpx.errors.')}" for name in known if name.startswith("txsmtpx.errors.")}
    assert public - known == set()


def test_how_objects_are_made_is_told(site: Path) -> None:
    """Each parameter of each public class, where the class is told of."""
    pages = "".join(page.read_text(encoding="utf-8") for page in (site / "reference").glob("*.html"))
    assert re.findall(r"~\w+\.", pages) == []  # of a signature that Sphinx did not understand
    entries = re.findall(r'<dt class="sig sig-object py" id="([\w.]+)">(.*?)(?=<dt class="sig |\Z)', pages, re.DOTALL)
    told = {name.replace(".errors.", "."): set(re.findall(r"<strong>(\w+)</strong>", text)) for name, text in entries}
    made = {name: inspect.getdoc(thing) or "" for name, thing in PUBLIC.items() if inspect.isclass(thing)}
    said = {name: set(re.findall(r"(?m)^    (\w+): ", text.partition("\nArgs:\n")[2])) for name, text in made.items()}
    assert "domain" in said["SMTPServerFactory"]
    missing = {name: names - told.get(f"txsmtpx.{name}", set()) for name, names in said.items()}
    assert {name: names for name, names in missing.items() if names} == {}


def test_interfaces_have_their_methods(site: Path) -> None:
    interfaces = {name: thing for name, thing in PUBLIC.items() if isinstance(thing, InterfaceClass)}
    assert "IBackend" in interfaces
    members = {f"txsmtpx.{name}.{member}" for name, thing in interfaces.items() for member in thing.names()}
    assert {name for name in members if "._" not in name} - names(site) == set()


def test_nothing_is_misread(site: Path) -> None:
    """What Sphinx prints if it takes text for a type, or a value for its class, or does not know a default."""
    pages = {page.name: page.read_text(encoding="utf-8") for page in (site / "reference").glob("*.html")}
    text = {name: re.sub(r"<[^>]*>", "", page) for name, page in pages.items()}
    wrong = r"Return type:|\n *Type:|iterable_of_ints|\.default\b|ClientSettings\.|\*args, \*\*kwargs|<[a-z]+ at 0x"
    assert {name: found for name, page in text.items() if (found := re.findall(wrong, page))} == {}


def test_other_names_of_an_entry_are_links(site: Path) -> None:
    page = (site / "reference" / "interfaces.html").read_text(encoding="utf-8")
    assert re.search(r'<a [^>]*href="errors.html#[^"]*SMTPError"[^>]*><code[^>]*><span[^>]*>txsmtpx.SMTPError<', page)
    assert re.search(r'<a [^>]*href="#txsmtpx.IVerifyingSession"[^>]*><code', page)


def test_the_index_has_cards_and_code_has_copy_buttons(site: Path) -> None:
    index = (site / "index.html").read_text(encoding="utf-8")
    assert len(re.findall(r'class="[^"]*\bsd-card\b', index)) >= 7
    assert "copybutton.js" in (site / "tutorial/server.html").read_text(encoding="utf-8")


class Page(html.parser.HTMLParser):
    """Where a page leads, and the places within it that others may lead to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """For HTMLParser."""
        for name, value in attributes:
            if value and (name in ("id", "name")):
                self.anchors.add(value)
            elif value and name in ("href", "src"):
                self.links.append(value)


def test_links_lead_somewhere(site: Path) -> None:
    pages = {path: Page(path) for path in site.rglob("*.html")}
    astray = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            anchors = pages[target].anchors if target in pages else set()
            if not target.exists() or (target in pages and parts.fragment and parts.fragment not in anchors):
                astray.append((path.relative_to(site).as_posix(), link))
    assert astray == []


def test_the_floors_are_drawn() -> None:
    """The picture on the page of the architecture has each file of the package's floors, on its floor."""
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    words = re.sub(r"[|+-]+", " ", page[page.index("```text") :].split("```")[1]).split()
    assert words.index("wire") < words.index("dialog") < words.index("grammar")
    for floor, after in (("wire", "dialog"), ("dialog", "grammar"), ("grammar", "")):
        own = words[words.index(floor) : words.index(after) if after else None]
        missing = {file.stem for file in (ROOT / "txsmtpx" / floor).glob("[a-z]*.py")} - set(own)
        assert len(missing) < 4, (floor, missing)  # the page may leave a few out
