"""Middleware: backends around another backend, which change or watch what passes."""
