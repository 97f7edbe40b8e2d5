"""The options that choose a backend, and those of a relay.  ``errors.txt`` has the errors."""

from __future__ import annotations

import pytest

from tests.command.parsing import ENDPOINT, RELAYS, complaints, factory, listener, options
from txsmtpx import (
    MaildirBackend,
    MemoryBackend,
    OpenBackend,
)


def test_it_starts():
    domains = ["--relay-domain", "a.example", "--relay-domain", "B.example"]
    run = options("-b", f"{ENDPOINT},tls:mail.example.net:465", *domains)
    assert (run.returncode, run.stdout) == (0, "fine\n"), run.stderr


def test_bounds_are_options():
    from txsmtpx.tap import Options

    parsed = Options()
    bounds = ["--relay-connections", "3", "--relay-wait", "4", "--relay-hold", "5.5", "--relay-eight-bit", "send"]
    parsed.parseOptions([*RELAYS, *bounds])
    (listener,) = parsed.process.listeners
    backend = listener.chosen_backend
    assert [pool.size for pool in backend.pools] == [3]
    assert (backend.next_servers.wait, backend.hold, backend.eight_bit) == (4, 5.5, "send")


@pytest.mark.parametrize("given", [[], ["--relay-allow-unverified-tls"]])
def test_certificates_are_verified_unless_an_option_says_no(given):
    from txsmtpx.tap import Options

    parsed = Options()
    parsed.parseOptions(["-b", f"{ENDPOINT},tls:mail.example.net:465", "--relay-domain", "a", *given])
    (listener,) = parsed.process.listeners
    assert [pool.settings.tls_verify for pool in listener.chosen_backend.pools] == [not given] * 2


@pytest.mark.parametrize(
    ("name", "kind"), [("log", OpenBackend), ("memory", MemoryBackend), ("maildir:x", MaildirBackend)]
)
def test_backends(name, kind):
    assert type(factory("--backend", name).settings.backend) is kind
    assert type(factory("-b", name).settings.backend) is kind


@pytest.mark.parametrize(("options", "line"), [
    (["--backend", "nobody"], "--backend nobody"), (["--backend", "maildir"], "maildir:PATH"),
    (["--backend", "log:x"], "takes no argument"), (["--backend", "no.such.module"], "no.such.module"),
    (["--relay-domain", "a.example"], "--relay-domain a.example: the backend is no relay; "),
])  # fmt: skip
def test_what_is_wrong_is_told_in_one_line(options, line):
    (told,) = complaints(*options)
    assert line in told


def test_a_backend_by_its_dotted_name():
    assert isinstance(listener("--backend", "txsmtpx.backends.null.null_backend").chosen_backend, OpenBackend)


def test_the_backend_that_was_chosen_stays_known_behind_logins():
    made = listener("--backend", "memory", "--auth", "memory:me:secret")
    assert isinstance(made.chosen_backend, MemoryBackend)
    assert made.backend is not made.chosen_backend
