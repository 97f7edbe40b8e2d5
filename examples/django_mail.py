"""The mail of a Django project, tested with pytest."""

from django.conf import settings
from django.core.mail import send_mail
from django.test import override_settings

if not settings.configured:
    settings.configure()  # where there is no project around


def test_orders_are_confirmed(smtp_server):
    with override_settings(**smtp_server.django_settings()):
        send_mail("Your order", "It is on its way.", "shop@example.org", ["customer@example.net"])
    (received,) = smtp_server.messages
    assert received.sender == "shop@example.org"
    assert received.message["Subject"] == "Your order"
