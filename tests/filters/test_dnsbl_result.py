"""The answers of DNS lists, as facts for the log."""

from __future__ import annotations

import pytest

from txsmtpx.filters.dnsbl_result import DNSBLResult, Listing

ONE, TWO = Listing("bl.example", ("127.0.0.2",), 1), Listing("other.example", ("127.0.0.3",), 2.5)


@pytest.mark.parametrize(("result", "facts"), [
    (DNSBLResult(0), {"dnsbl_score": 0}),
    (DNSBLResult(3.5, (ONE, TWO)), {"dnsbl_score": 3.5, "dnsbl": "bl.example,other.example"}),
    (DNSBLResult(0, failed=("a.example", "b.example")), {"dnsbl_score": 0, "dnsbl_failed": "a.example,b.example"}),
])  # fmt: skip
def test_facts(result: DNSBLResult, facts: dict[str, object]) -> None:
    assert result.facts() == facts
