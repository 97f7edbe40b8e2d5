"""Fields are put in, replaced and deleted; all other octets stay (guarantee 24)."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsmtpx.content import header
from txsmtpx.content.header_edit import HeaderEdit, HeaderTooLong

HEADER = b"Received: one\r\n\tfolded\r\nTo : b@example.org\r\nSUBJECT:no space\r\nReceived: two\r\nx:\r\n \r\n\r\n"
X = b"X-New: yes\r\n"


def edited(edit, octets=HEADER, **how):
    editor = HeaderEdit(octets, **how)
    edit(editor)
    return editor.octets


def test_nothing_is_changed():
    assert edited(lambda edit: None) == HEADER


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (lambda edit: edit.insert(0, X), X + HEADER),
        (lambda edit: edit.insert(1, X), HEADER.replace(b"To :", X + b"To :")),
        (lambda edit: edit.insert(99, X), HEADER[:-2] + X + b"\r\n"),
        (lambda edit: edit.add(X), HEADER[:-2] + X + b"\r\n"),
        (lambda edit: edit.replace("received", 1, X), HEADER.replace(b"Received: one\r\n\tfolded\r\n", X)),
        (lambda edit: edit.replace("RECEIVED", 2, X), HEADER.replace(b"Received: two\r\n", X)),
        (lambda edit: edit.replace("received", 3, X), HEADER[:-2] + X + b"\r\n"),
        (lambda edit: edit.replace("none", 1, X), HEADER[:-2] + X + b"\r\n"),
        (lambda edit: edit.delete("to"), HEADER.replace(b"To : b@example.org\r\n", b"")),
        (lambda edit: edit.delete("x"), HEADER.replace(b"x:\r\n \r\n", b"")),
        (lambda edit: edit.delete("received", 2), HEADER.replace(b"Received: two\r\n", b"")),
        (lambda edit: edit.delete("received", 3), HEADER),
        (lambda edit: edit.delete("none"), HEADER),
        (
            lambda edit: edit.delete("received"),
            HEADER.replace(b"Received: two\r\n", b"").replace(b"Received: one\r\n\tfolded\r\n", b""),
        ),
    ],
)
def test_one_edit(edit, expected):
    assert edited(edit) == expected


def test_each_edit_sees_those_before_it():
    def edit(editor):
        editor.insert(0, b"Received: zero\r\n")
        editor.delete("Received", 2)
        editor.replace("received", 2, b"Received: last\r\n")
        editor.add(b"To: c@example.org\r\n")
        editor.delete("to", 1)

    expected = b"Received: zero\r\nSUBJECT:no space\r\nReceived: last\r\nx:\r\n \r\nTo: c@example.org\r\n\r\n"
    assert edited(edit) == expected


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (b"", X + b"\r\n"),  # the body begins with its first line, which must not continue the new field
        (b"\r\n", X + b"\r\n"),
        (b"\n", X + b"\n"),
        (b"From a@example.org\r\nTo: b\r\n\r\n", b"From a@example.org\r\n" + X + b"To: b\r\n\r\n"),
        (b"To: b\nCc: c\n\n", X + b"To: b\nCc: c\n\n"),
        (b"To: b\r\n", X + b"To: b\r\n"),
    ],
)
def test_odd_headers(octets, expected):
    assert edited(lambda edit: edit.insert(0, X), octets) == expected


def test_a_message_without_a_body():
    assert edited(lambda edit: edit.add(X), b"", body_follows=False) == X
    assert edited(lambda edit: edit.add(X), b"To: b", body_follows=False) == b"To: b\r\n" + X
    assert edited(lambda edit: edit.insert(0, X), b"To: b", body_follows=False) == X + b"To: b"
    assert edited(lambda edit: edit.replace("to", 1, X), b"To: b", body_follows=False) == X


EDITS = [
    lambda edit: edit.insert(1, X),
    lambda edit: edit.add(X),
    lambda edit: edit.replace("to", 1, X),
    lambda edit: edit.delete("to"),
]


@pytest.mark.parametrize("edit", EDITS)
def test_a_header_of_which_not_all_is_known(edit):
    """A field to delete may be in what is not known (RFC 8601 §5)."""
    with pytest.raises(HeaderTooLong):
        edited(edit, whole=False)
    with pytest.raises(HeaderTooLong):
        edited(edit, b"a: b\r\n" * 2001)


def test_fields_can_be_put_first_whatever_follows():
    many = b"a: b\r\n" * 5000 + b"\r\n"
    assert edited(lambda edit: edit.insert(0, X), many) == X + many
    assert edited(lambda edit: edit.insert(0, X), HEADER[:20], whole=False) == X + HEADER[:20]


NAMES = st.sampled_from([b"To", b"TO", b"x", b"Received", b"Subject "])
VALUES = st.sampled_from([b"", b" a", b"a\r\n\tb", b" \xff", b"\r\n "])
FIELDS = st.lists(st.builds(lambda name, value: name + b":" + value + b"\r\n", NAMES, VALUES), max_size=6)
NEW = st.builds(lambda name, value: name.rstrip() + b":" + value + b"\r\n", NAMES, VALUES)
ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("insert"), st.integers(0, 7), NEW),
        st.tuples(st.just("add"), NEW),
        st.tuples(st.just("replace"), NAMES, st.integers(1, 3), NEW),
        st.tuples(st.just("delete"), NAMES, st.one_of(st.none(), st.integers(1, 3))),
    ),
    max_size=6,
)


def key(field: bytes) -> bytes:
    return field.partition(b":")[0].strip().lower()


def model(fields: list[bytes], action: tuple) -> list[bytes]:
    """What an edit does to a list of fields."""
    kind, *rest = action
    if kind == "insert":
        return [*fields[: rest[0]], rest[1], *fields[rest[0] :]]
    if kind == "add":
        return [*fields, rest[0]]
    places = [at for at, each in enumerate(fields) if key(each) == rest[0].strip().lower()]
    if kind == "replace":
        if rest[1] > len(places):
            return [*fields, rest[2]]
        fields[places[rest[1] - 1]] = rest[2]
        return fields
    gone = places if rest[1] is None else places[rest[1] - 1 : rest[1]]
    return [each for at, each in enumerate(fields) if at not in gone]


@given(FIELDS, ACTIONS)
def test_any_edits_against_a_list(fields, actions):
    editor = HeaderEdit(b"".join(fields) + b"\r\n")
    for kind, *rest in actions:
        rest = [each.decode().strip() if kind in ("replace", "delete") and at == 0 else each
                for at, each in enumerate(rest)]  # fmt: skip
        getattr(editor, kind)(*rest)
        fields = model(fields, (kind, *[each.encode() if at == 0 and isinstance(each, str) else each
                                        for at, each in enumerate(rest)]))  # fmt: skip
    assert editor.octets == b"".join(fields) + b"\r\n"
    assert len(header.read(editor.octets)) == len(fields)


def test_it_takes_no_time():
    """Guarantee 20: 256 KiB of the shortest fields, and of one long field."""
    for octets in (b"a:\r\n" * 65000, b"a: " + b"\r\n " * 80000, b"a" * 260000):
        begin = time.process_time()
        edited(lambda edit: edit.insert(0, X), octets)
        assert time.process_time() - begin < 0.05


@pytest.mark.parametrize(
    "change",
    [
        lambda edit, number: edit.delete("a", 1),
        lambda edit, number: edit.delete("a", 2000 - number),
        lambda edit, number: edit.replace("a", number + 1, b"a: c\r\n"),
    ],
)
def test_thousands_of_fields_of_a_sender_take_no_time_if_each_is_changed(change):
    """As a milter deletes forged fields, one by one (guarantee 20)."""
    edit = HeaderEdit(b"a: b\r\n" * 2000 + b"\r\n")
    begin = time.process_time()
    for number in range(2000):
        change(edit, number)
    assert time.process_time() - begin < 0.05
