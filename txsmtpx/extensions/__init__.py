"""One file an RFC: each is a value that both ends read."""
