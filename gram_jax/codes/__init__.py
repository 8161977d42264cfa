"""Codes: short readable lists of attribute values that queries and products share."""
