"""The tags of the messages in memory.  `MemoryStore` has one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from txsmtpx.backends.memory import MemoryBackend
from txsmtpx.backends.received import Received
from txsmtpx.inbox.inbox_store import ChangeSubscriber, StoreChange
from txsmtpx.inbox.message_summary import MessageSummary
from txsmtpx.web.cooperative_work import CooperativeWork


class MemoryTags:
    """
    Count and replace tags; see `StoreTags` for the methods.

    Args:
        backend: The backend that keeps the messages.
        summary_of: A function that returns the summary of a message, which has its tags.
        report: A function that is called with each change.
    """

    def __init__(
        self, backend: MemoryBackend, summary_of: Callable[[Received], MessageSummary], report: ChangeSubscriber
    ) -> None:
        self._backend = backend
        self._summary_of = summary_of
        self._report = report

    def counted(self) -> CooperativeWork[dict[str, int]]:
        """
        Count the messages of each tag.

        Returns:
            The number of messages of each tag.

        Yields:
            None after each message.
        """
        found: Counter[str] = Counter()
        for number in list(self._backend.numbers):
            if number in self._backend:  # otherwise it was deleted meanwhile
                found.update(self._summary_of(self._backend.get(number)).tags)
            yield None
        return dict(found)

    def replace(self, tags: Mapping[int, Sequence[str]]) -> CooperativeWork[None]:
        """
        Replace the tags of messages.

        Args:
            tags: The new tags by the number of the message.

        Yields:
            None after each message.
        """
        changed = []
        for number, names in tags.items():
            if number in self._backend:
                changed.append(number)
                held = self._summary_of(self._backend.get(number)).retag(names)
                if number in self._backend:  # the summary may have taken the last memory
                    self._backend.hold(number, held)
            yield None
        if changed:
            self._report(StoreChange("marked", changed))
