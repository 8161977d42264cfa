"""Generates codes as a process of its own, for a test to kill.

Usage: generation_run.py FOLDER SECONDS_A_CHUNK; writes FOLDER/generated when it has ended.
"""

import sys
import time
from pathlib import Path

import jax
import numpy as np

from gram_jax.codes.code import Code
from gram_jax.codes.code_table import CodeTable
from gram_jax.retrieval.code_generation import generate_codes
from gram_jax.retrieval.index import spell_codes
from gram_jax.testing.numeral_vocabulary import NumeralVocabulary
from gram_jax.testing.tiny_model import tiny_config, tiny_params

NUM_TEXTS, NUM_WORDS = 4000, 50


def main(folder: Path, seconds: float) -> None:
    jax.config.update("jax_compilation_cache_dir", str(folder.parent / "compiled"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    rng = np.random.default_rng(0)

    def text(most):
        return " ".join(map(str, rng.integers(0, NUM_WORDS, rng.integers(1, most)).tolist()))

    names = sorted({text(6) for _ in range(200)})
    table = CodeTable.build({Code(name, (("modifier", name),)): [0] for name in names}, ("p",))
    inputs = [f"product: {text(12)}" for _ in range(NUM_TEXTS)]
    vocabulary, config = NumeralVocabulary(), tiny_config()

    def slow(iterable, description, total):
        for item in iterable:
            time.sleep(seconds)
            yield item

    generate_codes(config, tiny_params(config), spell_codes(table, vocabulary), table, vocabulary,
                   [f"t{at}" for at in range(NUM_TEXTS)], inputs, beam_size=3, batch_size=128,
                   max_input_length=16, folder=folder / "chunks",
                   progress=slow).save(folder / "generated")


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
