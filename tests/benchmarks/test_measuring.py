"""What measures can be trusted: it counts what was done, and whoever refuses is not fast but wrong."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import system_calls
from benchmarks.build import compile_tools
from benchmarks.cases import CASES
from benchmarks.client import sending
from benchmarks.clients import CLIENTS
from benchmarks.content import content
from benchmarks.disk import new_directory, taken
from benchmarks.log_line import costs
from benchmarks.program import NotOffered, Program, Refused
from benchmarks.server import Server, serving
from benchmarks.servers import ON_DISK, SERVERS
from tests.interop.conftest import need
from tests.waiting import eventually

SERVER, CLIENT = ({each.name: each for each in programs}["txsmtpx"] for programs in (SERVERS, CLIENTS))


@pytest.fixture(scope="module", autouse=True)
def tools() -> None:
    """The load generator and the sink."""
    need("cc")
    compile_tools()


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="module")
def server(directory: Path) -> Iterator[Server]:
    """``twistd smtpx``, which logs a line a message."""
    with serving(SERVER, directory) as running:
        yield running


DOUBLED = 10000
"""Dots that stand twice on the wire, in 800,000 octets of lines below the header."""


def with_options(program: Program, *options: str) -> Program:
    return dataclasses.replace(program, command=lambda *where: [*program.command(*where), *options])


@pytest.mark.parametrize(
    "options",
    [
        "",
        "--connections 3",
        "--connections 3 --pipeline envelope",
        "--connections 3 --pipeline messages",
        "--connections 3 --per-connection 1",
        "--recipients 5 --pipeline messages --body prose",
        "--pipeline envelope --bdat 1000",
        "--size 3000000",
        "--size 800161 --body dots",
    ],
)
def test_all_that_is_counted_was_taken(server: Server, directory: Path, options: str) -> None:
    log = directory / "twistd.log"
    before = len(log.read_text())
    counted = server.take(options, 7)

    def logged() -> list[tuple[str, str]]:
        return re.findall(r" from=<sender@example.org> .* delivered=(\d+) .* octets=(\d+) ", log.read_text()[before:])

    lines = eventually(lambda: len(found := logged()) >= 7 and found)  # the log is written in batches
    assert counted["messages"] == len(lines) == 7
    assert counted["recipients"] == sum(int(delivered) for delivered, _ in lines)
    sizes = {int(size) for _, size in lines}
    assert sizes == {counted["octets"] // 7 - DOUBLED if "dots" in options else counted["octets"] // 7}
    assert counted["server"] > 0


def test_connections_that_are_held_take_messages_when_they_are_told(server: Server, tmp_path: Path) -> None:
    with server.held("--connections 20", tmp_path) as held:
        assert [held.take(number)["messages"] for number in (1, 50)] == [1, 50]


def test_sessions_without_a_message(server: Server) -> None:
    counted = server.take("--per-connection 0", 5)
    assert (counted["sessions"], counted["messages"]) == (5, 0)


def test_who_refuses_is_not_measured(tmp_path: Path) -> None:
    with serving(with_options(SERVER, "--max-recipients", "2"), tmp_path) as strict:
        assert strict.take("--recipients 2", 1)["messages"] == 1
        with pytest.raises(Refused, match="not 250 but: 452"):
            strict.take("--recipients 3 --pipeline envelope", 1)


def test_lmtp_has_a_reply_for_each_recipient(tmp_path: Path) -> None:
    with serving(with_options(SERVER, "--lmtp", "--backend", "null"), tmp_path) as lmtp:
        assert lmtp.take("--lmtp --recipients 3 --pipeline envelope", 2)["recipients"] == 6
        assert lmtp.take("--lmtp --recipients 3 --bdat 1000", 2)["recipients"] == 6


def test_what_is_not_offered_is_said() -> None:
    twisted = next(each for each in SERVERS if each.name == "twisted.mail")
    bdat = next(each for each in CASES if each.name == "bdat")
    with pytest.raises(NotOffered, match="CHUNKING"):
        bdat.measure(twisted, 0.01)


def test_a_measurement_is_more_than_nothing() -> None:
    small = next(each for each in CASES if each.name == "tls-small")
    cost = small.measure(SERVER, 0.02)
    assert 0 < cost.amount < 1
    assert 0 < cost.load < 1
    assert 0 < cost.wall < 1


def test_a_client_that_leaves_something_out_is_not_measured(tmp_path: Path) -> None:
    message = tmp_path / "message"
    message.write_bytes(content("dots", 4096))
    with sending(CLIENT, tmp_path, message, 3, "") as client:
        assert client.send(5, 3, 4096) > 0
        with pytest.raises(Refused, match="of 5 messages"):
            client.send(5, 4, 4096)
        with pytest.raises(Refused, match="of 50000 octets"):
            client.send(5, 3, 10000)


def test_a_client_that_fails_says_why(tmp_path: Path) -> None:
    message = tmp_path / "message"
    message.write_bytes(content("wrapped", 4096))
    with sending(CLIENT, tmp_path, message, 0, "") as client, pytest.raises(Refused, match="recipient"):
        client.send(1, 0, 4096)


@pytest.mark.parametrize("program", ON_DISK, ids=[each.name for each in ON_DISK])
def test_servers_that_write_to_the_disk(program: Program) -> None:
    if missing := program.missing():
        pytest.skip(missing)
    directory = new_directory()
    with serving(program, directory) as server:
        before = stored(directory)
        assert taken(server, f"{program.load} --connections 3", 9).amount > 0
        assert len(stored(directory) - before) >= 9


def stored(directory: Path) -> set[Path]:
    """The files that are as large as a message."""
    return {path for path in directory.rglob("*") if path.is_file() and 4096 <= path.stat().st_size < 8192}


def test_a_server_is_given_more_messages_than_it_takes() -> None:
    ours = ON_DISK[-2]
    with (
        serving(with_options(ours, "--max-recipients", "2"), new_directory()) as strict,
        pytest.raises(Refused, match="452"),
    ):
        taken(strict, "--recipients 3", 1)


def test_time_and_cpu_of_messages_on_the_disk() -> None:
    ours = ON_DISK[-2]
    cases = {each.name: each for each in CASES}
    assert 0 < cases["disk-10-cpu"].measure(ours, 0.01).amount < 1
    cost = cases["disk-10"].measure(ours, 0.01)
    assert 0 < cost.amount == cost.wall < 1


def test_system_calls_are_counted() -> None:
    if missing := system_calls.missing():
        pytest.skip(missing)
    counted = system_calls.count(ON_DISK[-2])
    assert counted["renameat"] == 1
    assert 1 < counted["fsync"] <= 2  # of the file, and a share of that of its directory
    assert "renameat" in system_calls.often([counted, {}])


def test_a_line_of_the_log_is_measured_in_each_form():
    assert [*costs(rounds=1)] == ["TextFormat", "JSONFormat"]
