"""One message in several transactions: `txsmtpx.dialog.submission`, and the policies of a server for its opposite."""

from __future__ import annotations

import io

import pytest

from txsmtpx import RecipientsRefused, Reply, Result, SMTPError
from txsmtpx.dialog.client_result import merged
from txsmtpx.dialog.settings import first_failure, first_success
from txsmtpx.dialog.submission import again

YES, NO = Reply(250, (2, 0, 0), "yes"), Reply(550, (5, 0, 0), "no")


def test_all_that_was_accepted_and_all_that_was_refused():
    outcomes = [
        (["a", "b"], Result([("a", YES)], [("b", SMTPError.from_reply(NO))])),
        (["c", "d"], Result([("c", YES)], [("d", SMTPError.from_reply(NO))])),
        (["e"], RecipientsRefused([("e", SMTPError.from_reply(NO, "RCPT"))])),
        (["f"], SMTPError.from_reply(NO)),
    ]
    result = merged(outcomes)
    assert [who for who, _ in result.accepted] == ["a", "c"]
    assert [who for who, _ in result.refused] == ["b", "d", "e", "f"]


def test_what_can_be_read_again_and_what_cannot():
    file = io.BytesIO(b"1234")
    file.seek(1)
    make = again(file)
    assert [make().read(), make().read()] == [b"234", b"234"]

    class Pipe(io.RawIOBase):
        def seekable(self) -> bool:
            return False

    for once in (Pipe(), iter([b""])):
        with pytest.raises(ValueError, match="more recipients than the server accepts at a time") as refused:
            again(once)
        assert str(refused.value).startswith("more")
        assert str(refused.value).endswith("more than once, so it must be bytes, an EmailMessage or a seekable file")
        assert "(RCPTMAX)" in str(refused.value)


def test_policies():
    other = Reply(250, (2, 0, 0), "other")
    assert first_failure([YES, NO], other) == NO
    assert first_failure([YES, YES], other) == other
    assert first_success([NO, YES], other) == other
    assert first_success([NO, YES], NO) == YES
    assert first_success([NO, NO], other) == NO
