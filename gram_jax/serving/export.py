"""Writes a snapshot's retrieve programs as files that run without the source of the model.

One program for each bucket, and beside them their arrays, the texts behind their numbers, and what
they are: versions, date, shapes, digests. `exported.ExportedRetriever` loads the folder; so does
any program that has JAX, since all a program takes and gives are dictionaries of arrays.
"""

import datetime
import importlib.metadata
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from gram_jax.core.atomic import atomic_directory
from gram_jax.core.digest import digest_files
from gram_jax.core.errors import ConfigError, InputError
from gram_jax.retrieval.buckets import Buckets
from gram_jax.retrieval.device_index import device_index
from gram_jax.retrieval.retrieve import Results, RetrieveSettings, retrieve
from gram_jax.serving.exported import ARRAYS, CODES, FACTS, PRODUCTS, VOCABULARY, program_name
from gram_jax.serving.snapshot import Snapshot

PLATFORMS = ("cpu", "cuda", "tpu")


def export_snapshot(snapshot: Snapshot, folder: Path, *, platforms: Sequence[str] = ("cpu",),
                    buckets: Buckets | None = None,
                    progress=lambda iterable, description, total: iterable) -> None:
    """Writes the folder, whole or not at all.

    Args:
      snapshot: what to export.
      folder: where to; an earlier export is replaced.
      platforms: what the programs are to run on, of `PLATFORMS`.
      buckets: sizes to compile for; by default those that the snapshot serves with.
      progress: shown over the buckets.

    Raises:
      ConfigError: a platform is unknown.
      InputError: the folder holds something else.
    """
    if unknown := set(platforms) - set(PLATFORMS):
        raise ConfigError(f"no platform is called {', '.join(sorted(unknown))}; there are "
                          f"{', '.join(PLATFORMS)}")
    if folder.exists() and not (folder / FACTS).exists() and (
            not folder.is_dir() or any(folder.iterdir())):
        raise InputError("is there and is no export", path=folder, remedy="name another folder")
    search = snapshot.search
    buckets = buckets or Buckets.within(search.batch_size, search.max_query_length)
    index = device_index(snapshot.index, snapshot.scoring, beam_size=search.beam_size)
    arrays, run = _flat_program(snapshot, index)
    shapes = [(rows, length) for rows in buckets.batch_sizes for length in buckets.query_lengths]
    with atomic_directory(folder) as fresh:
        outputs = {}
        for shape in progress(shapes, "export programs", len(shapes)):
            name = program_name(*shape)
            exported = jax.export.export(jax.jit(run), platforms=platforms)(
                jax.tree.map(_spec, arrays), jax.ShapeDtypeStruct(shape, np.int32))
            (fresh / name).write_bytes(exported.serialize())
            outputs[name] = _shapes(jax.tree.unflatten(exported.out_tree, exported.out_avals))
        np.savez(fresh / ARRAYS, **arrays)
        table = snapshot.index.code_table
        _write_json(fresh / PRODUCTS, table.product_ids)
        _write_json(fresh / CODES, [code.text for code in table.codes])
        (fresh / VOCABULARY).write_bytes(snapshot.vocabulary.model_bytes)
        _write_json(fresh / FACTS, _facts(snapshot, buckets, platforms) | {
            "arrays_digest": digest_files(fresh / ARRAYS),
            "inputs": _shapes(arrays), "outputs": outputs})


def _flat_program(snapshot: Snapshot, index):
    """The arrays by name, and `run(arrays, query_tokens)` which returns arrays by name."""
    paths, tree = jax.tree_util.tree_flatten_with_path(
        {"params": jax.device_get(snapshot.params), "index": index})
    names = [jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in paths]
    settings = RetrieveSettings(
        beam_size=snapshot.search.beam_size, num_products=snapshot.search.num_products,
        head=snapshot.scoring.head, reduce=snapshot.scoring.reduce)
    config = snapshot.config

    def run(arrays: dict[str, jax.Array], query_tokens: jax.Array) -> dict[str, jax.Array]:
        whole = jax.tree.unflatten(tree, [arrays[name] for name in names])
        return _by_name(retrieve(whole["params"], whole["index"], query_tokens, config=config,
                                 settings=settings))

    return {name: np.asarray(array) for name, (_, array) in zip(names, paths)}, run


def _by_name(results: Results) -> dict[str, jax.Array]:
    beams = results.beams
    return {"products": results.products, "scores": results.scores, "codes": results.codes,
            "beam_codes": beams.code_ids, "beam_log_probs": beams.log_probs,
            "beam_tokens": beams.tokens, "beam_token_log_probs": beams.token_log_probs}


def _facts(snapshot: Snapshot, buckets: Buckets, platforms: Sequence[str]) -> dict[str, Any]:
    search, scoring = snapshot.search, snapshot.scoring
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": {name: importlib.metadata.version(name) for name in ("jax", "jaxlib", "numpy")},
        "platforms": list(platforms),
        "digest": snapshot.index.digest,
        "params_digest": snapshot.index.params_digest,
        "vocabulary_digest": snapshot.vocabulary.digest,
        "vocab_size": snapshot.config.vocab_size,
        "batch_sizes": buckets.batch_sizes,
        "query_lengths": buckets.query_lengths,
        "beam_size": search.beam_size,
        "num_products": search.num_products,
        "scoring": {"head": scoring.head, "reduce": scoring.reduce},
    }


def _spec(array: np.ndarray) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(array.shape, array.dtype)


def _shapes(arrays: dict[str, Any]) -> dict[str, str]:
    return {name: f"{array.dtype} {list(array.shape)}" for name, array in arrays.items()}


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
