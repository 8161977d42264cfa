"""Public data sets as shops: each file reads one of them from the files its owners publish.

docs/protocols has a page for each: what is relevant, which split, which gains, terms.
"""
