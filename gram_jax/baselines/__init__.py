"""Retrievers that GRAM is compared with."""
