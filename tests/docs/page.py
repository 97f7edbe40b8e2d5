"""A page that a test of its own runs: it takes the blocks, and `tests.docs.test_stories` sees that none is left."""

from __future__ import annotations

from pathlib import Path

from tests.docs.block import Block, blocks

ROOT = Path(__file__).parents[2]


class Page:
    """
    Such a page.  What it is asked for when the test's file is imported is known whichever of the tests are run.

    Attributes:
        text: All of it.
        left: Its blocks that nobody has taken, but those that say why they are not run.
    """

    def __init__(self, name: str) -> None:
        """
        Args:
            name: Its path from the root.
        """
        self.name = name
        self.text = (ROOT / name).read_text(encoding="utf-8")
        self.left = [block for block in blocks(ROOT / name) if not block.not_run]

    def take(self, language: str, words: str = "") -> Block:
        """The only block of a language that has these words in it."""
        (found,) = self.take_all(language, words)
        return found

    def take_all(self, language: str, words: str = "") -> list[Block]:
        """All such blocks, in their order; each is taken once."""
        found = [block for block in self.left if block.language == language and words in block.text]
        self.left = [block for block in self.left if block not in found]
        return found
