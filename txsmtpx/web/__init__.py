"""
The common part of the web sites: of the web inbox, and of the site of a queue.

These are the checks of each request, the login, the table of an API and its description, and responses in pieces.
"""
