"""The TLS of connections to the exchangers of a domain: DANE, MTA-STS, a table of policies, and reports."""
