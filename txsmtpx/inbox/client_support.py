"""
The support of HTML and CSS by mail clients, as the tests of caniemail.com have found it.

The data is in ``data/caniemail.json``, with its license.  ``docs/caniemail.py`` makes that file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

SOURCE = "https://www.caniemail.com/"
"""The source of the data."""


@dataclass(frozen=True)
class FeatureSupport:
    """
    Describe the support of one feature.

    Attributes:
        title: The feature, such as "display:flex".
        url: The page of the feature.
        supported: The number of clients that support it.
        partly: The clients that support it in part.
        unsupported: The clients that do not support it.
    """

    title: str
    url: str
    supported: int
    partly: Sequence[str]
    unsupported: Sequence[str]

    @property
    def percent(self) -> int:
        """The share of the clients that support it, with the partial ones counted half."""
        clients = self.supported + len(self.partly) + len(self.unsupported)
        return round(100 * (self.supported + len(self.partly) / 2) / clients) if clients else 100


@cache
def _data() -> tuple[str, Sequence[str], dict[str, list[str]]]:
    found = json.loads(files("txsmtpx.inbox").joinpath("data", "caniemail.json").read_text(encoding="utf-8"))
    return found["date"], found["clients"], found["features"]


def data_date() -> str:
    """
    Return the age of the data.

    Returns:
        The day on which it was current, such as "2025-09-09".
    """
    return _data()[0][:10]


def support_of(features: Iterable[str]) -> list[FeatureSupport]:
    """
    Return the features that some client does not support.

    Args:
        features: The names of features, see `features_of`.

    Returns:
        The features, the least supported first.

    Example:
        >>> [each.title for each in support_of(["css-display-flex", "html-p", "css-of-nothing"])]
        ['display:flex']
    """
    _, clients, known = _data()
    found = []
    for name in features:
        title, answers = known.get(name, ("", ""))
        partly = [client for client, answer in zip(clients, answers, strict=False) if answer == "a"]
        unsupported = [client for client, answer in zip(clients, answers, strict=False) if answer == "n"]
        if partly or unsupported:
            url = f"{SOURCE}features/{name}/"
            found.append(FeatureSupport(title, url, answers.count("y"), partly, unsupported))
    return sorted(found, key=lambda each: (each.percent, each.title))
