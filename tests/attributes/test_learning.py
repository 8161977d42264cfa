"""An extractor learned shard by shard is the one learned at once; reviewed synonyms go first."""

import numpy as np

from gram_jax.attributes.learning import extractor_of_counts, with_learned_synonyms
from gram_jax.attributes.schema import AttributeSchema
from gram_jax.attributes.synonym_learning import SynonymSettings
from gram_jax.attributes.synonyms import Merge, Synonyms
from gram_jax.attributes.term_counts import add_counts, count_terms, count_text_terms
from gram_jax.core.clicks import ClickTable
from gram_jax.core.records import Product

_SCHEMA = AttributeSchema.load()
_PRODUCTS = [Product(f"{thing}{at}", f"{brand} {thing}", {"category": (thing,), "brand": (brand,)})
             for thing in ("stroller", "drill", "sink") for at, brand in enumerate(
                 ("Acme", "Bolt Inc.", "Bolt", "ACME"))]
_TEXTS = [f"{brand} {word}" for word in ("pram", "drill", "sink")
          for brand in ("acme", "bolt", "best", "cheap", "new")]
_THINGS = {"pram": "stroller"}


def _extractor():
    counts = add_counts(count_terms(_PRODUCTS[at::3], _SCHEMA) for at in range(3))
    return extractor_of_counts(counts, count_text_terms(_TEXTS), _SCHEMA)


def _clicks():
    wanted = [_THINGS.get(text.split()[1], text.split()[1]) for text in _TEXTS]
    rows, products = np.array([(row, at) for row, thing in enumerate(wanted)
                               for at, product in enumerate(_PRODUCTS) if thing in product.title]).T
    return ClickTable.build(rows, products, np.ones(len(rows)), _TEXTS)


def _learned(reviewed=None):
    return with_learned_synonyms(
        _extractor(), _PRODUCTS, _TEXTS, _clicks(), reviewed=reviewed,
        settings=SynonymSettings(false_discovery_rate=0.1, min_lift=2.0))


def test_the_rules_of_a_catalogue_are_learned_from_its_counts():
    extractor = _extractor()
    assert extractor.brands.spelling("bolt inc") == "bolt"
    assert extractor.families.family("color", "navy") == "blue"
    assert extractor.spelling.knows("pram") and not extractor.synonyms.merges


def test_a_shoppers_word_meets_the_sellers():
    assert ("category", "stroller") in _learned().of_text("acme pram")


def test_reviewed_merges_go_before_learned_ones():
    rejected = Synonyms((Merge("pram", "stroller", "category", "rejected"),))
    assert _learned(rejected).of_text("pram") == ()
    given = Synonyms((Merge("pram", "drill", "category"),))
    assert _learned(given).of_text("pram") == (("category", "drill"),)
