import hashlib
import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy import sparse
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.pipeline import make_pipeline

from classifiers.features import vectors as features
from classifiers.features.statistics import STATISTICS, statistics
from classifiers.features.vectors import FEATURE_VERSION, Features, View, edges, matrix, scores
from classifiers.features.views import first, views

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60) | st.lists(
    st.sampled_from([*"吾輩は猫である。ー名前アカ1aé𠮷😀\n ", "http://a.jp"]), max_size=60
).map("".join)
VIEWS = st.builds(
    lambda of, least, more, bits, frequency: View(
        of=of, ngrams=(least, least + more), bits=bits, frequency=frequency, scale=0.5
    ),
    st.sampled_from(["characters", "outline", "words"]),
    st.integers(1, 4),
    st.integers(0, 3),
    st.sampled_from([3, 10, 18]),
    st.sampled_from(["count", "log", "binary"]),
)
LONG = "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。" * 90
COUNTED_OFTEN = "あ" * 400


def by_sklearn(texts: pa.Array, view: View) -> sparse.csr_matrix:
    """The library's own way to the same columns."""
    units = {"tokenizer": str.split, "token_pattern": None} if view.of == "words" else {"analyzer": "char"}
    hashing = HashingVectorizer(
        ngram_range=view.ngrams,
        n_features=1 << view.bits,
        alternate_sign=False,
        lowercase=False,
        norm=None,
        binary=view.frequency == "binary",
        **units,
    )
    tf = TfidfTransformer(use_idf=False, sublinear_tf=view.frequency == "log")
    (shown,) = views(texts, (view.of,))
    return make_pipeline(hashing, tf).fit_transform(shown.to_pylist()) * view.scale


def no_edges(of: Features):
    return edges(pa.array(["文"]), of)


def difference(one: sparse.csr_matrix, other: sparse.csr_matrix) -> float:
    assert one.shape == other.shape
    return abs(one - other).max() if one.nnz or other.nnz else 0.0


@settings(deadline=None, max_examples=100)
@given(st.lists(st.none() | TEXT, max_size=3), VIEWS)
@example([LONG, "", None, COUNTED_OFTEN], View(ngrams=(1, 3), scale=0.5))
@example([LONG, COUNTED_OFTEN], View(ngrams=(2, 16), frequency="log", bits=10))
@example([LONG, COUNTED_OFTEN], View(of="words", ngrams=(1, 3), frequency="count"))
def test_columns_are_those_of_the_hashing_vectorizer(texts, view):
    column = pa.array(texts, pa.string())
    of = Features(characters=None, views=(view,))
    found = matrix(column, of, no_edges(of))
    if texts:
        assert difference(found, by_sklearn(column.fill_null(""), view)) < 1e-12
    weights = np.random.default_rng(0).normal(size=(of.columns, 3)).astype(np.float32)
    np.testing.assert_allclose(scores(column, of, no_edges(of), weights), found @ weights, atol=1e-9)


@pytest.mark.data
def test_real_documents_have_the_scores_of_the_hashing_vectorizer(shared_data):
    with (shared_data / "annotations" / "quality.jsonl").open(encoding="utf-8") as lines:
        texts = pa.array([json.loads(line)["text"] for _, line in zip(range(300), lines, strict=False)])
    of = Features(views=(View(), View(of="outline", ngrams=(2, 6), frequency="log")), statistics=("kanji", "lines"))
    cuts = edges(texts, of)
    weights = np.random.default_rng(0).normal(size=(of.columns, 2)).astype(np.float32)
    peer = [by_sklearn(first(texts, 1000), view) for view in of.views]
    binned = matrix(texts, of, cuts)[:, of.first_bin :]
    np.testing.assert_allclose(scores(texts, of, cuts, weights), sparse.hstack([*peer, binned]) @ weights, atol=1e-5)


def test_scores_do_not_depend_on_neighbours(monkeypatch):
    monkeypatch.setattr(features, "ROWS", 2)
    texts = pa.array(["猫が好きだ。", None, LONG, "犬も好きだ。", ""])
    of = Features(views=(View(frequency="log"), View(of="words", bits=10)), statistics=("kanji",), bins=3)
    cuts = edges(texts, of)
    weights = np.random.default_rng(0).normal(size=(of.columns, 1)).astype(np.float32)
    alone = [scores(texts.slice(row, 1), of, cuts, weights)[0] for row in range(len(texts))]
    np.testing.assert_array_equal(scores(texts, of, cuts, weights), alone)


def test_only_the_first_characters_are_looked_at():
    of = Features(characters=4, views=(View(bits=12),), statistics=("characters",), bins=4)
    texts = pa.array(["猫が好き", "猫が好きだと言った。"])
    cuts = edges(pa.array(["一", "二つ", "三つ目", "四つ目だ"]), of)
    one, other = matrix(texts, of, cuts).toarray()
    np.testing.assert_array_equal(one, other)


def test_each_statistic_falls_into_one_bin_of_as_many_training_texts():
    texts = pa.array(["あ" * count + "漢" * (100 - count) for count in range(100)])
    of = Features(views=(), statistics=("hiragana", "kanji"), bins=5, statistics_scale=2.0)
    found = matrix(texts, of, edges(texts, of)).toarray()
    np.testing.assert_array_equal((found > 0).sum(axis=0), [20] * 10)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 2.0)


def test_statistics_say_what_their_names_say():
    names = ("characters", "hiragana", "katakana", "kanji", "letters", "digits", "punctuation", "symbols")
    text = "東京タワーは333mである。\n☆見た。"
    (found,) = statistics(pa.array([text]), names)
    np.testing.assert_allclose(found, [19, 5 / 18, 3 / 18, 3 / 18, 1 / 18, 3 / 18, 2 / 18, 1 / 18])
    (forms,) = statistics(pa.array([text]), ("lines", "longest_line", "sentences", "ended_characters"))
    assert forms.tolist() == [2, 14, 2, 1.0]


def test_a_text_of_nothing_has_all_statistics():
    assert np.isfinite(statistics(pa.array(["", None, "\n"]), tuple(STATISTICS))).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"statistics": ["kanzi"]}, "no statistic `kanzi`; did you mean `kanji`?"),
        ({"views": [{"ngrams": [3, 1]}]}, r"ngrams \[3, 1\] are no range within 1 to 16"),
        ({"views": [{"ngrams": [0, 2]}]}, r"ngrams \[0, 2\]"),
        ({"views": [{"of": "letters"}]}, "'characters', 'outline' or 'words'"),
    ],
)
def test_options_that_mean_nothing_are_refused(options, message):
    with pytest.raises(ValidationError, match=message):
        Features.model_validate(options)


def test_texts_keep_their_features_as_long_as_the_version_stays():
    texts = pa.array(["吾輩は猫である。ｶﾞｯﾃﾝ!", "第１２回　すごーい　https://a.jp/1 を参照\n\n😀𠮷", LONG])
    of = Features(
        views=(View(bits=16, frequency="log"), View(of="outline", ngrams=(2, 6), bits=16)), statistics=tuple(STATISTICS)
    )
    found = matrix(texts, of, edges(texts, of))
    digest = hashlib.sha256(found.indices.astype(np.int64).tobytes() + np.round(found.data * 2**20).tobytes())
    assert (FEATURE_VERSION, digest.hexdigest()[:16]) == (1, "770a4ea19a65446d")
