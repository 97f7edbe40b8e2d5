"""Milter, the protocol of mail filters such as opendkim and rspamd: the side of the mail server."""
