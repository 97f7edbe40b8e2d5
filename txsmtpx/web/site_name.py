"""The name of a web site in its error responses, and the beginning of its options."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SiteName:
    """
    Name a web site.

    Attributes:
        name: The name, as it follows "the", such as "inbox".
        option: The option of its port.  Its other options begin with the same words.

    Example:
        >>> SiteName("inbox", "web").named("host")
        '--web-host'
    """

    name: str
    option: str

    def named(self, option: str) -> str:
        """
        Return an option of the site, as an operator writes it.

        Args:
            option: The last word of its name.

        Returns:
            The name.
        """
        return f"--{self.option}-{option}"

    @property
    def beginning(self) -> str:
        """The beginning of a sentence about the site."""
        return f"The {self.name}"
