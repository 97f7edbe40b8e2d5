"""``twistd smtpx``: its options, on the command line or in a file, and the service that they describe."""
