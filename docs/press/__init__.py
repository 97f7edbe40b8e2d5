"""What prints the documentation: extensions of Sphinx for docstrings in epytext, interfaces, and pages of source."""
