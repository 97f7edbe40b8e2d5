"""What may be said: pure values and functions, both directions of each in one file."""
