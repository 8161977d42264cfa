"""What the model reads in front of a text: one model, two generators, told apart by a prefix.

Method section 2: the query-code and the product-code generator share all parameters.
"""

from gram_jax.text.normal_form import normalize_text

QUERY_PREFIX = "query: "
PRODUCT_PREFIX = "product: "


def query_input(text: str) -> str:
    """The source text of the query-code generator."""
    return QUERY_PREFIX + normalize_text(text)


def product_input(text: str) -> str:
    """The source text of the product-code generator; `text` is what describes the product."""
    return PRODUCT_PREFIX + normalize_text(text)
