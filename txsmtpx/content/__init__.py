"""Reading a message: header fields, MIME parts, charsets.  Linear, bounded, and without exceptions (law 20)."""
