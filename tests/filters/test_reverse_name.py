"""The names of a client, as facts for the log."""

from __future__ import annotations

import pytest

from txsmtpx.filters.reverse_name import ReverseName


@pytest.mark.parametrize(("name", "fact"), [
    (ReverseName("a.example", ("b.example", "a.example")), "a.example"),
    (ReverseName("", ("b.example",)), "unknown"),
    (ReverseName("", failed=True), "failed"),
    (ReverseName("a.example", ("a.example",), failed=True), "a.example"),
])  # fmt: skip
def test_facts(name: ReverseName, fact: str) -> None:
    assert name.facts() == {"reverse_dns": fact}
