"""A table from addresses to new ones: every spelling of a key, and the form of the values."""

from __future__ import annotations

import pytest

from txsmtpx.middleware.address_map import mapped

TABLE = {
    "Info@example.org": "ann@example.net",
    "@example.org": "@example.net",
    "@one.example": "all@example.net",
}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("info@example.org", "ann@example.net"),
        ("INFO@EXAMPLE.ORG", "ann@example.net"),
        ("Bob@example.org", "Bob@example.net"),
        ("anybody@one.example", "all@example.net"),
        ("bob@sub.example.org", None),
        ("postmaster", None),
        ('"a@b"@example.org', '"a@b"@example.net'),
    ],
)
def test_a_table(old, new):
    assert mapped(TABLE)(old) == new
    assert mapped({**TABLE, "@": "rest@example.net"})(old) == (new or "rest@example.net")


@pytest.mark.parametrize(
    ("name", "old"),
    [
        ("b@b\u00fccher.example", "B@xn--bcher-kva.example"),
        ("b@xn--bcher-kva.example", "b@B\u00dcCHER.example"),
        ("@b\u00fccher.example", "b@bu\u0308cher.example"),
        ("@Example.org.", "b@example.org"),
        ("caf\u00e9@example.org", "cafe\u0301@example.org"),
        ('"b"@example.org', "b@example.org"),
        ("b@[192.0.2.1]", "b@[IPv6:::ffff:192.0.2.1]"),
        ("Postmaster", "postmaster"),
    ],
)
def test_a_mailbox_is_found_however_it_is_written(name, old):
    assert mapped({name: "new@example.net"})(old) == "new@example.net"


@pytest.mark.parametrize(
    ("name", "old"),
    [
        ("mark@example.org", "mar\u212a@example.org"),
        ("i\u0307@example.org", "\u0130@example.org"),
        ("@strasse.example", "a@stra\u00dfe.example"),
        ("@k.example", "a@\u212a.example"),
        ("\u03c3@example.org", "\u03c2@example.org"),
    ],
)
def test_another_mailbox_is_not(name, old):
    assert mapped({name: "new@example.net"})(old) is None


def test_a_local_part_stays_as_it_was_written():
    names = mapped({"@b\u00fccher.example": "@example.net"})
    assert names("Jose\u0301@B\u00dcCHER.example") == "Jose\u0301@example.net"


@pytest.mark.parametrize("name", ["@ex\u3002ample.org", "a@ex\uff0eample.org"])
def test_a_domain_that_is_none_is_in_no_table(name):
    with pytest.raises(ValueError, match="not a domain: ex"):
        mapped({name: "new@example.net"})


def test_the_postmaster_has_no_domain():
    assert mapped({"Postmaster": "ann@example.org", "b@x": "postmaster"})("postmaster") == "ann@example.org"


def test_a_mailbox_has_one_new_address():
    with pytest.raises(ValueError, match="A@x is twice in the table"):
        mapped({"a@x": "b@y", "A@x": "c@y"})
    assert mapped({"a@x": "b@y", "A@x": "b@y"})("a@X") == "b@y"


def test_a_domain_for_whoever_is_not_found():
    names = mapped({"@": "@example.net", "@b": "@c"})
    assert [names(each) for each in ("postmaster", "a@x.example", '"a@b"@x', "a@b")] == [
        "postmaster@example.net",
        "a@example.net",
        '"a@b"@example.net',
        "a@c",
    ]
