"""
Every transcript of tests/dialogs, a line at a time; tests/hunt cuts them in every other way.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from txsmtpx.testing import BackendCrash, Transcript

TRANSCRIPTS = sorted((Path(__file__).parents[1] / "dialogs").glob("*.txt"))


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_a_line_at_a_time(path, logged_failures):
    transcript = Transcript.read(path)
    transcript.play()
    assert bool(logged_failures.flush(BackendCrash)) is transcript.crashes


def test_every_code_of_law_2_is_in_a_transcript():
    said = "\n".join(path.read_text() for path in TRANSCRIPTS)
    codes = (
        "503 5.5.1", "500 5.5.2", "501 5.5.2", "501 5.5.4", "555 5.5.4", "502 5.5.1", "452 4.5.3", "552 5.3.4",
        "421 4.4.2", "530 5.7.0 Auth", "530 5.7.0 Issue", "538 5.7.11", "535 5.7.8", "504 5.5.4", "501 5.7.0",
    )  # fmt: skip
    assert [code for code in codes if f"c <- {code}" not in said] == []
