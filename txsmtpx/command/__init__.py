"""``twistd smtpx``: what may be said to it, by option or file, and the service that comes of it."""
