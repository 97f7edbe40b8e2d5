"""Reading messages: header fields, MIME parts, charsets; linear, bounded, without exceptions (guarantee 20)."""
