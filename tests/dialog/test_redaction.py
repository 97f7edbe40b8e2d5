"""What is shown of a command line, and which octets of it may be credentials."""

from __future__ import annotations

import pytest

from txsmtpx.dialog.redaction import redacted


class Commands:
    """A few."""

    def knows(self, verb: str) -> bool:
        return verb in ("MAIL", "RCPT", "NOOP", "ETRN", "X-PASS")

    def hides(self, verb: str) -> bool:
        return verb == "X-PASS"


@pytest.mark.parametrize(
    ("line", "text", "hidden"),
    [
        (b"MAIL FROM:<a@b>", "MAIL FROM:<a@b>", None),
        (b"mail\tfrom:<j\xfc@b>", "mail\tfrom:<j\\xfc@b>", None),
        ("mail from:<j\u00fc@b>".encode(), "mail from:<j\u00fc@b>", None),
        (b"MAIL FROM:<a@b> AUTH=c@d SIZE=3", "MAIL FROM:<a@b> AUTH=c@d SIZE=3", None),
        (b"MAIL FROM:<a@b> AUTH=<c@d> SIZE=3", "MAIL FROM:<a@b> AUTH=<c@d> SIZE=3", None),
        (b"MAIL FROM:<a@b> AUTH=<> AUTH=AHUAcA==", "MAIL FROM:<a@b> AUTH=<> AUTH [credentials]", b"=AHUAcA=="),
        (b"RCPT TO:<a@b> AUTH PLAIN AAAA", "RCPT TO:<a@b> AUTH [credentials]", b" PLAIN AAAA"),
        (b"AUTH PLAIN AAAA", "AUTH PLAIN [credentials]", b" AAAA"),
        (b"auth\tscram-sha-256 \tAAAA", "auth\tscram-sha-256 [credentials]", b" \tAAAA"),
        (b"AUTH NTLM AAAA", "AUTH NTLM [credentials]", b" AAAA"),
        (b"AUTH SECRET", "AUTH [credentials]", b" SECRET"),
        (b"AUTH LOGIN", "AUTH LOGIN", b""),
        (b"AUTH ", "AUTH", b" "),
        (b"ETRN x", "ETRN x", None),
        (b"X-PASS secret", "X-PASS [credentials]", b" secret"),
        (b"x-pass", "x-pass", b""),
        (b"secret", "[unknown command, 6 octets]", b"secret"),
        (b"NOOP=secret", "[unknown command, 11 octets]", b"NOOP=secret"),
        ("MA\u0131L x".encode(), "[unknown command, 7 octets]", "MA\u0131L x".encode()),
        (b"", "[unknown command, 0 octets]", b""),
    ],
)
def test_redacted(line: bytes, text: str, hidden: bytes | None) -> None:
    assert redacted(line, Commands()) == (text, hidden)
