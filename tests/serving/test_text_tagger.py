"""Any text passes through the tagger; what comes out lies in the text and depends on it alone."""

import dataclasses
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gram_jax.core.errors import ArtifactError, ConfigError
from gram_jax.serving.text_tagger import TextTagger
from gram_jax.testing.tiny_tagger import tiny_tagger

STRANGE = ["", " \t\u2003", "a", "\u05e0\u05e2\u05dc \u05d0\u05d3\u05d5\u05dd, 42",
           "\u0646\u0639\u0644 \u0623\u062d\u0645\u0631", "\u8d64\u3044\u9774",
           "\U0001f45f\u200d\U0001f525 \U0001f1e9\U0001f1ea", "e\u0301\u0301 \u0301",
           "\x00\x07\ufeff", "word " * 2000, "x" * 10000, "1-1/2 in. x 3/4\" (2-pack)"]


@pytest.fixture(scope="module")
def tagger():
    return tiny_tagger()


def check(text, spans):
    end = 0
    for span in spans:
        assert end <= span.start < span.end <= len(text)
        assert text[span.start:span.end].strip() == text[span.start:span.end] != ""
        assert 0 < span.probability <= 1
        end = span.end


def test_strange_texts_pass_through_together_and_alone(tagger):
    together = tagger.tag(STRANGE)
    for text, spans in zip(STRANGE, together, strict=True):
        check(text, spans)
    for number in (0, 3, 6, 11):
        [alone] = tagger.tag([STRANGE[number]])
        assert [span.attribute for span in alone] == [
            span.attribute for span in together[number]], "company changes nothing"
    assert any(together)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=60), max_size=5))
def test_any_text_passes_through(tagger, texts):
    for text, spans in zip(texts, tagger.tag(texts), strict=True):
        check(text, spans)


def test_a_saved_tagger_tags_alike(tagger, tmp_path):
    tagger.save(tmp_path)
    assert TextTagger.load(tmp_path).tag(STRANGE) == tagger.tag(STRANGE)


def test_a_damaged_tagger_is_refused(tagger, tmp_path):
    tagger.save(tmp_path)
    (tmp_path / "known_values.json").write_text("[]")
    with pytest.raises(ArtifactError, match="known values"):
        TextTagger.load(tmp_path)
    (tmp_path / "tagger.json").write_text(json.dumps({"d_model": 1}))
    with pytest.raises(ArtifactError, match="run the tagger stage again"):
        TextTagger.load(tmp_path)


def test_a_network_for_other_types_is_refused(tagger):
    other = dataclasses.replace(tagger.config, num_tags=5)
    with pytest.raises(ConfigError, match="5 tags"):
        TextTagger(other, {}, tagger.schema, tagger._features.known)
