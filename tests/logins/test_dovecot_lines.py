"""The lines of Dovecot's protocol: what is written, what is read, and what is neither."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsmtpx.logins import dovecot_lines as lines
from txsmtpx.logins.dovecot_lines import Accepted, Challenge, DovecotError, OfferedMechanism, Refused


@given(st.text())
def test_a_field_comes_back(text):
    field = lines.escaped(text)
    assert not set(field) & set("\0\t\r\n")
    assert lines.unescaped(field) == text


@given(st.binary(max_size=200))
def test_any_line_is_read_or_refused(octets):
    """Guarantee 20."""
    with contextlib.suppress(DovecotError):
        word, *fields = lines.read_line(octets)
        with contextlib.suppress(DovecotError):
            lines.read_mechanism(fields)
        lines.read_answer(word, fields)


def test_the_requests():
    assert lines.handshake(7) == b"VERSION\t1\t2\nCPID\t7\n"
    parameters = {"service": "smtp", "secured": "tls", "valid-client-cert": "", "session": "a\tb"}
    beginning = b"AUTH\t3\tPLAIN\tservice=smtp\tsecured=tls\tvalid-client-cert\tsession=a\x01tb"
    assert lines.begin(3, "PLAIN", parameters, None) == beginning + b"\n"
    assert lines.begin(3, "PLAIN", parameters, b"") == beginning + b"\tresp=\n"
    assert lines.begin(3, "PLAIN", parameters, b"\0a\0b") == beginning + b"\tresp=AGEAYg==\n"
    assert lines.go_on(3, b"") == b"CONT\t3\t\n"
    assert lines.go_on(3, b"\0") == b"CONT\t3\tAA==\n"
    assert lines.cancel(3) == b"CANCEL\t3\n"


def test_no_line_is_longer_than_dovecot_reads():
    longest = (lines.MAX_LINE - len("CONT\t3\t\n")) // 4 * 3
    assert len(lines.go_on(3, bytes(longest))) <= lines.MAX_LINE
    with pytest.raises(ValueError, match=r"^the response is too long for Dovecot$"):
        lines.go_on(3, bytes(longest + 1))
    with pytest.raises(ValueError, match=r"^the response is too long for Dovecot$"):
        lines.begin(3, "PLAIN", {}, bytes(longest))


@pytest.mark.parametrize(("fields", "text"), [
    (["2", "0"], r"^it has version 2\.0 of the protocol, and 1\.2 is needed$"),
    (["1"], "malformed"), (["1", "2", "3"], "malformed"), (["x", "2"], "malformed"), (["1", "-2"], "malformed"),
    (["1", "2" * 10], "malformed"),
])  # fmt: skip
def test_another_version(fields, text):
    with pytest.raises(DovecotError, match=text):
        lines.read_version(fields)


@pytest.mark.parametrize("minor", ["0", "1", "2", "4"])
def test_a_minor_version_does_not_matter(minor):
    lines.read_version(["1", minor])


def test_mechanisms():
    assert lines.read_mechanism(["PLAIN", "plaintext"]) == OfferedMechanism("PLAIN", frozenset({"plaintext"}))
    assert lines.read_mechanism(["X-OWN_2"]) == OfferedMechanism("X-OWN_2")


@pytest.mark.parametrize("fields", [[], [""], ["plain"], ["A B"], ["A\r\n"], ["A" * 21], ["\xc4"]])
def test_what_is_no_mechanism(fields):
    with pytest.raises(DovecotError, match="MECH"):
        lines.read_mechanism(fields)


def test_answers():
    assert lines.read_answer("OK", ["1", "user=a=b", "nologin"]) == (1, Accepted({"user": "a=b", "nologin": ""}))
    assert lines.read_answer("FAIL", ["2"]) == (2, Refused({}))
    assert lines.read_answer("CONT", ["3", ""]) == (3, Challenge(b""))
    assert lines.read_answer("CONT", ["3", "AA==", "more"]) == (3, Challenge(b"\0"))


@pytest.mark.parametrize(("word", "fields"), [
    ("OK", []), ("OK", ["x"]), ("OK", ["-1"]), ("OK", ["1" * 11]), ("CONT", ["1"]), ("CONT", ["1", "A"]),
    ("CONT", ["1", "ä"]), ("NO", ["1"]), ("", ["1"]), ("ok", ["1"]),
])  # fmt: skip
def test_what_is_no_answer(word, fields):
    with pytest.raises(DovecotError):
        lines.read_answer(word, fields)


def test_fields_may_hold_a_password():
    """Guarantee 7: Dovecot sends one to a proxy."""
    for kind in (Accepted, Refused):
        assert "secret" not in repr(kind({"pass": "secret"}))


def test_a_line_may_hold_what_a_client_has_sent():
    assert lines.read_line("FAIL\t1\tuser=jürgen".encode()) == ["FAIL", "1", "user=jürgen"]
    assert lines.read_line(b"FAIL\t1\tuser=\xff\x01t") == ["FAIL", "1", "user=\udcff\t"]
