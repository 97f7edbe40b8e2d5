"""Filters: programs and services that look at each message."""
