"""Which commands fail."""

from __future__ import annotations

import pytest

from txsmtpx.inbox.faults import MAX_FAULTS, Fault, Faults


def test_nothing_fails_at_first():
    assert Faults().of("RCPT", ["ann@example.org"]) == (0.0, None)


def test_a_share():
    chances = iter([0.0, 0.29, 0.3, 0.99])
    faults = Faults(lambda: next(chances))
    faults.put(Fault("RCPT", 0.3, 452, "Full", 1.5))
    found = [faults.of("RCPT", ["ann@example.org"]) for _ in range(4)]
    assert [(seconds, reply and reply.one_line) for seconds, reply in found] == [
        (1.5, "452 4.0.0 Full"), (1.5, "452 4.0.0 Full"), (0.0, None), (0.0, None)
    ]  # fmt: skip
    assert faults.of("MAIL", [""]) == (0.0, None)


def test_addresses():
    faults = Faults()
    faults.put(Fault("DATA", code=550, addresses="*@full.example"))
    assert faults.of("DATA", ["a@example.org", "B@FULL.example"])[1].code == 550
    assert faults.of("DATA", ["a@example.org"]) == (0.0, None)
    faults.put(Fault("DATA", seconds=2))
    assert faults.of("DATA", ["a@example.org"]) == (2, None)


def test_one_takes_the_place_of_another():
    faults = Faults()
    for code in (450, 550):
        faults.put(Fault("RCPT", code=code))
    faults.put(Fault("RCPT", code=451, addresses="x.example"))
    faults.put(Fault("MAIL", code=451))
    assert [(each.command, each.code) for each in faults.all] == [("RCPT", 550), ("RCPT", 451), ("MAIL", 451)]
    faults.clear("RCPT")
    assert [each.command for each in faults.all] == ["MAIL"]
    faults.clear()
    assert faults.all == []


def test_there_is_a_most():
    faults = Faults()
    for n in range(MAX_FAULTS):
        faults.put(Fault("RCPT", code=450, addresses=f"{n}@example.org"))
    faults.put(Fault("RCPT", code=451, addresses="0@example.org"))
    with pytest.raises(ValueError, match="there are 50 faults already; delete one"):
        faults.put(Fault("RCPT", code=450))


def test_one_fault_is_removed():
    faults = Faults()
    for fault in (Fault("MAIL", code=451), Fault("MAIL", code=452, addresses="a@x.example"), Fault("RCPT", code=453)):
        faults.put(fault)
    faults.remove("MAIL")
    faults.remove("DATA")
    assert [each.code for each in faults.all] == [452, 453]
    faults.remove("MAIL", "a@x.example")
    assert [each.code for each in faults.all] == [453]
