"""Times the tagger end to end: titles a second, and what share each part takes.

    python benchmarks/tagging.py --tagger=DIR/tagger --titles=products.jsonl.gz [--num_titles 20000]

Words are read, featurised, tagged by the network and the chain, and made into spans, as
`gram tag` does it; a first pass over other titles compiles the programs.
"""

import argparse
import itertools
import time
from pathlib import Path

import jax
import numpy as np

from gram_jax.pipeline.tagging import read_texts
from gram_jax.serving.text_tagger import TextTagger

BLOCK = 4096


def timed(tagger: TextTagger, texts: list[str]) -> tuple[float, float, int]:
    """Seconds, seconds of all cores together, and spans of tagging."""
    started, used, spans = time.perf_counter(), time.process_time(), 0
    for at in range(0, len(texts), BLOCK):
        spans += sum(map(len, tagger.tag(texts[at:at + BLOCK])))
    return time.perf_counter() - started, time.process_time() - used, spans


class PartClock:
    """Adds up the time inside some methods of a tagger."""

    def __init__(self, tagger: TextTagger):
        self.seconds: dict[str, float] = {}
        features = tagger._features
        self._wrap(features, "read", "words and known values")
        self._wrap(features, "padded", "features")
        self._wrap(tagger, "_tag_batch", "network, chain and features")
        self._wrap(tagger, "_spans", "spans")

    def _wrap(self, owner, method, name) -> None:
        function = getattr(owner, method)

        def clocked(*arguments, **keywords):
            started = time.perf_counter()
            try:
                return function(*arguments, **keywords)
            finally:
                self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started

        object.__setattr__(owner, method, clocked)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tagger", type=Path, required=True)
    parser.add_argument("--titles", type=Path, required=True)
    parser.add_argument("--num_titles", type=int, default=20000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    tagger = TextTagger.load(options.tagger)
    rows = itertools.islice(read_texts(options.titles), options.num_titles + 2 * BLOCK)
    texts = [text for _, text in rows]
    warm, texts = texts[:2 * BLOCK], texts[2 * BLOCK:]
    seconds, _, _ = timed(tagger, warm)
    print(f"first {len(warm)} titles, compiling: {seconds:.1f} s")
    rates, core_rates = [], []
    for _ in range(options.repeats):
        # A fresh tagger has met no word, as at the start of a run.
        fresh = TextTagger.load(options.tagger)
        seconds, used, spans = timed(fresh, texts)
        rates.append(len(texts) / seconds)
        core_rates.append(len(texts) / used)
    words = np.mean([len(tagger._features.read(text).words) for text in texts[:2000]])
    print(f"{len(texts)} titles of {words:.1f} words, {spans / len(texts):.2f} spans a title, "
          f"{len(jax.devices())} {jax.devices()[0].platform} device(s)")
    for name, found in (("titles/s", rates), ("titles a second of one core", core_rates)):
        print(f"{name}: " + ", ".join(f"{rate:,.0f}" for rate in found))
    clock = PartClock(fresh)
    seconds, _, _ = timed(fresh, texts)
    inner = clock.seconds.pop("network, chain and features")
    clock.seconds["network and chain"] = (
        inner - clock.seconds["features"] - clock.seconds["spans"])
    for name, part in sorted(clock.seconds.items(), key=lambda pair: -pair[1]):
        print(f"  {name}: {100 * part / seconds:.0f}%")


if __name__ == "__main__":
    main()
