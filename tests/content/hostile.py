"""Messages that somebody has thought up for whoever takes them apart."""

from __future__ import annotations


def mixed(*parts: bytes) -> bytes:
    """A message of these parts, each with its header."""
    body = b"".join(b"--b\r\n" + part + b"\r\n" for part in parts)
    return b"Subject: mixed\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + body + b"--b--\r\n"


def nested(depth: int) -> bytes:
    """Multiparts within each other."""
    lines = [b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(depth)]
    return b"".join(lines) + b"\r\ninnermost\r\n"


MESSAGES = {
    "nothing": b"",
    "a line end": b"\r\n",
    "no header": b"\r\nbody\r\n",
    "no body": b"Subject: x",
    "no colon": b"this is no header\r\n\r\nbody\r\n",
    "8-bit junk": bytes(range(256)) * 16,
    "8-bit header": b"Subject: \xff\xfe\x80\r\nFrom: \xe4\xf6\r\nContent-Type: text/\xff; charset=\xfe\r\n\r\n\xff\r\n",
    "8-bit header names": b"\xffX: y\r\n\r\n",
    "NUL": b"Subject: a\0b\r\nContent-Type: text/html\r\n\r\n<p\0>\0</p>\r\n",
    "addresses": b"From: <<<>>>@@,,;;\"\r\nTo: (((((\r\nCc: \"\\\r\n\r\n",
    "a broken encoded word": b"Subject: =?utf-8?b?!!!?= =?x?q?=ZZ?= =?utf-8?q?\r\n\r\n",
    "a type that is none": b"Content-Type: ;;;=/\r\n\r\nx\r\n",
    "a type with a script": b"Content-Type: \"><script>alert(1)</script>/x\r\n\r\nx\r\n",
    "a type that splits": mixed(b"Content-Type: image/png\r\n\tx: y; name=\"a\r\n b\"\r\n\r\nx"),
    "a multipart that is none": b"Content-Type: multipart/mixed\r\n\r\nx\r\n",
    "a multipart without parts": b"Content-Type: multipart/mixed; boundary=b\r\n\r\nx\r\n",
    "an empty boundary": b"Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n--\r\n\r\nx\r\n----\r\n",
    "a boundary of junk": b"Content-Type: multipart/mixed; boundary=\"(*\xff[\"\r\n\r\n--(*\xff[\r\n\r\nx\r\n",
    "a boundary in RFC 2231": b"Content-Type: multipart/mixed; boundary*0*=x''%62; boundary*1=c\r\n\r\n"
                              b"--bc\r\n\r\nx\r\n--bc--\r\n",
    "a broken RFC 2231": b"Content-Type: text/plain; charset*0*=x; charset*9*='%; name*=''%zz\r\n\r\nx\r\n",
    "a charset of nobody": b"Content-Type: text/plain; charset=nobody\r\n\r\nx\xff\r\n",
    "a charset that is no text": b"Content-Type: text/plain; charset=zlib\r\n\r\nx\r\n",
    "a charset with NUL": b"Content-Type: text/plain; charset=\"a\0\"\r\n\r\nx\r\n",
    "broken base64": b"Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\nA=A=\xff!\r\n",
    "broken quoted-printable": b"Content-Transfer-Encoding: quoted-printable\r\n\r\n=\r\n=ZZ=\r\n",
    "broken uuencode": b"Content-Transfer-Encoding: x-uuencode\r\n\r\nbegin 666 x\r\n\xff\xff\r\nend\r\n",
    "an encoding of nobody": b"Content-Transfer-Encoding: \xff\r\n\r\nx\r\n",
    "a message in a message": b"Content-Type: message/rfc822\r\n\r\nSubject: \xff\r\n\xff: \xff\r\n\r\n\xff\r\n",
    "messages in messages": b"Content-Type: message/rfc822\r\n\r\n" * 400,
    "a message that is encoded": b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n",
    "a status of nothing": b"Content-Type: message/delivery-status\r\n\r\n\r\n\r\n\r\n",
    "a part of a message": b"Content-Type: message/partial\r\n\r\nx\r\n",
    "deep": nested(30),
    "deeper": nested(900),
    "too deep": nested(5000),
    "many parts": mixed(*[b"\r\nx"] * 3000),
    "many headers": b"X: y\r\n" * 5000 + b"\r\nx\r\n",
    "a long header": b"Subject: " + b"x" * 300_000 + b"\r\n\r\nx\r\n",
    "a header without end": b"Subject: x\r\n" + b" x\r\n" * 50_000,
    "long lines": b"Subject: x\r\n\r\n" + b"x" * 300_000 + b"\r\n",
    "bare newlines": b"Subject: x\nFrom: y\r\r\n\n\rx\n",
    "dispositions": mixed(b"Content-Disposition: \xff;\r\n\r\nx", b"Content-Disposition: x; filename=\r\n\r\nx"),
    "cids": mixed(b"Content-ID: <\xff>\r\n\r\nx", b"Content-Type: text/html\r\n\r\n<img src='cid:%FF'><img src=cid:>"),
}  # fmt: skip

NAMES = {
    "../../etc/passwd": "passwd",
    r"C:\Windows\x.exe": "x.exe",
    "..": "",
    "a\u202egnp.exe": "agnp.exe",
    "a\u200bb.txt": "ab.txt",
    "a\"b;c'd.txt": "a\"b;c'd.txt",
    "x" * 300 + ".tar.gz": "x" * 100 + ".gz",
    "x." + "y" * 300: "x." + "y" * 19,
    "x" * 300: "x" * 120,
    "naïve ☃.pdf": "naïve ☃.pdf",
}
"""What a part wants to be called, and what it is called."""
