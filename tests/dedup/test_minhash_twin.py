"""MinHash against a plain twin of the whole algorithm, however the work is divided."""

import tempfile
from pathlib import Path

import pyarrow as pa
import pytest
from dedup.parts import carry_out, part
from dedup.twins import pairs_twin
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.dedup.minhash import MinHash
from pipeline.text.minhash import signatures
from pipeline.text.shingles import shingles

SENTENCES = ["駅で友と会う", "海は広い", "猫が三匹いる", "雨の朝に本を読む", "山", "また明日来よう", "赤い実を拾った"]
TEXTS = st.lists(st.sampled_from(SENTENCES), max_size=5).map("".join)
PARTS = st.lists(st.lists(st.none() | TEXTS, max_size=8), max_size=6)
OPTIONS = st.fixed_dictionaries(
    {
        "threshold": st.sampled_from([0.0, 0.4, 0.7, 1.0]),
        "doubtful": st.sampled_from([0.0, 0.2, 1.0]),
        "verify": st.sampled_from(["estimate", "doubtful", "all"]),
    }
)
LAYOUT = {"ngram": 2, "permutations": 24, "bands": 8, "rows": 2}
MANY = settings(deadline=None, max_examples=60)

Clusters = dict[str, str]
"""Id of each document that has copies -> that of the first of them."""


def similarity_twin(left: list[int], right: list[int]) -> float:
    equal = sum(a % 256 == b % 256 for a, b in zip(left, right, strict=True)) / len(left)
    return max(0.0, (equal - 1 / 256) / (1 - 1 / 256))


def similar_twin(step: MinHash, signed: list[list[int]], sets: list[set[int]], left: int, right: int) -> bool:
    estimate = similarity_twin(signed[left], signed[right])
    doubt = step.verify == "all" or (step.verify == "doubtful" and abs(estimate - step.threshold) <= step.doubtful)
    index = len(sets[left] & sets[right]) / len(sets[left] | sets[right])
    return (index if doubt else estimate) >= step.threshold


def clusters_twin(step: MinHash, texts: list[str | None]) -> Clusters:
    array = pa.array(texts, pa.string())
    values, valid = signatures(array, 2, 24)
    starts, hashes = shingles(array, 2)
    signed = values.tolist()
    sets = [set(hashes[starts[row] : starts[row + 1]].tolist()) for row in range(len(texts))]
    keys = [
        (hash((band, *signed[row][2 * band : 2 * band + 2])), row)
        for row in range(len(texts))
        for band in range(8)
        if valid[row]
    ]
    roots = list(range(len(texts)))
    for left, right in pairs_twin(keys, 0):
        if similar_twin(step, signed, sets, left, right):
            low, high = sorted((roots[left], roots[right]))
            roots = [low if root == high else root for root in roots]
    return {name(row): name(root) for row, root in enumerate(roots) if roots.count(root) > 1}


def name(document: int) -> str:
    return f"{document:04}"


def clusters(step: MinHash, parts: list[list[str | None]]) -> Clusters:
    texts = iter(range(1000))
    memory = [
        part(f"part-{place}", step, [(name(next(texts)), text, None) for text in of_part])
        for place, of_part in enumerate(parts)
    ]
    with tempfile.TemporaryDirectory() as folder:
        decided = carry_out(step, memory, Path(folder))
    found = {}
    for documents, (decisions, _) in zip(memory, decided.parts, strict=True):
        for row in decisions.to_pylist():
            found[documents.batch["id"][row["row"] // 2].as_py()] = row["minhash_cluster_id"]
    return found


@MANY
@example(
    [["駅で友と会う山"] * 9, ["駅で友と会う"] * 9, ["駅で友と会う海"] * 9], {"threshold": 0.8, "verify": "all"}, 5000
)
@given(PARTS, OPTIONS, st.sampled_from([600, 1500, 5000, 2**20]))
def test_clusters_are_those_of_the_twin_however_the_work_is_divided(
    parts: list[list[str | None]], options: dict[str, object], memory: int
) -> None:
    step = MinHash.model_validate({**LAYOUT, **options, "keep": ["id"]}).model_copy(update={"memory": memory})
    expected = clusters_twin(step, [text for of_part in parts for text in of_part])
    assert clusters(step, parts) == expected


@pytest.mark.parametrize(("memory", "tasks"), [(2**20, (1, 1)), (5000, (3, 4)), (600, (5, 32))])
def test_less_memory_makes_more_tasks(memory: int, tasks: tuple[int, int]) -> None:
    step = MinHash.model_validate(LAYOUT).model_copy(update={"memory": memory})
    parts = [part(f"part-{number}", step, [("a", "雨", None)] * 4) for number in range(5)]
    of_phase = {phase.name: phase.tasks for phase in step.phases(parts)}
    assert (of_phase["keys"], of_phase["pairs"]) == tasks
    assert of_phase["keys"] == of_phase["signatures"] == of_phase["estimates"] == of_phase["texts"]


def test_the_twin_itself_sees_clusters_and_strangers() -> None:
    texts: list[str | None] = ["海は広い山", "駅で友と会う", "海は広い。山", None, "猫が三匹いる"]
    assert clusters_twin(MinHash.model_validate(LAYOUT), texts) == {"0000": "0000", "0002": "0000"}
