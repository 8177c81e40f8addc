import json
import pickle

import numpy as np
import pyarrow as pa
import pytest

from classifiers.backends.linear import SETTINGS, WEIGHTS, Linear
from classifiers.errors import ClassifierError

GOOD = [
    "光合成は、植物が光のエネルギーを使って水と二酸化炭素から有機物を作る反応である。",
    "この論文では、江戸時代の農村における人口の変化を、宗門人別帳をもとに検討する。",
    "気温が下がると空気中の水蒸気は水滴になり、雲や霧として見えるようになる。",
]
BAD = [
    "今すぐ登録！ポイント10倍！送料無料！人気ランキング1位のサプリはこちら→",
    "ホーム｜会社概要｜お問い合わせ｜サイトマップ｜プライバシーポリシー",
    "ｗｗｗｗまじかよ、やばすぎワロタｗｗｗ",
]
TEXTS = pa.array([f"{text}その{number}。" for number in range(8) for text in GOOD + BAD])
TARGETS = np.tile(np.array([[1], [1], [1], [0], [0], [0]], np.float32), (8, 1))
WEIGHTS_OF_TEXTS = np.ones(len(TEXTS))
OPTIONS = {
    "features": {"views": [{"bits": 12}, {"of": "outline", "ngrams": [2, 4], "bits": 12}], "statistics": ["kanji"]},
    "alpha": 0.1,
}


def fit(targets=TARGETS, texts=TEXTS, weights=WEIGHTS_OF_TEXTS, **options) -> Linear:
    return Linear.fit(texts, targets, weights, OPTIONS | options)


@pytest.fixture
def folder(tmp_path):
    fit().save(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("loss", "middle"), [("squared", 0.5), ("logistic", 0.0)])
def test_new_texts_of_both_kinds_are_told_apart(loss, middle):
    new = pa.array(
        [
            "地震は、地下の岩盤が急にずれることで起こる現象である。",
            "送料無料！ポイント5倍！人気ランキングのサプリを今すぐ登録！",
        ]
    )
    good, bad = fit(loss=loss).raw(new)[:, 0]
    assert good > middle > bad


def test_a_null_and_an_empty_text_have_the_same_finite_score():
    null, empty = fit().raw(pa.array([None, ""], pa.string()))
    assert null == empty
    assert np.isfinite(null).all()


def test_a_head_learns_from_the_texts_that_say_something_of_it():
    halves = np.hstack([TARGETS, np.where(np.arange(len(TEXTS))[:, None] < 24, 1 - TARGETS, np.nan)])
    both = fit(halves.astype(np.float32)).raw(TEXTS)
    alone = fit(
        (1 - TARGETS)[:24], TEXTS.slice(0, 24), WEIGHTS_OF_TEXTS[:24], features=OPTIONS["features"] | {"statistics": []}
    )
    unbinned = fit(halves.astype(np.float32), features=OPTIONS["features"] | {"statistics": []}).raw(TEXTS)
    np.testing.assert_array_equal(both[:, 0], fit().raw(TEXTS)[:, 0])
    np.testing.assert_array_equal(unbinned[:, 1], alone.raw(TEXTS)[:, 0])


def test_a_text_of_weight_nothing_teaches_nothing():
    noise = np.vstack([TARGETS, [[1]] * 3]).astype(np.float32)
    texts = pa.array([*TEXTS.to_pylist(), *BAD])
    plain = {"features": OPTIONS["features"] | {"statistics": []}}
    found = fit(noise, texts, np.append(WEIGHTS_OF_TEXTS, [0] * 3), **plain).raw(TEXTS)
    np.testing.assert_allclose(found, fit(**plain).raw(TEXTS), atol=1e-3)


@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_training_twice_gives_the_same_bytes(tmp_path, loss):
    for name in ("once", "twice"):
        (tmp_path / name).mkdir()
        fit(loss=loss).save(tmp_path / name)
    for file in (WEIGHTS, SETTINGS):
        assert (tmp_path / "once" / file).read_bytes() == (tmp_path / "twice" / file).read_bytes()


def test_a_saved_model_scores_the_same(folder):
    np.testing.assert_array_equal(Linear.load(folder).raw(TEXTS), fit().raw(TEXTS))


def test_a_saved_model_can_be_saved_again(folder, tmp_path):
    again = tmp_path / "again"
    again.mkdir()
    Linear.load(folder).save(again)
    assert (again / SETTINGS).read_bytes() == (folder / SETTINGS).read_bytes()
    assert (again / WEIGHTS).read_bytes() == (folder / WEIGHTS).read_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"feature_version": 0}, "made for version 0 of the features.*train the model again"),
        ({"feature_version": None}, "version None"),
        ({"edges": []}, "edges do not fit the statistics"),
        ({"scales": []}, "scales"),
        ({"intercepts": ["nan"]}, "intercepts"),
        ({"intercepts": [0.0, 0.0]}, "1 scales, 2 intercepts"),
        ({"scales": [1.0, 1.0], "intercepts": [0.0, 0.0]}, "not int16 of"),
        ({"optoins": {}}, "did you mean `options`"),
    ],
)
def test_changed_settings_are_refused(folder, change, message):
    path = folder / SETTINGS
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | change), "utf-8")
    with pytest.raises(ClassifierError, match=message):
        Linear.load(folder)


@pytest.mark.parametrize("content", ["", "[]", "{", "null"])
def test_other_settings_are_refused(folder, content):
    (folder / SETTINGS).write_text(content, "utf-8")
    with pytest.raises(ClassifierError, match=SETTINGS):
        Linear.load(folder)


def shorter(weights):
    return weights[:-1]


def wider(weights):
    return weights.astype(np.float64)


@pytest.mark.parametrize("change", [shorter, wider])
def test_changed_weights_are_refused(folder, change):
    np.save(folder / WEIGHTS, change(np.load(folder / WEIGHTS)))
    with pytest.raises(ClassifierError, match=WEIGHTS):
        Linear.load(folder)


class Payload:
    """Would set off the test if it were ever unpickled."""

    def __reduce__(self):
        return pytest.fail, ("unpickled",)


def test_a_pickle_is_never_opened(folder):
    (folder / WEIGHTS).write_bytes(pickle.dumps(Payload()))
    with pytest.raises(ClassifierError, match=WEIGHTS):
        Linear.load(folder)
    np.save(folder / WEIGHTS, np.array([[Payload()]], object), allow_pickle=True)
    with pytest.raises(ClassifierError, match=WEIGHTS):
        Linear.load(folder)


def test_a_missing_file_is_named(folder):
    (folder / WEIGHTS).unlink()
    with pytest.raises(ClassifierError, match=WEIGHTS):
        Linear.load(folder)


@pytest.mark.parametrize(
    ("targets", "options", "message"),
    [
        (np.ones_like(TARGETS), {}, "all the same"),
        (np.full_like(TARGETS, np.nan), {}, "all the same"),
        (TARGETS * 5, {"loss": "logistic"}, "needs targets of 0 and of 1"),
        (TARGETS, {"alpah": 1}, "did you mean `alpha`"),
        (TARGETS, {"alpha": 0}, "alpha"),
        (TARGETS, {"features": {"views": [{"bit": 3}]}}, "did you mean `bits`"),
    ],
)
def test_what_cannot_be_learnt_is_said(targets, options, message):
    with pytest.raises(ClassifierError, match=message):
        fit(targets, **options)


def test_no_documents_teach_nothing():
    with pytest.raises(ClassifierError, match="no documents"):
        fit(TARGETS[:0], TEXTS.slice(0, 0), WEIGHTS_OF_TEXTS[:0])
