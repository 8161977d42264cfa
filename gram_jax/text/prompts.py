"""What the model reads in front of a text: one model, two generators, told apart by a prefix.

Method section 2: the query-code and the product-code generator share all parameters.
"""

from gram_jax.text.normal_form import normalize_text

QUERY_PREFIX = "query: "
PRODUCT_PREFIX = "product: "
PROMPTS = (QUERY_PREFIX, PRODUCT_PREFIX)
"""What is in front of a text, and all that there is of a text that says nothing."""


def query_input(text: str) -> str:
    """The source text of the query-code generator.

    Examples:
      >>> query_input("Red  Running Shoe")
      'query: red running shoe'
    """
    return QUERY_PREFIX + normalize_text(text)


def product_input(text: str) -> str:
    """The source text of the product-code generator; `text` is what describes the product."""
    return PRODUCT_PREFIX + normalize_text(text)
