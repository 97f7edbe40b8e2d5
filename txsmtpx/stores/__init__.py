"""Stores of the counts of rate limits and the times of greylisting: in memory, and in Redis."""
