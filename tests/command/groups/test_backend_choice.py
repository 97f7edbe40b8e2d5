"""The options that choose a backend, and those of a relay.  ``errors.txt`` has the errors."""

from __future__ import annotations

import pytest
from twisted.python.reflect import namedAny

from tests.command.parsing import ENDPOINT, RELAYS, complaints, factory, listener, options, parsed
from txsmtpx import (
    MaildirBackend,
    MemoryBackend,
    OpenBackend,
)
from txsmtpx.backends.null import null_backend
from txsmtpx.backends.plugins import BackendPlugin, plugins
from txsmtpx.setting import SettingError
from txsmtpx.setting_kinds import Choice, Number


def test_it_starts():
    domains = ["--relay-domain", "a.example", "--relay-domain", "B.example"]
    run = options("-b", f"{ENDPOINT},tls:mail.example.net:465", *domains)
    assert (run.returncode, run.stdout) == (0, "fine\n"), run.stderr


def test_bounds_are_options():
    from txsmtpx.tap import Options

    given = Options()
    bounds = ["--relay-connections", "3", "--relay-wait", "4", "--relay-hold", "5.5", "--relay-eight-bit", "send"]
    given.parseOptions([*RELAYS, *bounds])
    (listener,) = given.process.listeners
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


@pytest.fixture
def with_settings(monkeypatch):
    """A backend ``noting`` with settings; the arguments of each that was made."""
    made = []

    def create(argument, **settings):
        if settings.get("limit") == 13:
            raise SettingError("limit", "must not be 13")
        if argument == "bad":
            raise ValueError("that argument is bad")
        if argument == "missing":
            raise ImportError("treq is not installed: pip install 'txsmtpx[http]'")
        made.append((argument, settings))
        return null_backend()

    plugin = BackendPlugin(
        "noting", "noting:TEXT", "notes", "tests.noting", True,
        (Number("limit", 1, "Backend", "Keep N."), Choice("format", "raw", "Backend", "Write so.", ("raw", "json"))),
    )  # fmt: skip
    known = {**plugins(), "noting": plugin}
    for module in ("txsmtpx.backends.plugins.plugins", "txsmtpx.command.groups.backend_choice.plugins"):
        monkeypatch.setattr(module, lambda: known)
    found = {"tests.noting": create}
    monkeypatch.setattr("txsmtpx.backends.plugins.namedAny", lambda name: found.get(name) or namedAny(name))
    return made


def test_settings_on_the_command_line(with_settings):
    listener("--backend", "noting:http://u:p@h/ limit=2 format=json")
    listener("--backend", "noting:x")
    listener("--tee", "noting:y limit=3")
    assert with_settings == [("http://u:p@h/", {"limit": 2, "format": "json"}), ("x", {}), ("y", {"limit": 3})]


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ('backend = "noting:x limit=2"', {"limit": 2}),
        ('[backend]\nuse = "noting:x"\nlimit = 2\nformat = "json"', {"limit": 2, "format": "json"}),
        ('[listener.a]\n[listener.a.backend]\nuse = "noting:x"\nlimit = 4', {"limit": 4}),
        ('[tee]\nuse = "noting:x"', {}),
    ],
)
def test_settings_in_a_file(with_settings, tmp_path, given, found):
    file = tmp_path / "mail.toml"
    file.write_text(given)
    parsed("--config", str(file))
    assert with_settings == [("x", found)]


@pytest.mark.parametrize(
    ("backend", "line"),
    [
        ("noting:x limt=2",
         "--backend noting:x limt=2: limt is not a setting of the backend noting; did you mean limit?"),
        ("noting:x limit=no", "--backend noting:x limit=no: limit must be an integer of 0 or more, not 'no'"),
        ("noting:x limit=13", "--backend noting:x limit=13: limit must not be 13"),
        ("noting:bad limit=2", "--backend noting:bad limit=2: that argument is bad"),
        ("log limit=2", "--backend log limit=2: limit is not a setting of the backend log; it has none"),
        ("noting:missing", "--backend noting:missing: packages are missing (treq is not installed: "
         "pip install 'txsmtpx[http]')"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_setting(with_settings, backend, line):
    assert complaints("--backend", backend) == [line]


def test_a_table_without_a_backend(tmp_path):
    file = tmp_path / "mail.toml"
    file.write_text("[backend]\nlimit = 2\n")
    (line,) = complaints("--config", str(file))
    example = 'use = "maildir:/var/mail/{domain}/{local}"'
    assert line == f'{file}:1: backend has no backend; write use = "NAME:ARGUMENT", such as {example}'


def test_help_lists_the_settings(with_settings, capsys):
    with pytest.raises(SystemExit) as ended:
        parsed("--help-backend", "noting")
    assert ended.value.code == 0
    assert capsys.readouterr().out.splitlines()[:2] == ["noting:TEXT: notes", "Settings:"]
    with pytest.raises(SystemExit, match="there is no such backend; did you mean noting"):
        parsed("--help-backend", "notin")
