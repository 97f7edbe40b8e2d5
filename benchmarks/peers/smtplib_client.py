"""The client of the standard library."""

import smtplib

from orders import SENDER, orders

told = orders()
with smtplib.SMTP("127.0.0.1", told.port) as client:
    while (count := told.next()) is not None:
        for _ in range(count):
            client.sendmail(SENDER, told.recipients, told.body)
        told.done()
