"""Attributes: the types a value can have, and the values that products and texts hold."""
