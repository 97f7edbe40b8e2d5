"""How it travels: protocols, factories, TLS, timers, back-pressure, services."""
