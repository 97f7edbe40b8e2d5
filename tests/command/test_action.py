"""Options of the command line that end the command."""

from __future__ import annotations

import pytest

from txsmtpx.command.groups import GROUPS
from txsmtpx.command.usage import Options

ACTIONS = [action for group in GROUPS for action in group.actions]


@pytest.mark.parametrize("action", ACTIONS, ids=[action.name for action in ACTIONS])
def test_it_ends_the_command(action, capsys, monkeypatch):
    """Also beside an option that is wrong, which is not looked at then."""
    known = "spamd" if "filter" in action.name else "memory"
    words = [f"--{action.name}", *([known] if action.word else [])]
    with pytest.raises(SystemExit) as exit:
        Options().parseOptions([*words, "--backend", "nobody"])
    assert exit.value.code == 0


@pytest.mark.parametrize("action", ACTIONS, ids=[action.name for action in ACTIONS])
def test_the_help_has_it(action):
    assert f"--{action.name}{'=' if action.word else ''}{action.word}" in Options().getUsage(200)
    assert action.help in Options().getUsage(200)
