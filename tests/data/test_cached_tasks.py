"""A task that `seqio_cache_tasks` has cached gives the same examples, without its source."""

import os
import subprocess
import sys

import numpy as np
import pytest
import seqio

from gram_jax.data.token_store import read_task

TASK = '''
import os
import seqio
import tensorflow as tf

def rows(split, shuffle_files, seed=None):
    if "SOURCE_IS_GONE" in os.environ:
        raise RuntimeError("the source was read")
    return tf.data.Dataset.from_tensor_slices({
        "example_id": [f"{split}{number}" for number in range(20)],
        "inputs": [f"a query {number}" for number in range(20)],
        "targets": [f"code {number % 3}" for number in range(20)]})

FEATURES = {key: seqio.Feature(seqio.ByteVocabulary()) for key in ("inputs", "targets")}
seqio.TaskRegistry.add(
    "cached_codes", source=seqio.FunctionDataSource(rows, splits=["train"]),
    preprocessors=[seqio.preprocessors.tokenize, seqio.CacheDatasetPlaceholder(),
                   seqio.preprocessors.append_eos],
    output_features=FEATURES)
'''
LENGTHS = {"inputs": 32, "targets": 16}


def examples(store) -> dict[str, tuple]:
    rows = np.arange(len(store))
    sides = [side.padded(rows, 32).tolist() for side in (store.inputs, store.targets)]
    return {name: (tuple(one), tuple(other))
            for name, one, other in zip(store.example_ids, *sides)}


def test_the_cache_holds_the_same_examples_and_is_read_in_their_source_s_place(
        tmp_path, monkeypatch):
    for name in ("apache_beam", "google_crc32c"):
        pytest.importorskip(name, reason="caching needs the extra 'beam'")
    (tmp_path / "own_tasks.py").write_text(TASK)
    monkeypatch.syspath_prepend(tmp_path)
    __import__("own_tasks")
    task = seqio.TaskRegistry.get("cached_codes")
    live = examples(read_task(task, "train", LENGTHS))
    assert len(live) == 20

    subprocess.run(
        [sys.executable, "-m", "seqio.scripts.cache_tasks_main", "--tasks=cached_codes",
         "--module_import=own_tasks", f"--output_cache_dir={tmp_path / 'cache'}",
         "--min_shards=2"], check=True, capture_output=True,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"})
    monkeypatch.setenv("SOURCE_IS_GONE", "1")
    before = seqio.utils.get_global_cache_dirs()
    seqio.set_global_cache_dirs([str(tmp_path / "cache")])
    try:
        assert examples(read_task(task, "train", LENGTHS)) == live
    finally:
        seqio.set_global_cache_dirs(before)
        seqio.TaskRegistry.remove("cached_codes")
