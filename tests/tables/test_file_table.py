"""A table in a file: the form of Postfix's maps, each error with its line, and SIGHUP."""

from __future__ import annotations

import re

import pytest

from txsmtpx.tables.file_table import FileTable

VIRTUAL = """\
# comment
example.org         anything, as virtual(5) has it for a domain

info@example.org\tann@example.org
"two words"@example.org  bob@example.org
  # a comment within an entry

@old.example.org
    @example.org
@bücher.example  bob@example.org
postmaster          ann@example.org
"""


@pytest.fixture
def table(tmp_path):
    """A function that writes the file, and returns its table."""

    def write(text: str | bytes) -> FileTable:
        file = tmp_path / "virtual"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return FileTable(str(file))

    return write


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_the_form_of_postfix(table, newline):
    look_up = table(VIRTUAL.replace("\n", newline))
    assert look_up("INFO@Example.org") == "ann@example.org"
    assert look_up('"two words"@example.org') == "bob@example.org"
    assert look_up("x@old.example.org") == "x@example.org"
    assert look_up("x@xn--bcher-kva.example") == "bob@example.org"
    assert look_up("Postmaster") == "ann@example.org"
    assert look_up("x@example.org") is None


def test_an_empty_file(table):
    assert table("")("x@example.org") is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a@b c@d\nnonsense\n", "2: 'nonsense' is no entry; write an address, a space, and the new address"),
        ("a@b\n\n# x\nc@d e@f\n", "1: 'a@b' is no entry; write an address, a space, and the new address"),
        ("info ann@example.org\n", "1: the table has the key 'info': write an address such as 'me@example.org', or a "
         "domain such as '@example.org'"),
        ("a@b c@d\n\nA@B e@f\n", "3: A@B is on line 1 already; leave one out"),
        ("a@b c@d\na@b c@d\n", "2: a@b is on line 1 already; leave one out"),
        ("a@b c@d, e@f\n", "1: a@b has more than one new address; a rewrite has one"),
        ("a@b c@d\n  e@f\n", "1: a@b has more than one new address; a rewrite has one"),
        ("a@b joe\n", "1: the new address of a@b is 'joe' (not a mailbox): write an address such as "
         "'me@example.org', or a domain such as '@example.org'"),
        ("a@b c@d\na@x..x c@d\n", "2: the key 'a@x..x' is no address (not a mailbox)"),
        ("@ c@d\n@x y\n", "2: the new address of @x is 'y' (not a mailbox): write an address such as "),
        ("a@ex\uff0eample c@d\n", "1: not a domain: "),
    ],
)  # fmt: skip
def test_an_error_has_its_line(table, tmp_path, text, why):
    with pytest.raises(ValueError, match=f"^{re.escape(f'{tmp_path}/virtual:{why}')}"):
        table(text)


def test_a_file_that_is_not_utf_8(table, tmp_path):
    with pytest.raises(ValueError, match=f"^{tmp_path}/virtual:2: this is not UTF-8; save the file in UTF-8$"):
        table(b"a@b c@d\n\xff@b c@d\n")


def test_it_is_read_again(table, tmp_path):
    found = table("a@b c@d\n")
    (tmp_path / "virtual").write_text("a@b e@f\n")
    assert found("a@b") == "c@d"
    found.reload()
    assert found("a@b") == "e@f"


def test_an_error_keeps_what_there_is(table, tmp_path):
    found = table("a@b c@d\n")
    (tmp_path / "virtual").write_text("nonsense\n")
    with pytest.raises(ValueError, match="virtual:1: "):
        found.reload()
    (tmp_path / "virtual").unlink()
    with pytest.raises(FileNotFoundError):
        found.reload()
    assert found("a@b") == "c@d"
