"""Every dialog of tests/dialogs has the same replies, to the letter, where middleware stands before the backend."""

from __future__ import annotations

import pytest

from tests.dialog.test_transcripts import TRANSCRIPTS
from tests.middleware.test_middleware import AROUND
from txsmtpx.testing import BackendCrash, Conversation, Transcript

# There the backend has its say before the header has come, and a filter comes before it.
BEFORE_THE_HEADER = {"bdat_refused", "lmtp_bdat", "lmtp_failures"}


@pytest.mark.parametrize("name", AROUND)
def test_the_same_replies(name, logged_failures):
    def around(backend, **settings):
        return Conversation(AROUND[name](backend), **settings)

    played = 0
    for path in TRANSCRIPTS:
        if not ("filter" in name or name == "all") or path.stem not in BEFORE_THE_HEADER:
            transcript = Transcript.read(path)
            transcript.play(conversation=around)
            assert bool(logged_failures.flush(BackendCrash)) is transcript.crashes
            played += 1
    assert played > 60
