"""Logins: checkers of credentials, for `twisted.cred`."""
