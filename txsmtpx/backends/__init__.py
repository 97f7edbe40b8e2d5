"""Backends in the box, and what to make one's own from."""
