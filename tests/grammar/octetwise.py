"""
Transparency (RFC 5321 §4.5.2) and bare newlines as one would write them down: a model that goes octet by octet.
"""

from __future__ import annotations


def model(data: bytes, policy: str) -> tuple[bytes, int, bool]:
    """The message, the index behind its end (-1 without one), whether a bare CR or LF was met."""
    message = bytearray()
    bare = False
    line_start = True  # behind the CRLF of the command
    dot_may_end = True  # behind a real CRLF
    at = 0
    while at < len(data):
        if dot_may_end and data[at : at + 3] == b".\r\n":
            return bytes(message), at + 3, bare
        if line_start and data[at : at + 1] == b".":
            at += 1
            line_start = dot_may_end = False
            continue
        octet = data[at : at + 1]
        crs = len(data[at : at + 5]) - len(data[at : at + 5].lstrip(b"\r"))
        if policy == "normalize" and 1 < crs < 5 and data[at + crs : at + crs + 1] == b"\n":
            bare = True
            at += crs - 1  # up to four CRs before an LF are one
        if data[at : at + 2] == b"\r\n":
            message += b"\r\n"
            line_start = dot_may_end = True
            at += 2
            continue
        line_start = dot_may_end = False
        if octet == b"\n":
            bare = True
            message += b"\r\n" if policy == "normalize" else b"\n"
            line_start = policy == "normalize"
        elif octet == b"\r":
            bare = True
            message += b" " if policy == "normalize" else b"\r"
        else:
            message += octet
        at += 1
    return bytes(message), -1, bare
