"""The beginning of a message, for TOP of POP3 (RFC 1939 §7)."""

from __future__ import annotations


class TopOfMessage:
    r"""
    Cut a message behind its header and some lines.  `Pop3Connection` creates one for each TOP.

    That of `twisted.mail.pop3` misses the end of a header that two chunks share, and loses lines.

    Attributes:
        done: True if no further octets are needed.

    Args:
        lines: The lines of the body.

    Example:
        >>> top = TopOfMessage(1)
        >>> top.feed(b"Subject: x\r\n\r"), top.feed(b"\none\r\ntwo\r\n"), top.done
        (b'Subject: x\r\n\r', b'\none\r\n', True)
    """

    def __init__(self, lines: int) -> None:
        self.done: bool = False
        self._left = lines
        self._in_header = True
        self._length = 0  # the octets of the present line so far

    def feed(self, chunk: bytes) -> bytes:
        """
        Process the next octets.

        Args:
            chunk: The octets, with CRLF at the end of each line.

        Returns:
            The octets that belong to the beginning.
        """
        at = 0
        while not self.done:
            end = chunk.find(b"\n", at) + 1
            if not end:
                self._length += len(chunk) - at
                return chunk
            length, self._length = self._length + end - at, 0
            at = end
            if not self._in_header:
                self._left -= 1
            elif length <= 2:
                self._in_header = False
            self.done = not self._in_header and self._left <= 0
        return chunk[:at]
