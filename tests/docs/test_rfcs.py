"""The map of RFCs has every citation of the source, under the RFC that it is of."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def rfcs() -> Any:
    """The module that makes the map."""
    pytest.importorskip("sphinx", reason="Sphinx is not installed: pip install --group docs")
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        import rfcs
    finally:
        sys.path.pop(0)
    return rfcs


def test_a_file_with_several(rfcs: Any, tmp_path: Path) -> None:
    file = tmp_path / "file.py"
    file.write_text(
        '"""\nRFC 5321: what it is about (§4.1, and RFC 3463 §2).\n"""\n\n\n'
        'class Dialog:\n    def mail(self):\n        """RFC 2033 §4.2 and §4.3; §4.5.3.1 stands alone."""\n'
        "        return 1  # RFC 1870\n                  # §6.1\n"
    )
    found = {(each.rfc, each.section, each.line, each.name) for each in rfcs.citations_in(file)}
    assert found == {
        (5321, (), 2, ""),
        (5321, (4, 1), 2, ""),
        (3463, (2,), 2, ""),
        (2033, (4, 2), 8, "Dialog.mail"),
        (2033, (4, 3), 8, "Dialog.mail"),
        (5321, (4, 5, 3, 1), 8, "Dialog.mail"),
        (1870, (6, 1), 10, ""),  # behind the end of the function
    }


def test_none_is_missed(rfcs: Any) -> None:
    """Each line with a section is in it, but where the file is of no RFC, and of another standard."""
    found = rfcs.citations()
    for file in sorted((ROOT / "txsmtpx").rglob("*.py")):
        signs = {line for line, text in enumerate(file.read_text().splitlines(), 1) if re.search(r"§\d", text)}
        lines = {each.line for each in found if each.file == file}
        assert signs - lines == set() or "RFC" not in file.read_text(), file


def test_the_page_has_the_standards(rfcs: Any) -> None:
    page = rfcs.page()
    for number in (2033, 2920, 3207, 3461, 4954, 5321, 6531):
        assert f"\n## RFC {number}\n" in page
    assert "#section-4.1.1.2) MAIL (MAIL) |" in page


def test_each_section_has_its_heading(rfcs: Any) -> None:
    """A section that nobody has looked up has none; and none is left that nothing cites any more."""
    cited = {(each.rfc, ".".join(map(str, each.section)) or "-") for each in rfcs.citations()}
    cited |= {(rfc, "-") for rfc, _ in cited}
    assert {each for each in cited if each[0] != 9422 or each[1] == "-"} == set(rfcs.headings())
