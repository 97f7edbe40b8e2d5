"""The header fields that filters add, as the log and the inbox show them."""

from __future__ import annotations

from txsmtpx import AddHeader, AddRecipient, DeleteHeader, InsertHeader, ReplaceBody, ReplaceHeader
from txsmtpx.interfaces import AddedFields


def test_fields_are_added_one_after_the_other():
    first = AddedFields().after([AddHeader("X-A", "1"), InsertHeader(0, "X-B", b" 2\r\n folded"), DeleteHeader("X-C")])
    assert first.fields == (("X-B", "2 folded"), ("X-A", "1"))
    second = first.after([ReplaceHeader("X-D", "gr\u00fc\u00dfe")])
    assert second.facts() == {"added": "X-B: 2 folded; X-A: 1; X-D: gr\u00fc\u00dfe"}
    assert first.fields == (("X-B", "2 folded"), ("X-A", "1"))


def test_other_changes_are_none():
    none = AddedFields()
    assert none.after([DeleteHeader("X-C"), ReplaceBody(b"x"), AddRecipient("a@b")]) is none


def test_encoded_octets_are_decoded():
    added = AddedFields().after([AddHeader("Subject", b" =?utf-8?q?gr=C3=BC=C3=9Fe?="), AddHeader("X", b"\xff")])
    assert added.fields == (("Subject", "gr\u00fc\u00dfe"), ("X", "\u00ff"))


def test_a_long_value_is_cut():
    added = AddedFields().after([AddHeader("DKIM-Signature", "x" * 201), AddHeader("X", "y" * 200)])
    assert added.facts() == {"added": f"DKIM-Signature: {'x' * 200}...; X: {'y' * 200}"}
