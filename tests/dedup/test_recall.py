"""Which near-duplicates are found: against exact Jaccard indices, the band formula and datasketch."""

import html
import json
import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from datasketch import MinHash as Sketch
from datasketch import MinHashLSH
from dedup.diaries import diary, replaced
from dedup.parts import carry_out, part

from pipeline.dedup.minhash import MinHash
from pipeline.text.minhash import signatures
from pipeline.text.shingles import jaccard, shingles

Pairs = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
BANDS, ROWS = 14, 8


def indices(texts: list[str], pairs: Pairs) -> npt.NDArray[np.float64]:
    return jaccard(*shingles(pa.array(texts), 8), *pairs)  # type: ignore[no-any-return]


def candidates(texts: list[str], pairs: Pairs) -> npt.NDArray[np.bool_]:
    signed, _ = signatures(pa.array(texts), 8, BANDS * ROWS)
    agree = (signed[pairs[0]] == signed[pairs[1]]).reshape(-1, BANDS, ROWS)
    return agree.all(axis=2).any(axis=1)  # type: ignore[no-any-return]


def datasketch_candidates(texts: list[str], pairs: Pairs) -> npt.NDArray[np.bool_]:
    """What datasketch proposes for the same sets of shingles."""
    starts, hashes = shingles(pa.array(texts), 8)
    index = MinHashLSH(num_perm=BANDS * ROWS, params=(BANDS, ROWS))
    sketches = []
    for number in range(len(texts)):
        sketch = Sketch(num_perm=BANDS * ROWS)
        sketch.update_batch([value.tobytes() for value in hashes[starts[number] : starts[number + 1]]])
        sketches.append(sketch)
        index.insert(number, sketch)
    return np.array([right in index.query(sketches[left]) for left, right in zip(*pairs, strict=True)])


def assert_as_predicted(found: npt.NDArray[np.bool_], index: npt.NDArray[np.float64]) -> None:
    chance = 1 - (1 - index**ROWS) ** BANDS
    assert abs(found.sum() - chance.sum()) <= 4 * np.sqrt(np.sum(chance * (1 - chance))) + 1
    assert found[index >= 0.9].all()


def test_candidates_follow_the_band_formula_as_those_of_datasketch_do() -> None:
    shares = [0.0, 0.003, 0.006, 0.012, 0.02, 0.03, 0.05]
    texts = []
    for seed in range(300):
        text = diary(seed)
        texts += [text, replaced(text, shares[seed % len(shares)], seed)]
    evens = np.arange(0, len(texts), 2)
    pairs = np.concatenate([evens, evens]), np.concatenate([evens + 1, np.roll(evens, 1)])
    index = indices(texts, pairs)
    assert np.sum(index >= 0.9) >= 100
    assert np.sum((index > 0.5) & (index < 0.9)) >= 100
    assert np.sum(index < 0.3) >= 300
    assert_as_predicted(candidates(texts, pairs), index)
    assert_as_predicted(datasketch_candidates(texts, pairs), index)


def page_text(page: bytes, encoding: str) -> str:
    source = page.decode({"iso-2022-jp": "iso2022_jp", "shift_jis": "cp932"}.get(encoding, encoding), "replace")
    return html.unescape(re.sub(r"(?is)<(script|style)\b.*?</\1>|<[^>]+>", "", source))


def aozora(folder: Path) -> dict[str, str]:
    records = map(json.loads, (folder / "docs.jsonl").read_text(encoding="utf-8").splitlines())
    return {record["id"]: re.sub("《.*?》|［＃.*?］|｜", "", record["text"]) for record in records}


def egov(folder: Path) -> dict[str, str]:
    return {path.stem: page_text(path.read_bytes(), "shift_jis") for path in (folder / "pages").glob("*.html")}


def apache(folder: Path) -> dict[str, str]:
    records = list(map(json.loads, (folder / "pairs.jsonl").read_text(encoding="utf-8").splitlines()))
    sides = [
        (record[f"id_{side}"], record[f"file_{side}"], record[f"enc_{side}"]) for record in records for side in "ab"
    ]
    return {name: page_text((folder / file).read_bytes(), encoding) for name, file, encoding in sides}


def chains(texts: list[str]) -> npt.NDArray[np.bool_]:
    """Which pairs of texts are joined by a chain of pairs that reach the threshold."""
    left, right = np.divmod(np.arange(len(texts) ** 2), len(texts))
    linked = (indices(texts, (left, right)) >= 0.7).reshape(len(texts), len(texts))
    for through in range(len(texts)):
        linked |= linked[:, through, np.newaxis] & linked[through]
    return linked


@pytest.mark.data
@pytest.mark.parametrize("load", [aozora, egov, apache])
def test_real_editions_revisions_and_encodings(shared_data: Path, tmp_path: Path, load) -> None:  # type: ignore[no-untyped-def]
    folder = shared_data / f"f_neardup_{load.__name__}"
    texts = load(folder)
    place = {name: number for number, name in enumerate(texts)}
    records = map(json.loads, (folder / "pairs.jsonl").read_text(encoding="utf-8").splitlines())
    measured = [(place[pair["id_a"]], place[pair["id_b"]]) for pair in records]
    pairs = np.array([pair[0] for pair in measured]), np.array([pair[1] for pair in measured])
    index = indices(list(texts.values()), pairs)
    linked = chains(list(texts.values()))

    documents = [(name, text, None) for name, text in texts.items()]
    ((decisions, _),) = carry_out(MinHash(), [part("part", MinHash(), documents)], tmp_path).parts
    names = list(texts)
    cluster = dict(zip(names, names, strict=True)) | {
        names[row["row"] // 2]: row["minhash_cluster_id"] for row in decisions.to_pylist()
    }
    joined = np.array([cluster[names[a]] == cluster[names[b]] for a, b in measured])
    chance = 1 - (1 - index**ROWS) ** BANDS

    assert joined[index >= 0.85].all()
    assert np.sum(joined & (index >= 0.7)) >= np.sum(chance[index >= 0.7]) - 3
    assert not joined[index < 0.6].any()
    assert np.all(linked[pairs[0][joined], pairs[1][joined]])
