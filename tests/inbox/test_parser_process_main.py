"""The process that parses long messages, run as the server runs it."""

from __future__ import annotations

import io
import json
import resource
import signal
import subprocess
import sys

import pytest

from tests.inbox.long_messages import LONG
from txsmtpx.inbox import parser_process_main
from txsmtpx.inbox.message_detail import parsed_content, rendered_view


def run(requests: bytes, memory: int = 256 * 1024 * 1024, seconds: int = 10) -> subprocess.CompletedProcess[bytes]:
    """What the program says, run as the server runs it."""
    command = [sys.executable, "-P", parser_process_main.__file__, json.dumps([sys.path, memory, seconds])]
    return subprocess.run(command, input=requests, capture_output=True, timeout=60, check=False)


def asked(content: bytes, view: str = "detail", number: int = 0) -> bytes:
    return json.dumps({"view": view, "number": number, "size": len(content)}).encode() + b"\n" + content


def test_the_program():
    done = run(asked(LONG) + asked(b"", "html") + asked(b"", "part", 1) + asked(b"", "part", 2) + asked(b"x", "html"))
    assert (done.returncode, done.stderr) == (0, b"")
    message = parsed_content(LONG)
    for view, number in (("detail", 0), ("html", 0), ("part", 1)):
        answer = rendered_view(message, view, number)
        said = b"%d\n%b" % (len(answer), answer)
        assert done.stdout.startswith(said)
        done.stdout = done.stdout[len(said) :]
    assert done.stdout == b"-1\n-1\n"


def test_the_program_has_so_much_memory():
    content = b"Subject: x\r\n\r\n" + b"x" * 20_000_000
    assert run(asked(content)).returncode == 0
    done = run(asked(content), memory=16 * 1024 * 1024)
    assert done.returncode == 1
    assert done.stderr.strip().endswith(b"MemoryError")


def test_the_program_has_so_much_time():
    """Of the processor: for the case that the server is gone."""
    content = b"Content-Type: text/html\r\n\r\n" + b"<b>" * 1_000_000
    done = run(asked(content, "html") * 1000, seconds=0)
    assert done.returncode == -signal.SIGXCPU


def test_requests_are_answered_until_the_input_ends():
    """In this process, whose limits stay as they are."""
    answers = io.BytesIO()
    requests = asked(b"Subject: x\r\n\r\nword") + asked(b"", "part", 1) + asked(b"", "part", 7) + asked(b"", "html")
    before = resource.getrlimit(resource.RLIMIT_CPU)
    try:
        parser_process_main.serve(io.BytesIO(requests), answers, 1000)
    finally:
        resource.setrlimit(resource.RLIMIT_CPU, before)
    detail = rendered_view(parsed_content(b"Subject: x\r\n\r\nword"), "detail")
    assert answers.getvalue() == b"%d\n%b" % (len(detail), detail) + b"4\nword" + b"-1\n-1\n"


def test_a_question_before_there_is_a_message():
    done = run(asked(b"", "part", 1))
    assert (done.returncode, done.stdout) == (0, b"0\n")


def test_a_message_that_ends_too_soon_is_parsed_as_far_as_it_came():
    done = run(json.dumps({"view": "part", "number": 1, "size": 100}).encode() + b"\n\r\nhalf")
    assert (done.returncode, done.stdout) == (0, b"4\nhalf")


@pytest.mark.parametrize("hard", [resource.RLIM_INFINITY, 20])
def test_a_limit_never_exceeds_that_of_the_system(monkeypatch, hard):
    """And the hard limit stays, so that the next request can have a later one."""
    made = []
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (5, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda kind, limits: made.append((kind, limits)))
    parser_process_main.limit_time(1_000_000)
    parser_process_main.limit_memory(1 << 40)
    (time, memory) = made
    assert (time[0], memory[0]) == (resource.RLIMIT_CPU, resource.RLIMIT_AS)
    assert [limits[1] for _, limits in made] == [hard, hard]
    for (_, (soft, _)), least in zip(made, (1_000_000, 1 << 40), strict=True):
        assert soft >= least if hard == resource.RLIM_INFINITY else soft == 20
