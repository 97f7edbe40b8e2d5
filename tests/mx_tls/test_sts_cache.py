"""MTA-STS policies that are kept, in memory and in a directory (RFC 8461 §5.1)."""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
from pathlib import Path

import pytest
from twisted.logger import capturedLogs, formatEvent

from txsmtpx.mx_tls import sts_cache
from txsmtpx.mx_tls.sts_cache import KeptPolicy, STSCache

DOMAIN, NOW = "example.net", 1_900_000_000.0
TEXT = "version: STSv1\r\nmode: enforce\r\nmx: *.example.net\r\nmax_age: 1000\r\n"
KEPT = KeptPolicy("20300101", NOW, TEXT)
DAY = 86400.0
LONG = DOMAIN.rjust(253, "x")
"""A domain whose file would have a name that is too long."""


def test_a_policy_is_kept() -> None:
    cache = STSCache()
    assert cache.get(DOMAIN, NOW) is None
    cache.put(DOMAIN, KEPT)
    assert cache.get(DOMAIN, NOW) == KEPT
    assert cache.get("example.org", NOW) is None
    assert KEPT.policy.mx == ("*.example.net",)


def test_a_restart_forgets_what_is_only_in_memory(tmp_path: Path) -> None:
    cache, stored = STSCache(), STSCache(tmp_path / "a" / "b")
    cache.put(DOMAIN, KEPT)
    stored.put(DOMAIN, KEPT)
    assert STSCache().get(DOMAIN, NOW) is None
    assert STSCache(tmp_path / "a" / "b").get(DOMAIN, NOW) == KEPT
    assert STSCache(str(tmp_path / "a" / "b")).get(DOMAIN, NOW) == KEPT


def test_any_text_comes_back(tmp_path: Path) -> None:
    kept = KeptPolicy("", NOW + 0.25, f"{TEXT}x: \u00fc \u2603 \0 \" \\ \ud7ff\n")
    STSCache(tmp_path).put(DOMAIN, kept)
    assert STSCache(tmp_path).get(DOMAIN, NOW + 1) == kept


def test_a_new_policy_replaces_the_old_one(tmp_path: Path) -> None:
    cache, new = STSCache(tmp_path), KeptPolicy("2", NOW + 1, TEXT)
    cache.put(DOMAIN, KEPT)
    cache.put(DOMAIN, new)
    assert cache.get(DOMAIN, NOW + 1) == STSCache(tmp_path).get(DOMAIN, NOW + 1) == new
    assert [each.name for each in tmp_path.iterdir()] == ["example.net.json"]


@pytest.mark.parametrize("restarts", [True, False])
def test_a_policy_expires(tmp_path: Path, restarts: bool) -> None:
    cache = STSCache(tmp_path)
    cache.put(DOMAIN, KEPT)
    assert KEPT.expires() == NOW + 1000
    for seconds, live in ((999.9, True), (1000, False), (10**9, False), (0, True)):
        cache = STSCache(tmp_path) if restarts else cache
        assert (cache.get(DOMAIN, NOW + seconds) is not None) is live


@pytest.mark.parametrize("restarts", [True, False])
def test_a_clock_that_was_set_back(tmp_path: Path, restarts: bool) -> None:
    """A machine without a clock that is always on starts in 1970.  Its policies count, and are not deleted."""
    cache = STSCache(tmp_path)
    cache.put(DOMAIN, KEPT)
    for now in (NOW - DAY, NOW - 2 * DAY, 0):
        cache = STSCache(tmp_path) if restarts else cache
        cache.forget(DOMAIN, now)
        assert cache.get(DOMAIN, now) == KEPT


LATER = NOW + 1000
"""When `KEPT` has expired."""


def test_a_policy_that_has_expired_is_forgotten(tmp_path: Path) -> None:
    for cache in (STSCache(), STSCache(tmp_path)):
        cache.put(DOMAIN, KEPT)
        cache.forget(DOMAIN, LATER - 1)
        assert cache.domains() == [DOMAIN]
        cache.forget(DOMAIN, LATER)
        cache.forget(DOMAIN, LATER)
        assert cache.get(DOMAIN, NOW) is None
        assert cache.domains() == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ['{"name": "a package"}', "", "{}", "no JSON"])
def test_a_file_of_another_program_is_left(tmp_path: Path, content: str) -> None:
    """The operator has named the wrong directory."""
    (tmp_path / "package.json").write_text(content)
    cache = STSCache(tmp_path)
    assert cache.get("package", NOW) is None
    cache.forget("package", NOW)
    assert (tmp_path / "package.json").read_text() == content


def test_a_file_that_cannot_be_read_now_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not known then whether there is a policy."""
    STSCache(tmp_path).put(DOMAIN, KEPT)

    def read_text(path: Path, **_: object) -> str:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_text", read_text)
        cache = STSCache(tmp_path)
        for method in (cache.get, cache.forget):
            with pytest.raises(OSError, match="Too many open files"):
                method(DOMAIN, LATER)
    assert STSCache(tmp_path).get(DOMAIN, NOW) == KEPT


def test_a_newer_policy_of_another_process_is_used_and_not_deleted(tmp_path: Path) -> None:
    cache, newer = STSCache(tmp_path), KeptPolicy("2", LATER, TEXT)
    cache.put(DOMAIN, KEPT)
    STSCache(tmp_path).put(DOMAIN, newer)
    cache.forget(DOMAIN, LATER)
    assert cache.get(DOMAIN, LATER) == newer
    cache.put(DOMAIN, KEPT)
    STSCache(tmp_path).put(DOMAIN, newer)
    assert cache.get(DOMAIN, LATER) == newer


def test_the_domains_are_those_of_the_files_too(tmp_path: Path) -> None:
    for domain in ("b.test", "xn--bcher-kva.example", "a.test"):
        STSCache(tmp_path).put(domain, KEPT)
    assert STSCache(tmp_path).domains() == ["a.test", "b.test", "xn--bcher-kva.example"]
    (tmp_path / "a.test.json").unlink()
    (tmp_path / "README").touch()
    (tmp_path / ".unfinished").touch()
    assert STSCache(tmp_path).domains() == ["b.test", "xn--bcher-kva.example"]


def written(**changes: object) -> str:
    return json.dumps({"id": "1", "fetched": NOW, "policy": TEXT, **changes})


DAMAGED = {
    "empty": "",
    "cut": written()[:-20],
    "no object": "[1]",
    "a number": "1",
    "nothing": "null",
    "nothing in it": "{}",
    "no policy": written(policy="x"),
    "a policy of another type": written(policy=None),
    "a time that is none": written(fetched="yesterday"),
    "no time": written(fetched=None),
    "not a number": written(fetched=float("nan")),
    "without an end": written(fetched=float("inf")),
    "deep": "[" * 100_000,
    "a long number": '{"id": "1", "fetched": ' + "9" * 10_000 + "}",
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_file_that_is_damaged_is_no_policy(tmp_path: Path, damage: str) -> None:
    """After a crash, or by hand; the policy is then fetched again."""
    (tmp_path / "example.net.json").write_text(DAMAGED[damage])
    cache = STSCache(tmp_path)
    assert cache.get(DOMAIN, NOW) is None
    cache.put(DOMAIN, KEPT)
    assert STSCache(tmp_path).get(DOMAIN, NOW) == KEPT


def test_a_file_that_is_no_text_is_logged(tmp_path: Path) -> None:
    (tmp_path / "example.net.json").write_bytes(b"\xff\xfe")
    with capturedLogs() as events:
        assert STSCache(tmp_path).get(DOMAIN, NOW) is None
    (line,) = map(formatEvent, events)
    assert line.startswith("the stored MTA-STS policy of example.net is not used: ")


def test_a_directory_in_the_place_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "example.net.json").mkdir()
    cache = STSCache(tmp_path)
    assert cache.get(DOMAIN, NOW) is None
    with capturedLogs() as events:
        cache.put(DOMAIN, KEPT)
    assert cache.get(DOMAIN, NOW) == KEPT
    assert [formatEvent(each).partition(": ")[0] for each in events] == [
        "the MTA-STS policy of example.net is not stored"
    ]
    assert [each.name for each in tmp_path.iterdir()] == ["example.net.json"]
    cache.forget(DOMAIN, LATER)
    assert cache.get(DOMAIN, NOW) is None


def test_a_domain_that_is_too_long_for_a_file_is_kept_in_memory(tmp_path: Path) -> None:
    """A domain has 253 octets at most, and so most names of files have 255."""
    cache = STSCache(tmp_path)
    assert cache.get(LONG, NOW) is None
    cache.put(LONG, KEPT)
    assert cache.get(LONG, NOW) == KEPT
    assert list(tmp_path.iterdir()) == []
    cache.forget(LONG, LATER)
    assert cache.get(LONG, NOW) is None


def test_a_disk_that_is_full_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = STSCache(tmp_path)

    def full(source: object, target: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    cache.put(DOMAIN, KEPT)
    assert list(tmp_path.iterdir()) == []
    assert cache.get(DOMAIN, NOW) == KEPT


def test_a_directory_that_goes_away(tmp_path: Path) -> None:
    cache = STSCache(tmp_path / "policies")
    cache.put("example.org", KEPT)
    shutil.rmtree(tmp_path / "policies")
    assert cache.domains() == ["example.org"]
    cache.forget("example.org", LATER)
    cache.put(DOMAIN, KEPT)
    assert STSCache(tmp_path / "policies").get(DOMAIN, NOW) == KEPT


def test_a_directory_that_cannot_be_created(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        cache = STSCache(path)
        with capturedLogs() as logged:
            cache.put(DOMAIN, KEPT)
        assert "is not stored" in logged[0]["log_format"]
        assert cache.get(DOMAIN, NOW) == KEPT


@pytest.mark.skipif(os.geteuid() == 0, reason="root can write to any directory")
def test_a_directory_that_cannot_be_written_to(tmp_path: Path) -> None:
    cache = STSCache(tmp_path)
    cache.put(DOMAIN, KEPT)
    tmp_path.chmod(0o500)
    try:
        cache.put("example.org", KEPT)
        assert cache.get("example.org", NOW) == KEPT
        cache.forget(DOMAIN, LATER)
    finally:
        tmp_path.chmod(0o700)


def test_a_directory_and_its_files_are_the_owners(tmp_path: Path) -> None:
    STSCache(tmp_path / "policies").put(DOMAIN, KEPT)
    paths = (tmp_path / "policies", tmp_path / "policies" / "example.net.json")
    modes = [stat.S_IMODE(each.stat().st_mode) for each in paths]
    assert modes == [0o700, 0o600]


def test_memory_has_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Senders choose the domains."""
    monkeypatch.setattr(sts_cache, "MOST", 3)
    cache, stored = STSCache(), STSCache(tmp_path)
    for number in range(5):
        cache.put(f"{number}.test", KEPT)
        stored.put(f"{number}.test", KEPT)
        assert cache.get("0.test", NOW) is not None  # what is used is kept
    assert cache.domains() == ["0.test", "3.test", "4.test"]
    assert len(stored._kept) == 3


def test_memory_has_a_bound_of_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    """10,000 policies of 64 KB would have a gigabyte."""
    monkeypatch.setattr(sts_cache, "TEXT", 3 * len(TEXT))
    cache = STSCache()
    for number in (0, 1, 2, 2, 3, 3):
        cache.put(f"{number}.test", KEPT)
    assert cache.domains() == ["1.test", "2.test", "3.test"]
    cache.forget("2.test", LATER)
    cache.put("4.test", KEPT)
    assert cache.domains() == ["1.test", "3.test", "4.test"]


def test_the_number_of_files_has_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in a file already is replaced, and what is deleted makes room."""
    monkeypatch.setattr(sts_cache, "FILES", 3)
    for number in range(4):
        STSCache(tmp_path).put(f"{number}.test", KEPT)
    cache, newer = STSCache(tmp_path), KeptPolicy("2", NOW + 1, TEXT)
    with capturedLogs() as logged:
        for number in range(4):
            cache.put(f"{number}.test", newer)
    (line,) = map(formatEvent, logged)
    assert line == f"the MTA-STS policy of 3.test is not stored: there are 3 in {tmp_path} already"
    assert cache.stored() == STSCache(tmp_path).stored()
    assert sorted(cache.stored()) == ["0.test", "1.test", "2.test"]
    assert STSCache(tmp_path).get("1.test", NOW) == newer
    assert cache.get("3.test", NOW) == newer
    cache.forget("0.test", LATER + 1)
    cache.stored()
    cache.put("3.test", newer)
    assert sorted(STSCache(tmp_path).stored()) == ["1.test", "2.test", "3.test"]


def test_a_policy_is_parsed_once() -> None:
    assert KEPT.policy is KEPT.policy
