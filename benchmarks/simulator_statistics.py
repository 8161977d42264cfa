"""Measures how queries meet titles in the Home Depot train part and in a simulated shop.

    python benchmarks/simulator_statistics.py --home_depot=FOLDER [--num_products=4000] [--seed=0]

Prints both beside each other as a Markdown table: what the simulator's settings were fixed from.
Looks at train queries and clicked products only.
"""

import argparse
import itertools
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np
import Stemmer

from gram_jax.attributes.schema import AttributeSchema
from gram_jax.catalog.datasets.home_depot import read_home_depot
from gram_jax.catalog.shop import Shop
from gram_jax.catalog.simulator import simulate_shop
from gram_jax.text.normal_form import words

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_SAMPLE = 4000  # titles: the number of different words grows with the catalogue
_NAMED_TYPES = ("brand", "category", "color", "material")
_stem = Stemmer.Stemmer("english").stemWords


def measure(shop: Shop) -> dict[str, float]:
    """Statistics by name; shares are between 0 and 1."""
    titles = {product.product_id: words(product.title) for product in shop.products}
    queries = {query.query_id: words(query.text) for query in shop.queries_of("train")}
    queries = {query_id: query for query_id, query in queries.items() if query}
    pairs = [(queries[click.query_id], titles[click.product_id])
             for click in shop.clicks_of("train") if click.query_id in queries]
    return {
        **_lengths(titles.values(), queries.values()),
        **_overlaps(pairs),
        **_unknown_words(titles.values(), queries.values()),
        "clicked products a query": len(pairs) / len(queries),
        **_attributes(shop, queries),
        "titles with a comma": _mean("," in product.title for product in shop.products),
        "titles with a parenthesis": _mean("(" in product.title for product in shop.products),
    }


def _lengths(titles: Iterable[list[str]], queries: Iterable[list[str]]) -> dict[str, float]:
    title_lengths = [len(title) for title in titles]
    query_lengths = [len(query) for query in queries]
    deciles = np.quantile(title_lengths, (0.1, 0.9))
    return {
        "title words": statistics.fmean(title_lengths),
        "title words, lowest decile": deciles[0],
        "title words, highest decile": deciles[1],
        "query words": statistics.fmean(query_lengths),
        **{f"queries of {size} words": _mean(length == size for length in query_lengths)
           for size in (1, 2, 3, 4, 5)},
        "queries of 6 words or more": _mean(length >= 6 for length in query_lengths),
    }


def _overlaps(pairs: list[tuple[list[str], list[str]]]) -> dict[str, float]:
    raw, stemmed, in_order = [], [], []
    for query, title in pairs:
        raw.append(_mean(word in title for word in query))
        query, title = _stem(query), _stem(title)
        stemmed.append(_mean(word in title for word in query))
        places = [title.index(word) for word in query if word in title]
        in_order += [first < second for first, second in itertools.pairwise(places)]
    return {
        "query words in a clicked title": statistics.fmean(raw),
        "the same, stemmed": statistics.fmean(stemmed),
        "pairs with every query word in the title, stemmed": _mean(x == 1 for x in stemmed),
        "pairs with no query word in the title, stemmed": _mean(x == 0 for x in stemmed),
        "neighbouring query words in the title's order": _mean(in_order),
    }


def _unknown_words(titles: Iterable[list[str]], queries: Iterable[list[str]]) -> dict[str, float]:
    titles = list(titles)
    sample = titles[::max(1, len(titles) // _SAMPLE)][:_SAMPLE]
    counts = Counter(word for title in titles for word in title)
    typed = [word for query in queries for word in query]
    unknown = [word for word in typed if word not in counts]
    slips = [word for word in unknown
             if len(word) > 3 and word.isalpha() and not counts.keys().isdisjoint(_one_slip(word))]
    return {
        "query words in no title": len(unknown) / len(typed),
        "of these one slip from a title's word": len(slips) / max(len(unknown), 1),
        "queries with a word in no title": _mean(
            any(word not in counts for word in query) for query in queries),
        f"different words of {_SAMPLE} titles": len({word for title in sample for word in title}),
    }


def _one_slip(word: str) -> set[str]:
    cuts = [(word[:place], word[place:]) for place in range(len(word) + 1)]
    slips = {left + right[1:] for left, right in cuts if right}
    slips |= {left + right[1] + right[0] + right[2:] for left, right in cuts if len(right) > 1}
    slips |= {left + letter + right[1:] for left, right in cuts if right for letter in _LETTERS}
    return slips | {left + letter + right for left, right in cuts for letter in _LETTERS}


def _attributes(shop: Shop, queries: Mapping[str, list[str]]) -> dict[str, float]:
    schema = AttributeSchema.load()
    fields = {
        product.product_id: {schema.type_of_field(name): set(_stem(words(" ".join(values))))
                             for name, values in product.attributes.items()}
        for product in shop.products}
    first_clicked = {}
    for click in shop.clicks_of("train"):
        first_clicked.setdefault(click.query_id, click.product_id)
    named, digits = Counter(), 0
    for query_id, query in queries.items():
        stems = set(_stem(query))
        digits += any(word[0].isdigit() for word in query)
        for type_name, value in fields[first_clicked[query_id]].items():
            named[type_name] += bool(stems & value)
    table = {f"queries naming a word of the clicked product's {name}": named[name] / len(queries)
             for name in _NAMED_TYPES}
    table["queries with a number"] = digits / len(queries)
    for name in _NAMED_TYPES:
        table[f"products with a {name} field"] = _mean(name in field for field in fields.values())
    for name in _NAMED_TYPES:
        table[f"slope of {name} frequency"] = _zipf_slope(
            " ".join(sorted(field[name])) for field in fields.values() if name in field)
    return table


def _zipf_slope(values: Iterable[str]) -> float:
    """Slope of log frequency over log rank, of at most the first 200 ranks."""
    frequencies = np.array(sorted(Counter(values).values(), reverse=True)[:200])
    return float(np.polyfit(np.log(np.arange(1, len(frequencies) + 1)), np.log(frequencies), 1)[0])


def _mean(values: Iterable[bool]) -> float:
    return statistics.fmean(map(float, values))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home_depot", required=True, help="folder with the Home Depot files")
    parser.add_argument("--num_products", type=int, default=4000)
    parser.add_argument("--num_queries", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    real = measure(read_home_depot(args.home_depot))
    simulated = measure(simulate_shop(
        seed=args.seed, num_products=args.num_products, num_queries=args.num_queries))
    print("| statistic | Home Depot train | simulated |\n|---|---|---|")
    for name, value in real.items():
        print(f"| {name} | {value:.3f} | {simulated[name]:.3f} |")


if __name__ == "__main__":
    main()
