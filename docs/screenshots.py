"""
Makes images/inbox.png beside this file: the web inbox with some mail in it, as Chromium shows it.

    python docs/screenshots.py

It needs Chromium, and what the tests need.  A time of arrival is made up for each message; all else is as it is in use.
"""

from __future__ import annotations

import struct
import sys
import time
import zlib
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.endpoints import serverFromString
from twisted.internet.task import react
from twisted.internet.threads import deferToThread

sys.path.insert(0, str(Path(__file__).parents[1]))  # where the tests are, which know how to drive Chromium

from tests.inbox.chromium import Chromium
from txsmtpx import MemoryBackend, SMTPServerFactory, SMTPService, send_mail
from txsmtpx.inbox.inbox_service import InboxService

PICTURE = Path(__file__).with_name("images") / "inbox.png"
SMTP, HTTP = "tcp:1025:interface=127.0.0.1", "tcp:8025:interface=127.0.0.1"

ORDER = """
<body style="margin: 0; background: #f3efe8; font-family: DejaVu Sans, Helvetica, sans-serif; color: #2d2a26">
<table width="100%" cellpadding="0" cellspacing="0"><tr><td align="center" style="padding: 30px 20px">
<table width="560" cellpadding="0" cellspacing="0" style="background: #fff; border-radius: 14px; overflow: hidden">
<tr><td style="background: #2f5d50; color: #fff; padding: 20px 36px; font-size: 19px; letter-spacing: 1px">
  <b>Fern &amp; Feather</b></td></tr>
<tr><td style="padding: 28px 36px 32px">
  <h1 style="margin: 0 0 10px; font-size: 23px">Your order is on its way</h1>
  <p style="margin: 0 0 20px; line-height: 1.6">Hi Sam, we packed order <b>#1042</b> this morning. It should be with
  you on Friday.</p>
  <table width="100%" cellpadding="9" cellspacing="0" style="border-collapse: collapse; font-size: 14px">
  <tr style="border-bottom: 1px solid #e6dfd3"><td>Maidenhair fern</td><td align="right">1 &times; 18.00 €</td></tr>
  <tr style="border-bottom: 1px solid #e6dfd3"><td>Terracotta pot</td><td align="right">2 &times; 7.50 €</td></tr>
  <tr><td><b>In all</b></td><td align="right"><b>33.00 €</b></td></tr></table>
  <p style="margin: 24px 0 0"><a href="https://shop.example.com/track/1042" style="display: inline-block;
  background: #2f5d50; color: #fff; padding: 12px 24px; border-radius: 8px; text-decoration: none">Track the
  parcel</a></p>
</td></tr></table></td></tr></table>
"""


def label() -> bytes:
    """A PNG that looks like the bar code of a parcel."""
    width, height = 88, 88
    bars = bytes(255 * (not (8 <= x < 80 and 0b1011011100101101 >> (x // 2 % 16) & 1)) for x in range(width))
    blank = bytes([255]) * width
    rows = b"".join(b"\0" + (bars if 14 <= y < 74 else blank) for y in range(height))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def letter(sender: str, recipient: str, subject: str, text: str, html: str = "") -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = sender, recipient, subject
    made.set_content(text)
    if html:
        made.add_alternative(html, subtype="html")
    return made


def letters() -> list[tuple[float, EmailMessage]]:
    """Messages, with how many minutes ago each has come."""
    report = letter("Reports <reports@example.com>", "team@example.com", "Weekly report, week 24", "Attached.\n")
    report.add_attachment("day,orders\nMonday,31\n", subtype="csv", filename="orders.csv")
    order = letter("Fern & Feather <orders@shop.example.com>", "Sam Weller <sam@example.net>",
                   "Your order #1042 is on its way", "Hi Sam, your order is on its way.\n", ORDER)  # fmt: skip
    invoice = b"%PDF-1.7\n" + bytes(48_000)
    order.add_attachment(invoice, maintype="application", subtype="pdf", filename="Invoice 1042.pdf")
    order.add_attachment(label(), maintype="image", subtype="png", filename="label.png")
    shop = "Fern & Feather <hello@shop.example.com>"
    return [
        (2950, letter(shop, "sam@example.net", "Welcome, Sam!", "Good to have you.\n")),
        (1510, letter("Cron Daemon <root@db1.example.com>", "ops@example.com", "Backup of db1: 41 GB", "ok\n")),
        (610, report),
        (184, letter("Django <webmaster@localhost>", "admin@example.com",
                     "[Django] ERROR: Internal Server Error: /checkout/", "Traceback (most recent call last):\n")),
        (47, letter("Renée Müller <renee@example.org>", "support@shop.example.com", "Re: Größe des Topfes?", "Ja\n")),
        (21, letter("Continuous Integration <ci@example.com>", "dev@example.com",
                    "Build #218 of main has passed", "All green.\n")),
        (9, letter(shop, "sam@example.net", "Reset your password", "https://shop.example.com/reset/4f1c\n")),
        (3, order),
        (0.6, letter(shop, "kim@example.net", "Confirm your e-mail address", "Your code is 481 516.\n")),
    ]  # fmt: skip


def picture(url: str) -> None:
    """Open the second message, its HTML and its label, and save what is seen."""
    PICTURE.parent.mkdir(exist_ok=True)
    with Chromium(1280, 800) as browser:
        for number in (1, 2, 3, 4, 6):  # these are read
            browser.go(f"{url}/messages/{number}")
        browser.go(f"{url}/")
        browser.press("j")
        browser.eventually("document.querySelector('#subject')")
        browser.press("j")
        browser.eventually("document.querySelector('#subject')?.innerText.includes('#1042')")
        browser.frame_loaded("/frame")
        browser.eventually("document.querySelector('.attachments img')?.complete")
        browser.picture(PICTURE)


async def main(reactor: Any) -> None:
    moments = [time.time() - 60 * minutes for minutes, _ in letters()]
    backend = MemoryBackend(now=iter(moments).__next__)
    top = MultiService()
    factory = SMTPServerFactory(backend, domain="localhost")
    SMTPService(factory, [serverFromString(reactor, SMTP)]).setServiceParent(top)
    InboxService(backend, HTTP, reactor).setServiceParent(top)
    top.startService()
    for _, each in letters():
        sender, recipient = (each[name].addresses[0].addr_spec for name in ("From", "To"))
        await send_mail("tcp:127.0.0.1:1025", sender, [recipient], each)
    await deferToThread(picture, "http://127.0.0.1:8025")
    await top.stopService()
    print(f"{PICTURE}: {PICTURE.stat().st_size} octets")


if __name__ == "__main__":
    react(main)
