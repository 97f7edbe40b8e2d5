"""SASL (RFC 4422, RFC 4954): one file a mechanism, client and server side by side."""
