"""Tables of addresses: a file, or a server that speaks the protocol socketmap or tcp_table."""
