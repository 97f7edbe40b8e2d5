"""The pages are in short sentences that name their subjects, and begin with a paragraph."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("markdown_it", reason="markdown-it-py is not installed (group docs)")

from tests.docs.prose import ROOT, Sentence, begins_with_text, pages, sentences

SHORT = 20
"""The most words of a sentence."""


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", pages(), ids=named)
def test_each_page_begins_with_a_paragraph(page: Path) -> None:
    """It is about what the reader has at its end."""
    assert begins_with_text(page)


@pytest.mark.parametrize("page", pages(), ids=named)
def test_its_sentences_are_short_and_name_their_subjects(page: Path) -> None:
    assert [f"{each.words} words: {each}" for each in sentences(page) if each.words > SHORT] == []
    assert [f"{each.unnamed!r}: {each}" for each in sentences(page) if each.unnamed] == []


# The measure itself


def read(text: str, directory: Path) -> list[Sentence]:
    """The sentences of a page with this text."""
    page = directory / "page.md"
    page.write_text(text, encoding="utf-8")
    return list(sentences(page))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("One. Two!  Three?\nFour", ["One.", "Two!", "Three?", "Four"]),
        ("# A heading\n\nA paragraph\nof two lines.", ["A heading", "A paragraph of two lines."]),
        ("* first\n* second. third", ["first", "second.", "third"]),
        ("| a. b | `c. d` |\n| --- | --- |\n| e | |", ["a.", "b", "`c. d`", "e"]),
        ("Before.\n\n```python\nnot = 'prose. At all.'\n```\n\nAfter.", ["Before.", "After."]),
        (":::{toctree}\npage/one\n:::\n\nText.", ["Text."]),
        ("<!-- not run: why -->\n\nText.", ["Text."]),
        ("[A *link*.](https://example.org/a.b) **Bold.** `a.b.` ends.", ["A link.", "Bold.", "`a.b.` ends."]),
        ("A dotted name, e.g. that of RFC 5321 §4.1.2, ends no sentence.", None),
        ("The value 1.5 is in v2.0 of the file.", None),
        ('It says "no." Then it ends (at once.) So it is.', ['It says "no."', "Then it ends (at once.)", "So it is."]),
    ],
)
def test_sentences(text: str, found: list[str] | None, tmp_path: Path) -> None:
    assert [each.text for each in read(text, tmp_path)] == ([text] if found is None else found)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The server closes the connection.", 5),
        ("`twistd -n smtpx --port 25` serves.", 2),
        ("A well-known port - 25 - is open.", 6),
        ("The [page on logs](logs.md) has it.", 6),
        (" ".join(["word"] * 21) + ".", 21),
    ],
)
def test_words(text: str, words: int, tmp_path: Path) -> None:
    assert [each.words for each in read(text, tmp_path)] == [words]


@pytest.mark.parametrize(
    ("text", "unnamed"),
    [
        ("The log is there, and nobody reads it.", "nobody"),
        ("Those who wait are served.", "Those who"),
        ("What is not offered is refused.", "What"),
        ("Is the port open? What does the log show?", ""),
        ("## What a filter sees", "What"),
        ("## Is it good?", "Is it good?"),
        ("## So much, and no more", "So"),
        ("## Rate limits", ""),
        ("The server waits. It closes the connection.", ""),
        ("The server waits.\n\nIt closes the connection.", "It"),
        ("The server:\n\n* It closes the connection.", ""),
        ("The client is told that it has to wait.", "told"),
        ("The header says so.", "says"),
        ("`nobody` is the user of the service.", ""),
        ("Each worker has its own.", "has its own."),
        ("Each worker has its own log.", ""),
        ("The server knows the client that it has accepted.", ""),
    ],
)
def test_unnamed_subjects(text: str, unnamed: str, tmp_path: Path) -> None:
    assert "".join(each.unnamed for each in read(text, tmp_path)) == unnamed


def test_the_place_of_a_sentence() -> None:
    page = ROOT / "SECURITY.md"
    first = next(sentences(page))
    assert (str(first), first.kind) == (f"SECURITY.md:1: {first.text}", "heading")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("# Title\n\nText.", True),
        ("# Title\n\n## Heading\n\nText.", False),
        ("# Title\n\n```shell\nls\n```\n\nText.", False),
        ("# Title\n\n| a |\n| --- |\n", False),
        ("# Title\n\n:::{toctree}\none\n:::\n", False),
    ],
)
def test_the_beginning_of_a_page(text: str, found: bool, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")
    assert begins_with_text(page) is found
