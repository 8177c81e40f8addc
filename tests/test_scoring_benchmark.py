"""That the benchmark of scoring measures what it says, on tiny input."""

import pyarrow as pa
import pytest

from benchmarks import scoring
from benchmarks.documents import Documents

SENTENCES = (
    "朝の市場では、漁師たちが獲れたばかりの魚を並べていた。",
    "図書館の古い時計は、毎日きっかり三分だけ遅れて鳴る。",
    "新製品発売中！全国送料無料！会員登録受付中！",
    "駅前の喫茶店で、彼女は三年ぶりに友人からの手紙を開いた。",
    "東京都千代田区霞が関一丁目二番地 電話番号案内",
)
TEXTS = ["".join(SENTENCES[first:last]) for last in range(1, 6) for first in range(last)]


@pytest.fixture
def tiny() -> Documents:
    return Documents(pa.RecordBatch.from_pydict({"text": TEXTS}))


def test_ours_stands_beside_both_peers_and_every_variant_is_measured(tiny):
    rows, _ = scoring.measure(tiny)
    beside = [row for row in rows if row.peer is not None]
    assert len(beside) == 2
    assert {row.name for row in rows} >= set(scoring.VARIANTS)
    assert all(row.ours > 0 for row in rows)


def test_scores_that_are_not_those_of_the_library_stop_it(tiny, monkeypatch):
    monkeypatch.setattr(scoring, "PLAIN", scoring.VARIANTS["the same, each n-gram counted once"])
    with pytest.raises(AssertionError, match="tolerance"):
        next(scoring.peer_rows(tiny))
