"""The docstrings that the reference prints are in short sentences that name their subjects, as the pages are."""

from __future__ import annotations

import inspect

import pytest

pytest.importorskip("sphinx", reason="Sphinx is not installed (group docs)")
pytest.importorskip("markdown_it", reason="markdown-it-py is not installed (group docs)")

from tests.docs.docstrings import documented, sentences_of

SHORT = 20
"""The most words of a sentence."""


def test_their_sentences_are_short_and_name_their_subjects() -> None:
    found = [each for name, text in documented() for each in sentences_of(name, text)]
    assert [f"{each.words} words: {each}" for each in found if each.words > SHORT] == []
    assert [f"{each.unnamed!r}: {each}" for each in found if each.unnamed] == []


def test_public_objects_and_their_methods_are_read() -> None:
    names = {name for name, _ in documented()}
    assert names > {
        "txsmtpx.send_mail",
        "txsmtpx.SMTPServerFactory",
        "txsmtpx.ISession.data",
        "txsmtpx.Message.content",
    }
    assert names > {"txsmtpx.SMTPClient.send", "txsmtpx.testing.MailServer", "txsmtpx.interfaces.IHoldingFilterMaker"}


def test_the_sections_of_a_docstring() -> None:
    text = """
    Return a thing.  It may be ``a.b c`` or `d e`.

    Args:
        one: The first argument.  It has a default.
        two: The second
            argument.

    Returns:
        The thing.

    Raises:
        ValueError: The thing is missing.

    Example:
        >>> send("Not a sentence of the docstring.")
    """
    assert [each.text for each in sentences_of("thing", inspect.cleandoc(text))] == [
        "Return a thing.",
        "It may be `a.b c` or `d e`.",
        "The first argument.",
        "It has a default.",
        "The second argument.",
        "The thing.",
        "The thing is missing.",
    ]


@pytest.mark.parametrize(
    ("text", "words", "unnamed"),
    [("Return " + "a " * 20 + "thing.", 22, ""), ("Return it.\n\nWhat comes is read.", 4, "What")],
)
def test_a_fault_is_found(text: str, words: int, unnamed: str) -> None:
    last = list(sentences_of("thing", text))[-1]
    assert (last.words, last.unnamed) == (words, unnamed)
