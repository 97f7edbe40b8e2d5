"""The syntax of the protocol as pure values and functions.  Each file parses and writes one kind of value."""
