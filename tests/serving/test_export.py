"""Exported programs answer as the snapshot does, in a process that never sees the model."""

import json
import subprocess
import sys

import jax
import numpy as np
import pytest

from gram_jax.core.errors import ArtifactError, ConfigError, InputError
from gram_jax.core.records import Query
from gram_jax.retrieval.query_beams import query_rows
from gram_jax.serving.export import export_snapshot
from gram_jax.serving.exported import ARRAYS, FACTS, ExportedRetriever

TEXTS = ("red running shoe", "lamp", "")
_PROGRAM = """
import json, sys
from pathlib import Path
import numpy as np
from gram_jax.serving.exported import ExportedRetriever
retriever = ExportedRetriever(Path(sys.argv[1]))
found = retriever.retrieve(np.array(json.loads(sys.argv[2]), np.int32), k=5)
loaded = [name for name in sys.modules if name.startswith(("gram_jax.nn", "gram_jax.models",
          "gram_jax.decoding", "gram_jax.trie", "flax"))]
print(json.dumps({"loaded": loaded, "scores": found["scores"].tolist(),
    "products": [[retriever.product_ids[i] for i in row if i >= 0] for row in found["products"]],
    "codes": [[retriever.codes[i] for i in row if i >= 0] for row in found["beam_codes"]],
    "log_probs": found["beam_log_probs"].tolist()}))
"""


@pytest.fixture(scope="module")
def folder(snapshot, tmp_path_factory):
    folder = tmp_path_factory.mktemp("export") / "programs"
    export_snapshot(snapshot, folder)
    return folder


def rows_of(snapshot, texts):
    queries = [Query(str(place), text) for place, text in enumerate(texts)]
    return queries, query_rows(snapshot.vocabulary, queries, snapshot.search.max_query_length)


def test_another_process_answers_alike_without_the_source_of_the_model(snapshot, folder):
    queries, rows = rows_of(snapshot, TEXTS[:2])
    done = subprocess.run([sys.executable, "-c", _PROGRAM, str(folder), json.dumps(rows.tolist())],
                          check=True, capture_output=True, text=True)
    found = json.loads(done.stdout)
    assert found["loaded"] == []
    for place, (beams, ranked) in enumerate(snapshot.retriever.answers(queries, k=5)):
        assert tuple(found["products"][place]) == ranked.product_ids and ranked.product_ids
        assert tuple(found["codes"][place]) == beams.codes
        np.testing.assert_allclose(found["scores"][place][:len(ranked.scores)], ranked.scores,
                                   rtol=1e-5)
        np.testing.assert_allclose(found["log_probs"][place][:len(beams.codes)], beams.log_probs,
                                   rtol=1e-5)


def test_what_it_is_stands_beside_it(snapshot, folder):
    facts = json.loads((folder / FACTS).read_text())
    assert facts["digest"] == snapshot.index.digest
    assert facts["versions"]["jax"] == jax.__version__ and facts["date"].endswith("+00:00")
    assert facts["inputs"]["index/posting_products"].startswith("int32")
    assert len(facts["outputs"]) == 2
    assert facts["outputs"]["retrieve_2x8.jaxprogram"]["scores"] == "float32 [2, 300]"
    assert (folder / "vocabulary.model").read_bytes() == snapshot.vocabulary.model_bytes


def test_a_query_without_text_finds_nothing(snapshot, folder):
    _, rows = rows_of(snapshot, TEXTS[2:])
    found = ExportedRetriever(folder).retrieve(rows)
    assert (found["products"] == -1).all() and (found["beam_codes"] == -1).all()


def test_what_the_programs_cannot_do_is_refused(folder):
    retriever = ExportedRetriever(folder)
    for rows, match in ((np.ones((3, 2), np.int32), "3 queries"),
                        (np.ones((1, 9), np.int32), "9 tokens")):
        with pytest.raises(ConfigError, match=match):
            retriever.retrieve(rows)
    with pytest.raises(ConfigError, match="1 to 300"):
        retriever.retrieve(np.ones((1, 2), np.int32), k=301)
    with pytest.raises(InputError, match="token -1"):
        retriever.retrieve(np.full((1, 2), -1))


def test_a_damaged_export_is_refused(snapshot, tmp_path):
    folder = tmp_path / "programs"
    export_snapshot(snapshot, folder)
    (folder / "retrieve_1x8.jaxprogram").write_bytes(b"nothing")
    with pytest.raises(ArtifactError, match="cannot be loaded"):
        ExportedRetriever(folder).retrieve(np.ones((1, 2), np.int32))
    with np.load(folder / ARRAYS) as arrays:
        arrays = dict(arrays)
    arrays["index/posting_costs"] = arrays["index/posting_costs"] + 1
    np.savez(folder / ARRAYS, **arrays)
    with pytest.raises(ArtifactError, match="not what was exported"):
        ExportedRetriever(folder)
    with pytest.raises(ArtifactError, match="no whole export"):
        ExportedRetriever(tmp_path)


def test_a_folder_of_something_else_is_not_replaced(snapshot, tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match="is no export"):
        export_snapshot(snapshot, tmp_path)
    with pytest.raises(ConfigError, match="gpu9"):
        export_snapshot(snapshot, tmp_path / "new", platforms=("cpu", "gpu9"))


def test_one_export_may_serve_several_platforms(snapshot, tmp_path):
    export_snapshot(snapshot, tmp_path / "programs", platforms=("cpu", "tpu"))
    _, rows = rows_of(snapshot, TEXTS[:1])
    assert (ExportedRetriever(tmp_path / "programs").retrieve(rows)["products"] >= 0).any()
