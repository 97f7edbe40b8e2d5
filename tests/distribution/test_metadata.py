"""What PyPI shows of the package: its description, its links, its files."""

from __future__ import annotations

import email
import email.message
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

import txsmtpx

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
ADDRESS = PROJECT["urls"]["Source"]


@pytest.fixture(scope="module")
def wheel(built: Path) -> zipfile.ZipFile:
    (path,) = built.glob("*.whl")
    return zipfile.ZipFile(path)


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> email.message.Message:
    (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    return email.message_from_string(wheel.read(name).decode())


def of_git() -> set[str]:
    """The files of the repository, and those that are not ignored."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return {*filter(None, listed.split("\0"))}


def tokens(markdown: str) -> list[Token]:
    """The tokens of a page of Markdown, those inside of paragraphs too."""
    outer = MarkdownIt("gfm-like", {"linkify": False}).parse(markdown)
    return outer + [inner for each in outer for inner in each.children or ()]


def links(markdown: str) -> list[str]:
    """The targets of all links and pictures."""
    found = [each.attrs.get("href", each.attrs.get("src")) for each in tokens(markdown)]
    html = "".join(each.content for each in tokens(markdown) if each.type in ("html_block", "html_inline"))
    return [str(each) for each in found if each is not None] + re.findall(r'(?:href|src)="([^"]*)"', html)


def code(markdown: str) -> list[str]:
    """The contents of all blocks of code."""
    return [each.content for each in tokens(markdown) if each.type == "fence"]


def test_each_link_of_the_description_is_absolute(metadata: email.message.Message) -> None:
    readme, description = (ROOT / "README.md").read_text(), metadata.get_payload()
    assert isinstance(description, str)
    assert [link for link in links(description) if not re.match("https?://", link)] == []
    assert len(links(description)) == len(links(readme)) > 10
    assert any(not re.match("https?://", link) for link in links(readme))
    assert code(description) == code(readme)


def test_each_link_into_the_repository_has_a_file_there(metadata: email.message.Message) -> None:
    inside = re.compile(re.escape(ADDRESS) + r"/(?:blob|raw|tree)/main/([^#]*)")
    urls = [entry.partition(", ")[2] for entry in metadata.get_all("Project-URL", [])]
    found = [match[1] for link in [*links(str(metadata.get_payload())), *urls] if (match := inside.match(link))]
    assert found
    assert [path for path in found if not (ROOT / path).exists()] == []


@pytest.mark.parametrize(
    ("readme", "described"),
    [
        ("[a](docs/a.md#b)", "[a]({address}/blob/main/docs/a.md#b)"),
        ("[a](#b)", "[a]({address}/blob/main/README.md#b)"),
        ("![a](docs/a.png)", "![a]({address}/raw/main/docs/a.png)"),
        ("[![a](a.png)](a.md)", "[![a]({address}/raw/main/a.png)]({address}/blob/main/a.md)"),
        ('<img alt="a" src="docs/a.png">', '<img alt="a" src="{address}/raw/main/docs/a.png">'),
        ('<a href="docs/a.md">a</a>', '<a href="{address}/blob/main/docs/a.md">a</a>'),
        ("[a]\n\n[a]: docs/a.md", "[a]\n\n[a]: {address}/blob/main/docs/a.md"),
        ("[a](https://example.org/a.md)", "[a](https://example.org/a.md)"),
        ("[a](mailto:a@example.org)", "[a](mailto:a@example.org)"),
    ],
)  # fmt: skip
def test_how_a_link_of_the_readme_is_rewritten(readme: str, described: str) -> None:
    for each in PYPROJECT["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]["substitutions"]:
        readme = re.sub(each["pattern"], each["replacement"], readme)
    assert readme == described.format(address=ADDRESS)


def test_pypi_accepts_both_files(built: Path) -> None:
    files = sorted(map(str, built.iterdir()))
    done = subprocess.run([sys.executable, "-m", "twine", "check", "--strict", *files], capture_output=True, text=True)
    assert (len(files), done.returncode) == (2, 0), done.stdout


def test_the_address_of_the_repository_is_in_one_file() -> None:
    assert all(url.startswith(ADDRESS) for url in PROJECT["urls"].values())
    paths = [ROOT / name for name in sorted(of_git()) if (ROOT / name).is_file()]
    assert [path.name for path in paths if ADDRESS.encode() in path.read_bytes()] == ["pyproject.toml"]


def test_the_version_is_written_once(metadata: email.message.Message) -> None:
    assert metadata["Version"] == txsmtpx.__version__
    assert "version" not in PROJECT
    sources = [*ROOT.glob("txsmtpx/**/*.py"), *ROOT.glob("docs/*.py"), ROOT / "pyproject.toml"]
    assert [path.name for path in sources if f'"{txsmtpx.__version__}"' in path.read_text()] == ["__init__.py"]


def test_the_classifiers_name_each_python(metadata: email.message.Message) -> None:
    named = re.findall(r"Python :: 3\.(\d+)$", "\n".join(metadata.get_all("Classifier", [])), re.MULTILINE)
    assert PROJECT["requires-python"] == f">=3.{named[0]}"
    assert [int(minor) for minor in named] == list(range(int(named[0]), int(named[-1]) + 1))
    assert metadata["Author"] == "The txsmtpx authors"


def test_the_wheel_has_the_library_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    names = [name for name in wheel.namelist() if ".dist-info/" not in name]
    outside = {name for name in names if not name.startswith("txsmtpx/")}
    assert outside == {"pytest_txsmtpx.py", "twisted/plugins/txsmtpx_plugin.py"}
    assert "txsmtpx/py.typed" in names
    assert {*names} <= of_git()


def test_the_sdist_has_what_git_has(built: Path) -> None:
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names - of_git() == {"PKG-INFO"}
    assert {"txsmtpx/__init__.py", "pyproject.toml", "README.md", "LICENSE"} <= names
