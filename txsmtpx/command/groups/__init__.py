"""The groups of options, in the order in which they are listed and applied."""

from __future__ import annotations

from txsmtpx.command.groups.authentication import AUTHENTICATION
from txsmtpx.command.groups.backend_choice import BACKEND
from txsmtpx.command.groups.encryption import TLS
from txsmtpx.command.groups.listening import CONFIGURATION, LISTENING, PROTOCOL, PROXIES
from txsmtpx.command.groups.logging import LOG_FILE, LOGGING, METRICS
from txsmtpx.command.groups.mail_policy import MAIL_POLICY
from txsmtpx.command.groups.queueing import QUEUE
from txsmtpx.command.groups.resource_limits import LIMITS, TIMEOUTS
from txsmtpx.command.groups.web_inbox import RELEASING, WEB
from txsmtpx.command.groups.web_queue import QUEUE_WEB
from txsmtpx.command.groups.worker_processes import WORKERS
from txsmtpx.command.option import Option
from txsmtpx.wire.server_settings import ServerKeywords

GROUPS = (
    CONFIGURATION,
    LISTENING,
    BACKEND,
    QUEUE,
    AUTHENTICATION,
    MAIL_POLICY,
    TLS,
    PROTOCOL,
    LIMITS,
    TIMEOUTS,
    PROXIES,
    LOGGING,
    LOG_FILE,
    WEB,
    RELEASING,
    QUEUE_WEB,
    WORKERS,
    METRICS,
)

OPTIONS: dict[str, Option[object]] = {option.name: option for group in GROUPS for option in group.options}
"""All options, by name."""

FACTORY_OPTIONS = tuple(
    option
    for option in OPTIONS.values()
    if option.setting is not None and option.setting.name in ServerKeywords.__annotations__
)
"""The options that are keyword arguments of `txsmtpx.SMTPServerFactory`."""
