"""What is written is every click, title and id of the shop, in the files that the tasks read."""

import numpy as np
import pytest

from gram_jax.baselines.residual_quantization import fit_residual_quantizer
from gram_jax.baselines.semantic_id_examples import (
    TITLES_FILE,
    id_title_examples,
    query_id_examples,
    write_semantic_id_examples,
)
from gram_jax.baselines.semantic_ids import assign_semantic_ids
from gram_jax.codes.examples import product_text, read_code_examples
from gram_jax.core.records import RELEVANT_GRADE
from gram_jax.testing.tiny_catalog import tiny_shop
from gram_jax.text.new_words import sentencepiece_with_words
from gram_jax.text.normal_form import normalize_text
from gram_jax.text.vocabulary import SentencePieceVocabulary, train_vocabulary

SHOP = tiny_shop()


@pytest.fixture(scope="module")
def ids():
    embeddings = np.random.default_rng(0).normal(size=(len(SHOP.products), 4)).astype(np.float32)
    quantizer = fit_residual_quantizer(embeddings, num_levels=2, num_codewords=3, seed=0)
    return assign_semantic_ids(quantizer, embeddings, SHOP.product_ids)


@pytest.fixture(scope="module")
def vocabulary_file(ids, tmp_path_factory):
    path = tmp_path_factory.mktemp("vocabulary") / "vocabulary.model"
    train_vocabulary([product.title for product in SHOP.products] * 3, vocab_size=350, path=path)
    path.write_bytes(sentencepiece_with_words(path.read_bytes(), ids.words))
    return path


@pytest.fixture(scope="module")
def vocabulary(vocabulary_file):
    return SentencePieceVocabulary.load(vocabulary_file)


@pytest.fixture(scope="module")
def folder(ids, vocabulary, tmp_path_factory):
    found = tmp_path_factory.mktemp("examples")
    counts = write_semantic_id_examples(found, SHOP, ids, vocabulary, max_ids_per_query=2,
                                        max_title_tokens=9)
    assert counts == {path.name: len(path.read_text().splitlines()) for path in found.iterdir()}
    return found


def read(folder, name):
    return list(read_code_examples(folder / name))


def test_train_queries_have_the_ids_of_what_was_clicked_most(folder, ids):
    text_of = dict(zip(ids.product_ids, ids.texts))
    found = read(folder, "query_codes.train.jsonl")
    assert [row.example_id for row in found] == [q.query_id for q in SHOP.queries_of("train")]
    for row in found:
        clicks = {click.product_id: click.weight for click in SHOP.clicks
                  if click.query_id == row.example_id}
        best = sorted(clicks, key=lambda name: (-clicks[name], name))[:2]
        assert row.codes == tuple(text_of[name] for name in best)


def test_tune_queries_have_the_ids_of_what_is_relevant(folder, ids):
    product_of = dict(zip(ids.texts, ids.product_ids))
    found = read(folder, "query_codes.tune.jsonl")
    assert len(found) == 2
    for row in found:
        grades = SHOP.qrels("tune")[row.example_id]
        relevant = {name for name, grade in grades.items() if grade >= RELEVANT_GRADE}
        assert {product_of[text] for text in row.codes} == relevant


def test_every_title_has_its_id_and_every_id_as_much_of_its_title_as_fits(
        folder, ids, vocabulary):
    titles, back = read(folder, "product_codes.train.jsonl"), read(folder, TITLES_FILE)
    for product, text, there, again in zip(SHOP.products, ids.texts, titles, back, strict=True):
        assert there.example_id == again.example_id == product.product_id
        assert (there.text, there.codes) == (product_text(product), (text,))
        (title,), whole = again.codes, normalize_text(product.title)
        assert again.text == text and whole.startswith(title)
        assert len(vocabulary.encode([title])[0]) <= 8
        longer = whole.split()[:len(title.split()) + 1]
        assert title == whole or len(vocabulary.encode([" ".join(longer)])[0]) > 8


def test_a_query_without_clicks_and_a_title_without_words_teach_nothing(ids, vocabulary):
    nothing = SHOP.click_table("train").chosen(np.array([0]))
    nothing = type(nothing)(nothing.query_ids, np.zeros(2, np.int64), nothing.products[:0],
                            nothing.weights[:0])
    assert not list(query_id_examples(SHOP.queries_of("train")[:1], nothing, ids))
    blank = [type(product)(product.product_id, " ") for product in SHOP.products]
    assert not list(id_title_examples(blank, ids, vocabulary, max_title_tokens=9))


def test_ids_of_other_products_are_refused(ids, vocabulary, tmp_path):
    other = type(ids)(tuple(f"x{n}" for n in range(len(ids.product_ids))), ids.codewords,
                      ids.suffixes, ids.num_codewords)
    with pytest.raises(ValueError, match="other products"):
        write_semantic_id_examples(tmp_path, SHOP, other, vocabulary)


def test_the_mixture_reads_all_three_and_ids_are_single_tokens(folder, ids, vocabulary,
                                                               vocabulary_file):
    gin = pytest.importorskip("gin")
    pytest.importorskip("seqio", reason="needs the extra 'train'")
    import tasks.mixtures  # noqa: F401  registers what is used here
    from gram_jax.data.iterators import make_batches
    from gram_jax.text.prompts import product_input, query_input

    expected = {(row.example_id, to_input(row.text), code)
                for name, to_input in (("query_codes.train.jsonl", query_input),
                                       ("product_codes.train.jsonl", product_input),
                                       (TITLES_FILE, product_input))
                for row in read(folder, name) for code in row.codes}
    with gin.unlock_config():
        gin.clear_config()
        gin.bind_parameter("code_examples_folder.path", str(folder))
        gin.bind_parameter("vocabulary_file.path", str(vocabulary_file))
    batches = make_batches("semantic_id_of_query_and_product_and_title", batch_size=32, seed=0,
                           task_feature_lengths={"inputs": 48, "targets": 9})
    seen, lengths = set(), set()
    for _, batch in zip(range(8), batches):
        inputs = vocabulary.decode(batch.encoder_input_tokens)
        targets = vocabulary.decode(batch.decoder_target_tokens)
        seen |= set(zip(batch.example_ids, inputs, targets))
        lengths |= {(batch.decoder_target_tokens[row] != 0).sum()
                    for row, target in enumerate(targets) if target in ids.texts}
    gin.clear_config()
    assert seen == expected
    assert lengths <= {3, 4}  # codewords, perhaps a suffix, and EOS
