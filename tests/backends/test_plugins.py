"""Backends by name: those in the box, dotted names, and those of packages that are not ours."""

from __future__ import annotations

import sys

import pytest
from twisted.plugin import getPlugins
from zope.interface.verify import verifyObject

from txsmtpx import MaildirBackend, MemoryBackend, OpenBackend, Session
from txsmtpx.backends.plugins import BackendPlugin, backend_named, plugins
from txsmtpx.interfaces import IBackend, IBackendPlugin


def test_those_in_the_box():
    assert set(plugins()) >= {"log", "memory", "maildir", "null"}
    for plugin in getPlugins(IBackendPlugin):
        assert verifyObject(IBackendPlugin, plugin)
        assert plugin.syntax.startswith(plugin.name)
        assert plugin.description


@pytest.mark.parametrize(
    ("name", "kind"),
    [("log", OpenBackend), ("null", OpenBackend), ("memory", MemoryBackend), ("maildir:x", MaildirBackend)],
)
def test_a_name(name, kind):
    backend = backend_named(name)
    assert type(backend) is kind
    assert verifyObject(IBackend, backend)


def test_each_is_a_backend_of_its_own():
    assert backend_named("memory") is not backend_named("memory")


def test_an_argument_may_hold_colons(tmp_path):
    backend = backend_named(f"maildir:{tmp_path}/a:b")
    assert backend.maildir("c@d", "") == f"{tmp_path}/a:b"


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module ``theirs`` of a user's."""
    (tmp_path / "theirs.py").write_text(
        "from txsmtpx import OpenBackend, Session\n"
        "def make(argument='nothing'):\n"
        "    backend = OpenBackend(lambda connection: Session())\n"
        "    backend.argument = argument\n"
        "    return backend\n"
        "ready = make('ready')\n"
        "number = 7\n"
        "def useless():\n"
        "    return 7\n"
        "def broken():\n"
        "    raise RuntimeError('cannot')\n"
        "class Broken:\n"
        "    def __init__(self, needed, two): pass\n"
    )
    (tmp_path / "theirs_broken.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("theirs", None)


@pytest.mark.parametrize(
    ("name", "argument"),
    [("theirs.make", "nothing"), ("theirs.make:it", "it"), ("theirs.make:a:b", "a:b"), ("theirs.ready", "ready")],
)
@pytest.mark.usefixtures("module")
def test_a_dotted_name(name, argument):
    assert backend_named(name).argument == argument


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "it is empty; --help-backends lists the backends"),
        ("nobody", "no backend is called 'nobody'; --help-backends"),
        ("log:argument", "log takes no argument"),
        ("maildir", "maildir needs a path"),
        ("maildir:", "maildir needs a path"),
        ("maildir:{nobody}", "only {domain} and {local}"),
        ("theirs.missing", "theirs has no missing"),
        ("no.such.module", "there is no no.such.module; write PACKAGE.MODULE.NAME"),
        ("theirs_broken.x", "cannot import it: ZeroDivisionError: division by zero"),
        ("theirs.number", "theirs.number has the type int; name a backend"),
        ("theirs.useless", "theirs.useless returns a value of the type int, which does not provide IBackend"),
        ("theirs.broken", "theirs.broken raises RuntimeError: cannot"),
        ("theirs.Broken", "theirs.Broken cannot be called without an argument; write theirs.Broken:ARGUMENT"),
        (".", "there is no .; "),
        ("a..b", "there is no a..b; "),
    ],
)
@pytest.mark.usefixtures("module")
def test_why_not(name, why):
    with pytest.raises(ValueError, match="^" + why.replace(".", r"\.").replace("{", r"\{").replace("?", r"\?")):
        backend_named(name)


def test_a_plugin_that_takes_an_argument():
    plugin = BackendPlugin("x", "x:PATH", "...", "txsmtpx.backends.maildir.MaildirBackend", takes_argument=True)
    assert plugin.create("there").maildir("a@b", "").endswith("/there")
    assert isinstance(backend_named("null").anonymous_login(None), Session)
