"""What finds values in annotated titles without a network: gazetteers and a linear CRF.

python benchmarks/tagger_peers.py --train=train.jsonl.gz --test=test.jsonl.gz [--tune] --output=FILE

With --tune a tenth of the training titles, held out by hash, takes the place of the test file.
Needs python-crfsuite (extra 'baselines').
"""

import argparse
import dataclasses
import json
import time
from collections import Counter
from pathlib import Path

from gram_jax.attributes.gazetteer import Gazetteer
from gram_jax.attributes.normalize import normalize_value
from gram_jax.attributes.projection import mark_values
from gram_jax.attributes.schema import AttributeSchema
from gram_jax.attributes.tags import TagSet
from gram_jax.attributes.text_spans import span_values
from gram_jax.baselines.linear_tagger import LinearTagger
from gram_jax.data.annotation_files import read_annotated_titles
from gram_jax.data.tagging_batches import TaggingSource
from gram_jax.pipeline.tagging_report import values_report
from gram_jax.pipeline.tagging_sources import hold_out_texts

REQUIRED = ("oa-mine", "ae-110k")
"""Sources whose titles spell what is annotated."""


def values_by_type(texts, types, min_texts: int) -> dict[str, str]:
    """Value -> the type that most texts have it under."""
    counts = Counter(pair for text in texts for pair in text.values)
    best: dict[str, str] = {}
    for attribute, value in sorted(counts, key=lambda pair: (-counts[pair], types.index(pair[0]))):
        if counts[attribute, value] >= min_texts and normalize_value(value) == value:
            best.setdefault(value, attribute)
    return best


def often_marked(values, texts, min_rate: float) -> dict[str, str]:
    """Those values that are marked in at least this share of the texts that spell them."""
    spelled, marked = Counter(), Counter()
    for text in texts:
        found = mark_values("", "", text.text, values).values
        spelled.update(value for _, value in found)
        marked.update(value for _, value in found & text.values)
    return {value: attribute for value, attribute in values.items()
            if marked[value] >= min_rate * max(spelled[value], 1)}


def gazetteer_as_for_codes(train, types, min_texts):
    gazetteer = Gazetteer(values_by_type(train, types, min_texts))
    return lambda text: frozenset((span.attribute, span.value) for span in gazetteer.match(text))


def longest_match(train, types, min_texts, min_rate=0.0):
    values = values_by_type(train, types, min_texts)
    if min_rate:
        values = often_marked(values, train, min_rate)
    return lambda text: mark_values("", "", text, values).values


def linear(train, types, l1, l2):
    tagger = LinearTagger.train(train, TagSet(types), l1=l1, l2=l2)
    return lambda text: span_values(text, tagger.tag(text))


def peers():
    """Name -> (function, settings): called with train and types, it gives text -> values."""
    for min_texts in (1, 2, 3):
        yield (f"gazetteer, min {min_texts}, as matched for codes", gazetteer_as_for_codes,
               {"min_texts": min_texts})
        yield (f"gazetteer, min {min_texts}, longest match", longest_match,
               {"min_texts": min_texts})
    for min_rate in (0.1, 0.2, 0.3, 0.4):
        yield (f"gazetteer, values marked in {min_rate} of the titles that spell them",
               longest_match, {"min_texts": 1, "min_rate": min_rate})
    for l1, l2 in ((0.1, 0.01), (0.3, 0.01), (0.0, 0.3)):
        yield f"linear CRF, l1 {l1}, l2 {l2}", linear, {"l1": l1, "l2": l2}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--test", type=Path)
    parser.add_argument("--tune", action="store_true")
    parser.add_argument("--only", default="", help="peers whose name holds this")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    types = AttributeSchema.load().names
    train = read_annotated_titles(options.train)
    if options.tune:
        [kept], [held] = hold_out_texts([TaggingSource("all", tuple(train))], 0.1)
        train, test = kept.texts, held.texts
    else:
        test = read_annotated_titles(options.test)
    reports = {}
    for name, make, settings in peers():
        if options.only not in name:
            continue
        values_of = make(train, types, **settings)
        started = time.monotonic()
        found = [values_of(text.text) for text in test]
        rate = len(test) / (time.monotonic() - started)
        wanted = [number for number, text in enumerate(test) if text.source in REQUIRED]
        joined = [dataclasses.replace(test[number], source="required") for number in wanted]
        report = values_report(test, found) | {
            "required": values_report(joined, [found[number] for number in wanted])["all"]}
        reports[name] = report
        print(f"{name}: {rate:,.0f} titles/s; " + "; ".join(
            f"{source} P {part['micro']['precision']:.3f} R {part['micro']['recall']:.3f} "
            f"F1 {part['micro']['f1']:.4f}" for source, part in report.items()), flush=True)
        options.output.write_text(json.dumps(reports, indent=1))


if __name__ == "__main__":
    main()
