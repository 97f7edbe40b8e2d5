"""The option --filter: one text, a list of texts, or tables; and the help.  ``errors.txt`` has the errors."""

from __future__ import annotations

import re

import pytest
from twisted.python.usage import UsageError

from tests.command.parsing import listener, parsed
from txsmtpx.command.chosen_filter import FILTER, MadeFilter
from txsmtpx.command.groups.filtering import ACTIONS, made_filters
from txsmtpx.filters.filter_plugins import filter_plugins, settings_of
from txsmtpx.filters.policy_server import PolicyServer
from txsmtpx.filters.spamd import Spamd
from txsmtpx.tap import Options
from txsmtpx.wire.twisted_internals import endpoint_host


@pytest.fixture
def config(tmp_path):
    """A function that returns the filters of the listeners of a file."""

    def made(text: str, *options: str) -> list[list[MadeFilter]]:
        file = tmp_path / "mail.toml"
        file.write_text(text)
        process = parsed("--config", str(file), *options).process
        return [[*made_filters(each.values)] for each in process.listeners]

    return made


def shown(made: list[MadeFilter]) -> list[str]:
    return [each.chosen.text for each in made]


def test_several_in_their_order():
    options = ["--filter", "spamd", "--filter", 'spamd:unix:/run/s user="ann" timeout=5s name="spam 2"']
    first, second = made_filters(listener(*options).values)
    assert (first.configured.name, first.configured.timeout, first.configured.on_failure) == ("spamd", None, "defer")
    assert second.configured.name == "spam 2"
    spamd = second.configured.make
    assert isinstance(spamd, Spamd)
    assert (spamd.user, spamd.timeout, second.configured.timeout) == ("ann", 5, None)  # it has a time of its own
    assert second.chosen.text == 'spamd:unix:/run/s user=ann timeout=5s name="spam 2"'


def test_an_endpoint_may_have_backslashes():
    (made,) = made_filters(listener("--filter", r"spamd:tcp:\:\:1:783 mark=false on-failure=accept").values)
    assert isinstance(made.configured.make, Spamd)
    assert endpoint_host(made.configured.make.endpoint) == "::1"
    assert (made.configured.make.holds, made.configured.on_failure) == (False, "accept")


def test_the_common_time_is_for_filters_without_one_of_their_own():
    made = [*made_filters(listener("--filter", "reverse-dns timeout=7 lookup=2", "--filter", "reverse-dns").values)]
    assert [each.configured.timeout for each in made] == [7, None]


@pytest.mark.parametrize(
    ("given", "stages"),
    [
        ('filter = "policy:unix:/x stages=RCPT,END-OF-MESSAGE"', {"RCPT", "END-OF-MESSAGE"}),
        ('[[filter]]\nuse = "policy:unix:/x"\nstages = ["MAIL", "RCPT"]', {"MAIL", "RCPT"}),
        ('[[filter]]\nuse = "policy:unix:/x"\nstages = "MAIL"', {"MAIL"}),
        ('[[filter]]\nuse = "policy:unix:/x"', {"RCPT"}),
    ],
)
def test_a_list(config, given, stages):
    (((made),),) = config(given)
    assert isinstance(made.configured.make, PolicyServer)
    assert made.configured.make.stages == stages


def test_tables(config):
    text = 'port = 1025\n[[filter]]\nuse = "spamd"\nname = "first"\nmark = false\n[[filter]]\nuse = "spamd:unix:/x"\n'
    ((first, second),) = config(text)
    assert [first.configured.name, second.configured.name] == ["first", "spamd"]
    assert isinstance(first.configured.make, Spamd)
    assert not first.configured.make.holds
    assert shown([first, second]) == ["spamd name=first mark=false", "spamd:unix:/x"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('filter = "spamd"\n', ["spamd"]),
        ('filter = ["spamd", "spamd timeout=5"]\n', ["spamd", "spamd timeout=5"]),
        ('filter = ["spamd", {use = "spamd", timeout = 5}]\n', ["spamd", "spamd timeout=5"]),
        ('[filter]\nuse = "spamd"\ntimeout = "5s"\n', ["spamd timeout=5s"]),
        ("filter = []\n", []),
    ],
)
def test_every_form(config, text, wanted):
    ((*made,),) = config(text)
    assert shown(made) == wanted


def test_those_of_a_listener_replace_those_at_the_top(config):
    text = (
        '[[filter]]\nuse = "spamd"\n'
        '[listener.a]\nport = "unix:a"\n[[listener.a.filter]]\nuse = "spamd:unix:/a"\n'
        '[listener.b]\nport = "unix:b"\n'
        '[listener.c]\nport = "unix:c"\nfilter = []\n'
    )
    assert [shown(each) for each in config(text)] == [["spamd:unix:/a"], ["spamd"], []]
    assert [shown(each) for each in config(text, "--filter", "spamd name=x")] == [["spamd name=x"]] * 3


def test_an_option_of_each_kind_parses_its_settings():
    """The default of each setting is a value that an operator can write."""
    for plugin in filter_plugins().values():
        for setting in settings_of(plugin):
            setting.check(setting.default)
    value = parsed("--filter", "spamd reject-at=7.5 max-octets=1M").process.listeners[0].values[FILTER]
    assert FILTER.shown(value) == "spamd reject-at=7.5 max-octets=1M"


def test_help_lists_the_filters(capsys):
    with pytest.raises(SystemExit) as exit:
        Options().parseOptions(["--help-filters"])
    assert exit.value.code == 0
    text = capsys.readouterr().out
    assert text.startswith("Filters:\n")
    for plugin in filter_plugins().values():
        assert re.search(f"^  {re.escape(plugin.syntax)}  +\\S", text, re.MULTILINE)
    assert "  DOTTED.NAME " in text
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize("name", sorted(filter_plugins()))
def test_help_for_one_lists_its_settings(capsys, name):
    with pytest.raises(SystemExit) as exit:
        Options().parseOptions(["--help-filter", name])
    assert exit.value.code == 0
    text = capsys.readouterr().out
    plugin = filter_plugins()[name]
    assert text.startswith(f"{plugin.syntax}: {plugin.description[:20]}")
    for setting in settings_of(plugin):
        assert re.search(f"^  {setting.name.replace('_', '-')}=\\S+  +\\S", text, re.MULTILINE)


@pytest.mark.parametrize("name", ["my_package.Clean", "my_package.clean:/etc/words"])
def test_help_for_a_dotted_name_lists_the_common_settings(capsys, name):
    with pytest.raises(SystemExit):
        Options().parseOptions(["--help-filter", name])
    text = capsys.readouterr().out
    assert text.startswith(f"{name.partition(':')[0]}: A subclass of Filter, or another maker;")
    assert all(f"  {word}=" in text for word in ("timeout", "on-failure", "name"))


def test_help_for_one_that_there_is_not():
    with pytest.raises(UsageError, match=r"^--help-filter spam: no filter is called 'spam'; did you mean spamd\? "):
        {each.name: each for each in ACTIONS}["help-filter"].run("spam")
