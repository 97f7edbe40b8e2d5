"""The consumer of mail that a backend has put into a queue of a broker."""

from txsmtpx.consume.consumer import Consumer, PartlyHandled, Reject
from txsmtpx.consume.message_source import Lease, Remainder, Settlement, Source, SourceError
from txsmtpx.consume.queued_message import QueuedMessage

__all__ = [
    "Consumer", "Lease", "PartlyHandled", "QueuedMessage", "Reject", "Remainder", "Settlement", "Source", "SourceError",
]  # fmt: skip
