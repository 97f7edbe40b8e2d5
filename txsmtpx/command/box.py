"""
All groups of options, in the order in which they are listed and do their work.
"""

from __future__ import annotations

from txsmtpx.command.groups.authentication import AUTHENTICATION
from txsmtpx.command.groups.backend import BACKEND
from txsmtpx.command.groups.configuration import CONFIGURATION
from txsmtpx.command.groups.limits import LIMITS
from txsmtpx.command.groups.listening import LISTENING
from txsmtpx.command.groups.logging import LOG_FILE, LOGGING
from txsmtpx.command.groups.metrics import METRICS
from txsmtpx.command.groups.protocol import PROTOCOL
from txsmtpx.command.groups.proxies import PROXIES
from txsmtpx.command.groups.timeouts import TIMEOUTS
from txsmtpx.command.groups.tls import TLS
from txsmtpx.command.groups.web import WEB
from txsmtpx.command.groups.workers import WORKERS

GROUPS = (
    CONFIGURATION,
    LISTENING,
    BACKEND,
    AUTHENTICATION,
    TLS,
    PROTOCOL,
    LIMITS,
    TIMEOUTS,
    PROXIES,
    LOGGING,
    LOG_FILE,
    WEB,
    WORKERS,
    METRICS,
)

OPTIONS = {option.name: option for group in GROUPS for option in group.options}
