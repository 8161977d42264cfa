"""A tagger small enough for a test: it compiles in seconds and has learned nothing."""

from gram_jax.attributes.annotations import annotate
from gram_jax.attributes.known_values import KnownValues
from gram_jax.attributes.schema import AttributeSchema
from gram_jax.attributes.tags import TagSet
from gram_jax.attributes.word_features import WordFeatures
from gram_jax.models.config import TaggerConfig
from gram_jax.models.params import init_params
from gram_jax.serving.text_tagger import TextTagger


def tiny_tagger(seed: int = 0) -> TextTagger:
    """Random parameters over the 16 types, with a value or two known beforehand."""
    schema = AttributeSchema.load()
    known = KnownValues.build(
        [annotate("1", "s", "red Nike shoe", [("color", "red"), ("brand", "Nike")])], schema.names)
    config = TaggerConfig(
        num_tags=TagSet(schema.names).num_tags, num_ngrams=64,
        num_marks=WordFeatures(64, known).num_marks, ngram_size=8, d_model=16, d_ff=16,
        num_heads=1, head_dim=16, num_layers=1)
    return TextTagger(config, init_params(config, seed), schema, known)
