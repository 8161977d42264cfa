"""Synonyms learned from clicks, held against a truth or printed to be read; and corrections.

    python benchmarks/synonyms.py --simulated=4000
    python benchmarks/synonyms.py --home_depot=FOLDER

On a simulated shop the lexicon knows which words name one value: a merge is right when one value
has both words, wider when its words stand in names of one value ('seat' for 'chair' of 'desk
chair'), and wrong otherwise. On Home Depot every merge is printed for reading, with the queries
that spelling corrects and how many clicked titles then hold the corrected words, beside the words
that were left alone.
"""

import argparse
import json
import random
from pathlib import Path

from gram_jax.attributes.extract import AttributeExtractor
from gram_jax.attributes.learning import extractor_of_counts, with_learned_synonyms
from gram_jax.attributes.normalize import normalize_value, value_words
from gram_jax.attributes.schema import AttributeSchema
from gram_jax.attributes.term_counts import count_terms, count_text_terms
from gram_jax.catalog import simulator
from gram_jax.catalog.datasets.home_depot import read_home_depot
from gram_jax.catalog.shop import Shop

_MIN_QUERIES = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulated", type=int, help="products of the simulated shop")
    parser.add_argument("--home_depot", help="folder of the Home Depot data")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.simulated:
        shop = simulator.simulate_shop(
            seed=options.seed, num_products=options.simulated,
            num_queries=options.simulated * 3 // 4)
        against_lexicon(shop, _learned(shop))
    if options.home_depot:
        shop = read_home_depot(options.home_depot)
        extractor = _learned(shop)
        for merge in sorted(extractor.synonyms.merges, key=lambda merge: merge.p_value):
            print(f"{merge.source} -> {merge.target} ({merge.attribute}, {merge.clicks} queries, "
                  f"p {merge.p_value:.1e})")
        corrections(shop, extractor, options.seed)


def _learned(shop: Shop) -> AttributeExtractor:
    schema, train = AttributeSchema.load(), shop.queries_of("train")
    texts = [query.text for query in train]
    extractor = extractor_of_counts(count_terms(shop.products, schema), count_text_terms(texts),
                                    schema)
    return with_learned_synonyms(extractor, shop.products, texts, shop.click_table("train"))


def against_lexicon(shop: Shop, extractor: AttributeExtractor) -> None:
    names = _names_of_values()
    merges = extractor.synonyms.merges
    right = [merge for merge in merges
             if any({merge.source, merge.target} <= value for value, _ in names)]
    others = [merge for merge in merges if merge not in right]
    wider = [merge for merge in others if any(
        all(any(_overlap(word, name) for name in value) for word in (merge.source, merge.target))
        for value, _ in names)]
    merged = {word for merge in right for word in (merge.source, merge.target)}
    asked = [f" {' '.join(value_words(query.text))} " for query in shop.queries_of("train")]
    own = {word for _, shoppers in names for word in shoppers
           if sum(f" {word} " in text for text in asked) >= _MIN_QUERIES}
    print(f"{len(merges)} merges: {len(right)} right, {len(wider)} wider, "
          f"{len(others) - len(wider)} wrong; of {len(own)} own words of shoppers in at least "
          f"{_MIN_QUERIES} queries {len(own & merged)} are in a right one")
    for merge in others:
        if merge not in wider:
            print(f"  wrong: {merge.source} -> {merge.target} ({merge.attribute})")


def _names_of_values() -> list[tuple[set[str], set[str]]]:
    """For every value of the lexicon all its names, and shoppers' own words among them."""
    content = json.loads((Path(simulator.__file__).parent / "lexicon.json").read_text("utf-8"))
    named = [pair for shelf in content["departments"].values()
             for pair in shelf["categories"].items()]
    named += [pair for values in content["values"].values() for pair in values.items()]
    return [({normalize_value(form) for form in (name, *forms.get("sellers", ()),
                                                 *forms.get("shoppers", ()))},
             {normalize_value(form) for form in forms.get("shoppers", ())})
            for name, forms in named]


def _overlap(one: str, other: str) -> bool:
    words, others = set(one.split(" ")), set(other.split(" "))
    return words <= others or others <= words


def corrections(shop: Shop, extractor: AttributeExtractor, seed: int) -> None:
    titles = {product.product_id: set(value_words(product.title)) for product in shop.products}
    clicked: dict[str, list[set[str]]] = {}
    for click in shop.clicks_of("train"):
        clicked.setdefault(click.query_id, []).append(titles[click.product_id])
    changed, kept = [], []
    for query in shop.queries_of("train"):
        for piece in extractor.spelling.correct(value_words(query.text)):
            found = clicked.get(query.query_id, [])
            held = sum(set(piece.words) <= title for title in found) / max(len(found), 1)
            if piece.words != piece.written:
                changed.append((held, " ".join(piece.written), " ".join(piece.words), query.text))
            elif piece.words[0].isalpha():
                kept.append(held)
    print(f"{len(changed)} corrections in {len({row[3] for row in changed})} of "
          f"{len(shop.queries_of('train'))} train queries; clicked titles that hold the corrected "
          f"words: {sum(row[0] for row in changed) / max(len(changed), 1):.3f}, words left "
          f"alone: {sum(kept) / max(len(kept), 1):.3f}")
    for _, written, right, text in random.Random(seed).sample(changed, min(50, len(changed))):
        print(f"  {written} -> {right}   ({text})")


if __name__ == "__main__":
    main()
