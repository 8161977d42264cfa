"""What the tagger learns from, as gin binds it: each source reads its texts when it is called.

A source made from a shop marks texts that nobody has read; its `outside_weight` says how far to
believe that a word it leaves unmarked is no value.
"""

import dataclasses
import itertools
from collections.abc import Sequence

from gram_jax.attributes.annotations import AnnotatedText
from gram_jax.attributes.gazetteer_building import GazetteerSettings, build_gazetteer
from gram_jax.attributes.projection import project_fields, project_gazetteer
from gram_jax.attributes.schema import AttributeSchema
from gram_jax.catalog.shop import Shop
from gram_jax.catalog.splits import query_key, split_by_hash
from gram_jax.core.errors import ConfigError
from gram_jax.data.annotation_files import read_annotated_titles, read_query_ner
from gram_jax.data.tagging_batches import TaggingSource


def annotated_titles(shop: Shop | None, schema: AttributeSchema, *, path: str,
                     only: Sequence[str] = (), rate: float = 1.0, outside_weight: float = 1.0,
                     loss_weight: float = 1.0, on_bad_rows: str = "refuse") -> TaggingSource:
    """Titles annotated by people: see `data.annotation_files.read_annotated_titles`.

    Args:
      shop: not read.
      schema: not read.
      path: the file.
      only: the sources of rows to take; empty for all.
      rate, outside_weight, loss_weight: see `TaggingSource`.
      on_bad_rows: 'refuse' or 'skip'.
    """
    texts = [text for text in read_annotated_titles(path, on_bad_rows=on_bad_rows)
             if not only or text.source in only]
    return TaggingSource("/".join(only) or "annotated titles", tuple(texts), rate, outside_weight,
                         loss_weight)


def annotated_queries(shop: Shop | None, schema: AttributeSchema, *, path: str, rate: float = 1.0,
                      outside_weight: float = 1.0, loss_weight: float = 1.0,
                      on_bad_rows: str = "refuse") -> TaggingSource:
    """Queries annotated by people, as QueryNER is: see `data.annotation_files.read_query_ner`.

    Args:
      shop: its query texts are those of rows that name an example_id only.
      schema: not read.
      path: the file.
      rate, outside_weight, loss_weight: see `TaggingSource`.
      on_bad_rows: 'refuse' or 'skip'.
    """
    queries = None if shop is None else {query.query_id: query.text for query in shop.queries}
    texts = read_query_ner(path, queries=queries, on_bad_rows=on_bad_rows)
    return TaggingSource("annotated queries", tuple(texts), rate, outside_weight, loss_weight)


def structured_fields(shop: Shop | None, schema: AttributeSchema, *, max_texts: int = 20000,
                      rate: float = 1.0, outside_weight: float = 0.1,
                      loss_weight: float = 1.0) -> TaggingSource:
    """The shop's titles, marked where they spell their own product's fields.

    Args:
      shop: whose products.
      schema: says which fields mean a type.
      max_texts: products looked at, evenly over the catalogue.
      rate, outside_weight, loss_weight: see `TaggingSource`.

    Raises:
      ConfigError: there is no shop.
    """
    products = _evenly(_required(shop, "structured_fields").products, max_texts)
    return TaggingSource("structured fields", tuple(project_fields(products, schema)), rate,
                         outside_weight, loss_weight)


def gazetteer_matches(shop: Shop | None, schema: AttributeSchema, *,
                      gazetteer: GazetteerSettings | None = None, max_texts: int = 20000,
                      rate: float = 1.0, outside_weight: float = 0.5,
                      loss_weight: float = 0.5) -> TaggingSource:
    """The shop's titles and train queries, marked by the shop's own gazetteer of field values.

    Words that the gazetteer knows from titles alone are left out: they are not typed by anyone.

    Args:
      shop: whose texts.
      schema: the attribute types.
      gazetteer: what enters it.
      max_texts: titles looked at, and queries.
      rate, outside_weight, loss_weight: see `TaggingSource`.

    Raises:
      ConfigError: there is no shop.
    """
    shop = _required(shop, "gazetteer_matches")
    built = build_gazetteer(shop.products, schema, settings=gazetteer)
    typed = type(built)({value: attribute for value, attribute in built.attribute_of.items()
                         if attribute != "modifier"})
    texts = itertools.chain(
        ((f"p:{product.product_id}", product.title)
         for product in _evenly(shop.products, max_texts)),
        ((f"q:{query.query_id}", query.text)
         for query in _evenly(shop.queries_of("train"), max_texts)))
    return TaggingSource("gazetteer", tuple(project_gazetteer(texts, typed)), rate,
                         outside_weight, loss_weight)


def hold_out_texts(sources: Sequence[TaggingSource], share: float
                   ) -> tuple[list[TaggingSource], list[TaggingSource]]:
    """Sources to learn from, and about `share` of their texts, by hash, to choose settings on.

    A text that several sources hold falls on the same side in all of them.
    """
    train, tune = [], []
    for source in sources:
        parts: dict[str, list[AnnotatedText]] = {"train": [], "tune": []}
        for text in source.texts:
            parts[split_by_hash(query_key(text.text), salt="tagger", tune_share=share,
                                test_share=0.0)].append(text)
        train.append(dataclasses.replace(source, texts=tuple(parts["train"])))
        if parts["tune"]:
            tune.append(dataclasses.replace(source, texts=tuple(parts["tune"])))
    return train, tune


def _required(shop: Shop | None, source: str) -> Shop:
    if shop is None:
        raise ConfigError(f"the tagging source {source} is made from a shop: bind "
                          "prepare.read_shop, or leave the source out")
    return shop


def _evenly(rows: Sequence, max_rows: int) -> Sequence:
    return list(itertools.islice(rows, 0, None, max(1, -(-len(rows) // max_rows))))
