"""Shops: what they sell, what shoppers asked and clicked, and how to read or simulate one."""
