"""The queue: mail that is stored before the 250, and delivered later, as often as it takes."""
