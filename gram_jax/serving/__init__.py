"""Answering queries from a snapshot."""
