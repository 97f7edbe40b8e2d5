"""
What stands in the log.
"""

from __future__ import annotations

from txsmtpx.command.group import Group, pass_on
from txsmtpx.command.option import FLAG, Option

OPTIONS = (Option("transcript", FLAG, "Log every line both ways, credentials blacked out.", False),)

LOGGING = Group("Logs", OPTIONS, lambda values, listener: pass_on(values, listener, OPTIONS))
