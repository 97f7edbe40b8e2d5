"""The checksums of the parts of a message."""

from __future__ import annotations

import hashlib

from tests.content.hostile import mixed
from txsmtpx.inbox.message_detail import parsed_content, rendered_view
from txsmtpx.inbox.part_checksums import PartChecksums, deserialized_checksums, serialized_checksums


def test_checksums_are_of_decoded_octets():
    encoded = b"Content-Transfer-Encoding: base64\r\n\r\nAAEC\r\n"
    message = parsed_content(mixed(b"\r\nHey", encoded))
    found = deserialized_checksums(serialized_checksums(message.parts))
    assert found == [PartChecksums.of(b"Hey"), PartChecksums.of(b"\0\1\2")]
    assert found[1] == tuple(hashlib.new(name, b"\0\1\2").hexdigest() for name in ("md5", "sha1", "sha256"))


def test_they_are_a_view_of_a_message():
    message = parsed_content(b"Subject: x\r\n\r\n")
    assert deserialized_checksums(rendered_view(message, "checksums")) == [PartChecksums.of(b"")]
