"""The built-in backends, and the base classes of other backends."""
