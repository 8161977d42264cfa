"""The tasks that ship read a workdir's files and spell as search does."""

import gin
import numpy as np
import pytest
import seqio

import tasks.codes
from gram_jax.baselines.ngram_examples import NgramSampling, ngram_examples, title_examples
from gram_jax.codes.examples import write_code_examples
from gram_jax.core.clicks import ClickTable
from gram_jax.core.errors import ArtifactError
from gram_jax.core.records import Click, Product, Query
from gram_jax.data.iterators import make_batches
from gram_jax.text.encoding import encode_codes, encode_inputs
from gram_jax.text.prompts import product_input, query_input

LENGTHS = {"inputs": 12, "targets": 12}
CASES = [("gram_query_to_code", "train", "query_codes", query_input),
         ("gram_query_to_code", "tune", "query_codes", query_input),
         ("gram_product_to_code", "train", "product_codes", product_input)]


@pytest.mark.parametrize(("name", "split", "file", "to_input"), CASES)
@pytest.mark.parametrize("length", [12, 4])
def test_batches_spell_texts_and_codes_as_search_does(
    vocabulary, pairs, name, split, file, to_input, length):
    lengths = {**LENGTHS, "inputs": length}
    stream = make_batches(name, task_feature_lengths=lengths, batch_size=20, seed=0, split=split)
    batch, = stream.one_pass()
    ids, texts, codes = zip(*pairs[f"{file}.{split}"])
    assert batch.example_ids == ids
    inputs = encode_inputs(vocabulary, [to_input(text) for text in texts], length)
    np.testing.assert_array_equal(batch.encoder_input_tokens[: len(ids)], _tight(inputs))
    np.testing.assert_array_equal(
        batch.decoder_target_tokens[: len(ids)], _tight(encode_codes(vocabulary, codes, 12)))


def test_ngrams_that_were_drawn_for_seal_are_learned_as_codes_are(vocabulary, workdir):
    products = [Product("p1", "Nike Air red running shoe"),
                Product("p2", "Stainless-steel kitchen sink, double")]
    queries = [Query("q1", "RED running shoes"), Query("q2", "kitchen  sink")]
    clicks = ClickTable.of_clicks([Click("q1", "p1"), Click("q2", "p2")], ["q1", "q2"],
                                  ["p1", "p2"])
    sampling = NgramSampling(max_tokens=LENGTHS["targets"] - 1)
    titles = [product.title for product in products]
    drawn = {"query": ngram_examples(queries, clicks, titles, vocabulary, sampling),
             "product": title_examples(products, vocabulary, sampling=sampling)}
    for side, examples in drawn.items():
        examples = list(examples)
        write_code_examples(workdir / f"{side}_codes.train.jsonl", examples)
        batch, = make_batches(f"gram_{side}_to_code", task_feature_lengths=LENGTHS, batch_size=20,
                              seed=0).one_pass()
        ids = [example.example_id for example in examples for _ in example.codes]
        assert batch.example_ids[:len(ids)] == tuple(ids) and len(ids) in (6, 20)
        codes = [code for example in examples for code in example.codes]
        np.testing.assert_array_equal(batch.decoder_target_tokens[:len(ids)],
                                      _tight(encode_codes(vocabulary, codes, 12)))


def _tight(rows: np.ndarray) -> np.ndarray:
    """Without the columns that no row needs."""
    return rows[:, : (rows != 0).sum(axis=1).max()]


@pytest.mark.parametrize(("name", "split", "file", "to_input"), CASES)
def test_seqio_s_own_reader_gives_the_same_examples(
    vocabulary, pairs, name, split, file, to_input):
    dataset = seqio.get_dataset(
        name, LENGTHS, seqio.EncDecFeatureConverter(pack=False), dataset_split=split)
    rows = [row["encoder_input_tokens"] for row in dataset.as_numpy_iterator()]
    texts = [to_input(text) for _, text, _ in pairs[f"{file}.{split}"]]
    np.testing.assert_array_equal(rows, encode_inputs(vocabulary, texts, LENGTHS["inputs"]))


def test_files_are_read_when_a_task_is_used(workdir):
    (workdir / "product_codes.train.jsonl").unlink()
    make_batches("gram_query_to_code", task_feature_lengths=LENGTHS, batch_size=2, seed=0)
    with pytest.raises(ArtifactError, match=r"product_codes\.train\.jsonl is missing"):
        make_batches("gram_product_to_code", task_feature_lengths=LENGTHS, batch_size=2, seed=0)


def test_a_folder_that_is_not_bound_is_named():
    gin.clear_config()
    with pytest.raises(RuntimeError, match="code_examples_folder"):
        seqio.TaskRegistry.get("gram_query_to_code").get_dataset()


def test_the_tasks_measure_the_share_of_gold_codes():
    task = seqio.TaskRegistry.get("gram_query_to_code")
    assert [fn.__name__ for fn in task.predict_metric_fns] == ["gold_code_share"]
    assert task.output_features["targets"].vocabulary == tasks.codes.VOCABULARY
