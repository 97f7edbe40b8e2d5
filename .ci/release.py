"""
Build the sdist and the wheel, and check them on each Python that is installed.

    make release
    make release ARGS=--rehearse    # also from a tree with changes, or without a date in CHANGELOG.md
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
DIST = ROOT / "build/release"

BY_HAND = """
Left to do by hand:

  git tag --annotate v{version} --message 'txsmtpx {version}'
  git push origin v{version}
  {python} -m twine upload {files}
  Add a section "unreleased" to CHANGELOG.md, and set __version__ in txsmtpx/__init__.py to the next version.
"""


def version_of(root: Path) -> str:
    """Return the version that ``txsmtpx/__init__.py`` has."""
    (version,) = re.findall(r'^__version__ = "(.+)"$', (root / "txsmtpx/__init__.py").read_text(), re.MULTILINE)
    return str(version)


def git(root: Path, *arguments: str) -> str:
    """Return what git prints."""
    return subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True).stdout


def objections(root: Path) -> list[str]:
    """
    Return the reasons not to release.

    Args:
        root: The repository.

    Returns:
        The reasons, each with what to do.
    """
    found = []
    if changed := git(root, "status", "--porcelain"):
        found.append(f"the tree has changes, commit them first:\n{changed.rstrip()}")
    version = version_of(root)
    heading = re.search(rf"^## {re.escape(version)}(?:, (.*))?$", (root / "CHANGELOG.md").read_text(), re.MULTILINE)
    if heading is None:
        found.append(f"CHANGELOG.md has no section {version}: write one, or correct __version__ in txsmtpx/__init__.py")
    elif not re.fullmatch(r"\d{4}-\d{2}-\d{2}", heading[1] or ""):
        found.append(f'CHANGELOG.md has no date for {version}: its heading is to be "## {version}, YYYY-MM-DD"')
    if git(root, "tag", "--list", f"v{version}"):
        found.append(f"the tag v{version} exists: set __version__ in txsmtpx/__init__.py to the next version")
    return found


def foreign(wheel: list[str], sdist: list[str], tracked: set[str]) -> list[str]:
    """
    Return the files that do not belong into a distribution.

    Args:
        wheel: The files of the wheel.
        sdist: The files of the sdist, without its directory.
        tracked: The files of the repository.

    Returns:
        The files, each with the name of the distribution.
    """
    library = re.compile(r"txsmtpx/|pytest_txsmtpx\.py$|twisted/plugins/txsmtpx_plugin\.py$")
    own = [name for name in wheel if not re.match(r"txsmtpx-[^/]+\.dist-info/", name)]
    found = [f"wheel: {name}" for name in own if not library.match(name) or name not in tracked]
    return found + [f"sdist: {name}" for name in sdist if name not in {*tracked, "PKG-INFO"}]


def run(*command: str | Path, cwd: Path = ROOT) -> None:
    """Run a command; end with its status if it fails."""
    done = subprocess.run(command, cwd=cwd)
    if done.returncode:
        sys.exit(f"make release: {' '.join(map(str, command))} failed")


def build() -> tuple[Path, Path]:
    """Build the sdist, and the wheel from it, and check both; return their paths."""
    shutil.rmtree(DIST, ignore_errors=True)
    run(sys.executable, "-m", "build", "--outdir", DIST, ROOT)
    (sdist,), (wheel,) = DIST.glob("*.tar.gz"), DIST.glob("*.whl")
    run(sys.executable, "-m", "twine", "check", "--strict", sdist, wheel)
    with tarfile.open(sdist) as archive:
        in_sdist = [member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()]
    if found := foreign(zipfile.ZipFile(wheel).namelist(), in_sdist, {*git(ROOT, "ls-files", "-z").split("\0")}):
        sys.exit("make release: these files do not belong into a distribution:\n" + "\n".join(found))
    return sdist, wheel


def check(python: str, sdist: Path, wheel: Path, version: str) -> None:
    """
    Install the wheel with all extras, and pytest, in a new environment. Build the wheel from the sdist again.

    Args:
        python: The path of the Python.
        sdist: The sdist.
        wheel: The wheel.
        version: The version that both have.
    """
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        run(python, "-m", "venv", place / "environment")
        own = place / "environment/bin/python"
        pip = (own, "-m", "pip", "--quiet", "--disable-pip-version-check")
        run(*pip, "install", f"{wheel}[all]", "pytest")
        (place / "empty").mkdir()
        run(own, "-P", ROOT / ".ci/installed.py", version, cwd=place / "empty")
        run(*pip, "wheel", "--no-deps", "--wheel-dir", place / "again", sdist)
        (again,) = (place / "again").iterdir()
        if zipfile.ZipFile(again).namelist() != zipfile.ZipFile(wheel).namelist():
            sys.exit(f"make release: on {python}, the sdist builds another wheel")


def main(arguments: list[str]) -> None:
    """
    Build, check, and print what is left to do.

    Args:
        arguments: ``--rehearse`` to go on in spite of `objections`.
    """
    if arguments not in ([], ["--rehearse"]):
        sys.exit(f"make release: the only argument is --rehearse, not {' '.join(arguments)}")
    for objection in (found := objections(ROOT)):
        print(f"make release: {objection}", file=sys.stderr)
    if found and not arguments:
        sys.exit(1)
    version = version_of(ROOT)
    sdist, wheel = build()
    for python in subprocess.run([ROOT / ".ci/pythons"], check=True, capture_output=True, text=True).stdout.split():
        check(python, sdist, wheel, version)
    if found:
        print("make release: this was a rehearsal, for the reasons at its beginning")
        return
    files = " ".join(str(path.relative_to(ROOT)) for path in (sdist, wheel))
    print(BY_HAND.format(version=version, python=sys.executable, files=files))


if __name__ == "__main__":
    main(sys.argv[1:])
