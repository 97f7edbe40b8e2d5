"""What txsmtpx costs, beside others that do the same work: C{python -m benchmarks --help}."""
