"""The addresses that make a server fail: each form, and each mistake in one."""

from __future__ import annotations

import pytest

from txsmtpx.backends.failing_address import DEFERRED_451, PreparedFailure, failure_of
from txsmtpx.grammar.reply import Reply


def rejected(code: int, *enhanced: int) -> Reply:
    return Reply(code, enhanced, "Rejected, as the address asks for")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("local", "failure"),
    [
        ("reject-550", PreparedFailure(reply=rejected(550, 5, 0, 0))),
        ("reject-450", PreparedFailure(reply=rejected(450, 4, 0, 0))),
        ("reject-552-5.2.2", PreparedFailure(reply=rejected(552, 5, 2, 2))),
        ("REJECT-550", PreparedFailure(reply=rejected(550, 5, 0, 0))),
        ("reject-550+alice", PreparedFailure(reply=rejected(550, 5, 0, 0))),
        ("defer", PreparedFailure(reply=DEFERRED_451)),
        ("slow-3s", PreparedFailure(seconds=3)),
        ("slow-0.5s", PreparedFailure(seconds=0.5)),
        ("slow-200ms", PreparedFailure(seconds=0.2)),
        ("slow-3600s", PreparedFailure(seconds=3600)),
        ("drop", PreparedFailure(drop=True)),
        ("data-550", PreparedFailure(True, rejected(550, 5, 0, 0))),
        ("data-reject-452-4.3.1", PreparedFailure(True, rejected(452, 4, 3, 1))),
        ("data-452-4.3.1", PreparedFailure(True, rejected(452, 4, 3, 1))),
        ("data-defer", PreparedFailure(True, DEFERRED_451)),
        ("data-slow-2s", PreparedFailure(True, seconds=2)),
        ("data-drop", PreparedFailure(True, drop=True)),
    ],
)
def test_forms(local: str, failure: PreparedFailure) -> None:
    assert failure_of(f"{local}@example.net") == failure


@pytest.mark.parametrize(
    "address",
    [
        "", "alice@x", "postmaster", "drop-box@x", "data-entry@x", "deferred@x", "slowly@x", "rejects@x", "x-550@x",
        "date-1@x", "data@x",
    ],
)
def test_ordinary_addresses(address: str) -> None:
    assert failure_of(address) is None


@pytest.mark.parametrize(
    ("local", "advice"),
    [
        ("reject-250", "write reject- and a code from 400 to 599"),
        ("reject-55", "write reject- and a code from 400 to 599"),
        ("reject-550-4.1.1", "the enhanced code of 550 begins with 5"),
        ("reject-550-5.1", "write reject- and a code"),
        ("data-250", "write data- and a code from 400 to 599, such as data-550 or data-552-5.2.2"),
        ("data-reject-250", "write reject- and a code"),
        ("reject", "write reject- and a code"),
        ("reject550", "write reject- and a code"),
        ("reject_550", "write reject- and a code"),
        ("slow", "write slow- and up to 3600 s"),
        ("slow3s", "write slow- and up to 3600 s"),
        ("data-slow", "write slow- and up to 3600 s"),
        ("drop-1", "write drop, without a number"),
        ("data-defer-3s", "write defer, without a number"),
        ("slow-3", "write slow- and up to 3600 s"),
        ("slow-3601s", "write slow- and up to 3600 s"),
        ("slow-nans", "write slow- and up to 3600 s"),
        ("rejct-550", "rejct is no word of these addresses; did you mean reject?"),
        ("data-rejekt-550", "rejekt is no word of these addresses; did you mean reject?"),
        ("slwo-3s", "slwo is no word of these addresses; did you mean slow?"),
        ("dta-550", "dta is no word of these addresses; did you mean data?"),
    ],
)
def test_mistakes(local: str, advice: str) -> None:
    failure = failure_of(f"{local}@example.net")
    assert failure is not None
    assert failure.reply is not None
    assert (failure.reply.code, failure.at_end) == (501, False)
    assert failure.reply.text.startswith(f"{local}: {advice}")
