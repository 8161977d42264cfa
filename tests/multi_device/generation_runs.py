"""Generates codes on one device and on meshes of four, and prints how far they are apart, as JSON.
"""

import json

import jax
import numpy as np

from gram_jax.codes.code import Code
from gram_jax.codes.code_table import CodeTable
from gram_jax.core.errors import ConfigError
from gram_jax.models.params import init_params
from gram_jax.partitioning.mesh import make_mesh
from gram_jax.partitioning.partitioner import Partitioner
from gram_jax.retrieval.code_generation import generate_codes
from gram_jax.retrieval.index import spell_codes
from gram_jax.testing.numeral_vocabulary import NumeralVocabulary
from gram_jax.testing.tiny_model import tiny_config

CONFIG = tiny_config()


def main():
    rng = np.random.default_rng(0)

    def text():
        return " ".join(map(str, rng.integers(0, 60, rng.integers(1, 7)).tolist()))

    names = sorted({text() for _ in range(50)})
    table = CodeTable.build({Code(name, (("modifier", name),)): [0] for name in names}, ("p",))
    vocabulary, params = NumeralVocabulary(), init_params(CONFIG, 0)
    inputs = [f"query: {text()}" for _ in range(29)] + ["query: "]

    def generate(partitioner, batch_size=8):
        return generate_codes(
            CONFIG, params, spell_codes(table, vocabulary), table, vocabulary,
            [f"t{at}" for at in range(len(inputs))], inputs, beam_size=4, batch_size=batch_size,
            max_input_length=8, partitioner=partitioner)

    expected = generate(None)
    found = {"num_devices": jax.device_count(), "generated": len(expected.codes)}
    for name, ways in (("data", {}), ("fsdp", {"data": 1, "fsdp": 4}),
                       ("all", {"data": 2, "model": 2})):
        generated = generate(Partitioner(make_mesh(**ways)))
        found[name] = {
            "same_codes": bool(np.array_equal(generated.codes, expected.codes)
                               and np.array_equal(generated.starts, expected.starts)),
            "gap": float(np.abs(generated.log_probs - expected.log_probs).max())}
    try:
        generate(Partitioner(make_mesh()), batch_size=6)
    except ConfigError as error:
        found["refusal"] = str(error)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
