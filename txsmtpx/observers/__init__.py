"""Observers: the transaction log and the metrics, and the forms that they are written in."""
