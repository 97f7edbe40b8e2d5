"""
What browsers are told to allow (Content-Security-Policy, Level 3): of each page as little as it needs.
"""

from __future__ import annotations

DATA_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"
"""What is data, such as JSON and attachments: even if it were shown, it could do nothing."""

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""The pages of the inbox: our own files, nothing inline."""

MESSAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
)
"""The HTML of a message: its own styles and the images written into it.  It has no origin, no script and no network.
A link in it, when somebody clicks it, opens in a tab that is an ordinary one."""

SECURITY_HEADERS = {
    "Content-Security-Policy": DATA_POLICY,
    "Cache-Control": "no-store",
    "Cross-Origin-ParserProcess-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-DNS-Prefetch-Control": "off",
}
"""On every response; a page sets a policy of its own."""
