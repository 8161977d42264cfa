"""A prompt is in normal form already, so that tokenising does not change it."""

from hypothesis import given
from hypothesis import strategies as st

from gram_jax.text.normal_form import normalize_text
from gram_jax.text.prompts import PRODUCT_PREFIX, QUERY_PREFIX, product_input, query_input


@given(st.text(max_size=30))
def test_prompts_lead_the_normal_form_of_the_text(text):
    assert query_input(text) == QUERY_PREFIX + normalize_text(text)
    assert product_input(text) == PRODUCT_PREFIX + normalize_text(text)
    for prompt in (query_input(text), product_input(text)):
        assert normalize_text(prompt) == prompt.strip()
