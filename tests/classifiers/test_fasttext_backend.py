"""fastText: same bytes twice, expected levels, and texts that try to break its line format."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.backends.fasttext_backend import FastText
from classifiers.errors import ClassifierError

GOOD = [
    "光合成とは、植物が光のエネルギーを使って水と二酸化炭素から糖を作る働きである。",
    "江戸時代の寺子屋では、読み書きとそろばんが教えられていた。",
    "気圧が下がると水の沸点も下がるため、山の上では米がうまく炊けない。",
    "俳句は五・七・五の十七音からなる定型詩で、季語を含むのが原則である。",
]
BAD = [
    "今だけ！！激安セール開催中♪クリックして無料登録☆送料無料",
    "在庫処分！ポイント10倍！！今すぐ購入はこちら↓↓↓",
    "【公式】誰でも簡単に月収100万円！LINE登録で無料プレゼント♪",
    "人気ランキング 1位 2位 3位 もっと見る ログイン 新規登録",
]
TEXTS = pa.array([text + suffix for suffix in ("", "\nそれはよく知られている。", "続く") for text in GOOD + BAD])
LEVELS = np.tile(np.array([4, 5, 3, 4, 1, 0, 1, 0], np.float32), 3)[:, None]
WEIGHTS = np.ones(len(TEXTS))
SMALL = {"buckets": 2000, "dimensions": 8, "epochs": 30, "least": 1}


def trained(options: dict[str, object] | None = None, targets: np.ndarray = LEVELS) -> FastText:
    return FastText.fit(TEXTS, targets, WEIGHTS, SMALL | (options or {}))


@pytest.fixture(scope="module")
def model() -> FastText:
    return trained()


def saved(model: FastText, folder: Path) -> dict[str, bytes]:
    folder.mkdir()
    model.save(folder)
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


@pytest.mark.parametrize("options", [{}, {"tokens": "words"}, {"quantise": True}], ids=str)
def test_training_twice_gives_the_same_bytes(options: dict[str, object], tmp_path: Path) -> None:
    assert saved(trained(options), tmp_path / "one") == saved(trained(options), tmp_path / "two")


def test_raw_scores_are_expected_levels_that_follow_the_labels(model: FastText) -> None:
    raw = model.raw(TEXTS)
    assert raw.shape == (len(TEXTS), 1)
    assert raw.dtype == np.float32
    assert raw.min() >= 0.5 - 1e-6  # the mean level of the lowest class, levels 0 and 1
    assert raw.max() <= 4.5
    assert raw[LEVELS >= 3].min() > raw[LEVELS < 3].max()
    assert len(np.unique(raw)) > 4


def test_a_saved_model_scores_as_before(model: FastText, tmp_path: Path) -> None:
    saved(model, tmp_path / "model")
    np.testing.assert_array_equal(FastText.load(tmp_path / "model").raw(TEXTS), model.raw(TEXTS))


def test_each_head_learns_from_the_documents_that_say_something_about_it() -> None:
    toxic = (LEVELS < 3).astype(np.float32)
    unsaid = toxic.copy()
    unsaid[8:] = np.nan
    raw = trained(targets=np.hstack([toxic, 1 - toxic, unsaid])).raw(TEXTS)
    np.testing.assert_allclose(raw[:, 0], 1 - raw[:, 1], atol=0.2)
    assert raw[toxic[:, 0] == 1, 2].min() > raw[toxic[:, 0] == 0, 2].max()


def test_a_document_weighs_as_many_as_it_says() -> None:
    targets = np.tile(np.array([[1], [0]], np.float32), (12, 1))
    same = pa.array(["全く同じ文章です。"] * 24)
    raw = [
        FastText.fit(same, targets, np.where(targets[:, 0] == 1, weight, 1.0), SMALL).raw(same)[0, 0]
        for weight in (1.0, 3.0)
    ]
    assert raw == pytest.approx([0.5, 0.75], abs=0.08)


def test_line_ends_and_white_space_only_part_tokens(model: FastText) -> None:
    spaced = pa.array([text.as_py().replace("、", "、\r\n\u3000\x0b\x85\u2028 ") for text in TEXTS])
    np.testing.assert_array_equal(model.raw(spaced), model.raw(TEXTS))


@pytest.mark.parametrize("tokens", ["characters", "words"])
def test_a_text_cannot_give_itself_a_label_or_end_its_line(tokens: str) -> None:
    """A label in a text would be a second class of the example, and the file's first unseen one a class of its own."""
    tricks = pa.array(["\u30000 __label__0 \u30009 </s> " + text.as_py() for text in TEXTS])
    model = FastText.fit(tricks, LEVELS, WEIGHTS, SMALL | {"tokens": tokens})
    raw = model.raw(tricks)
    assert raw[LEVELS >= 3].min() > raw[LEVELS < 3].max()


@settings(max_examples=50, deadline=None)
@given(text=st.text())
def test_any_text_is_scored_by_itself(model: FastText, text: str) -> None:
    alone = text.encode("utf-8", "replace").decode()
    raw = model.raw(pa.array([GOOD[0], alone, None, ""], pa.string()))
    assert np.isfinite(raw).all()
    np.testing.assert_array_equal(raw[[0, 2]], model.raw(pa.array([GOOD[0], ""])))
    np.testing.assert_array_equal(raw[1:2], model.raw(pa.array([alone])))


def test_characters_behind_the_limit_are_not_read() -> None:
    model = trained({"characters": 20})
    longer = pa.array([text.as_py()[:20] + "、まだまだ続きます" for text in TEXTS])
    np.testing.assert_array_equal(model.raw(longer), model.raw(TEXTS))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epoch": 3}, "unknown option `epoch`; did you mean `epochs`"),
        ({"classes": [2.5, 1.5]}, "each larger than the one before"),
        ({"tokens": "kana"}, "option `tokens`"),
    ],
)
def test_options_that_do_not_fit_are_named(options: dict[str, object], message: str) -> None:
    with pytest.raises(ClassifierError, match=message):
        trained(options)


def test_other_content_is_refused(model: FastText, tmp_path: Path) -> None:
    saved(model, tmp_path / "model")
    (tmp_path / "model" / "fasttext-0.bin").write_bytes(b"not a model")
    with pytest.raises(ClassifierError, match="not a fastText model"):
        FastText.load(tmp_path / "model")
    with pytest.raises(ClassifierError, match="not a fastText model"):
        FastText.load(tmp_path)
