"""
Where options come from besides the command line, and whether they are good.
"""

from __future__ import annotations

from txsmtpx.command.group import Group
from txsmtpx.command.option import FILE, FLAG, Option

OPTIONS = (
    Option("config", FILE, "A TOML file with any of these options, for one listener or several.", short="c"),
    Option("check", FLAG, "Say what would run, or each thing that is wrong and on which line, and exit.", False),
)

CONFIGURATION = Group("Configuration", OPTIONS)
