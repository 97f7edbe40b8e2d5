"""
The Content-Security-Policy (CSP Level 3) of each kind of response, and the other headers that restrict browsers.

Each policy allows only what its pages need.
"""

from __future__ import annotations

DATA_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"
"""For data such as JSON and attachments.  If a browser displays the data, it runs and loads nothing."""

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""For the pages of a site.  Scripts and styles come from the own files of the site; inline ones are blocked."""

MESSAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
)
"""For the HTML of a message.  It may use inline styles and ``data:`` images.  It has no origin, no script, no network.
A link opens in an ordinary tab when the user clicks it."""

SECURITY_HEADERS = {
    "Content-Security-Policy": DATA_POLICY,
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-DNS-Prefetch-Control": "off",
}
"""Headers of every response.  Pages replace the policy by one of the two others."""
