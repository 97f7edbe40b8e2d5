"""
Reading of messages: header fields, MIME parts, charsets, in linear time, bounded, without exceptions (guarantee 20).
"""
