"""Observers of a server: the transaction log and the metrics, and the formats of log lines."""
