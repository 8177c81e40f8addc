"""What every step of the catalog must fulfil, whatever it does; a new step is found here by itself."""

import random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pipeline.barrier import Barrier
from pipeline.catalog import STEPS, step_class, step_reference
from pipeline.flow import DERIVED
from pipeline.isolation import process
from pipeline.schema import HOST, RECORD
from pipeline.stage import Checkpoint, Cost, Filter, Outcome, Stage
from pipeline.text.chars import CHAR_COUNTS, as_column, count_chars

CLASSES = [step_class(name) for name in STEPS]
STAGES = [cls for cls in CLASSES if not issubclass(cls, Barrier | Checkpoint)]
TEXTS = [
    "春の川べりを歩くと、つくしが顔を出していた。祖母は籠を持って、私は歌をうたった。",
    "ＡＢＣ　①㈱髙﨑ｶﾞｷﾞ1234-5678",
    "The quick brown fox jumps over the lazy dog. " * 20,
    "",
    "\x00\x01\ufeff\u200b\U0001f600\U00020bb7",
    "あ" * 5000,
    "\n\n\n・・・\n■■■\n",
    None,
]


def records() -> pa.RecordBatch:
    """Documents that came as text, as bytes, empty, strange, and in columns full of nulls."""
    rows: list[dict[str, Any]] = [
        {"id": f"text-{n}", "url": f"https://例え.example/{n}?q=%83%41", "text": text} for n, text in enumerate(TEXTS)
    ]
    chance = random.Random(1)
    bodies = ["<p>こんにちは、世界。</p>".encode("cp932"), b"", b"\xff" * 50, b"<" * 1000, chance.randbytes(3000)]
    rows += [
        {"id": f"bytes-{n}", "url": None, "content": body, "content_type": "text/html", "status": 200}
        for n, body in enumerate(bodies)
    ]
    batch = pa.RecordBatch.from_pylist([{"position": n, "file_path": "x", **row} for n, row in enumerate(rows)], RECORD)
    batch = batch.append_column(HOST, pa.array(["xn--r8jz45g.example"] * len(rows), pa.string()))
    return batch.append_column(CHAR_COUNTS, as_column(count_chars(batch["text"])))


EXAMPLES = {"datatrove": {"block": "C4ParagraphFilter"}}
"""Options for steps that cannot do without."""


def example(cls: type[Stage]) -> Stage:
    return cls(**EXAMPLES.get(cls.step_name(), {}))


def outcome(cls: type[Stage], batch: pa.RecordBatch) -> Outcome:
    stage = example(cls)
    stage.open()
    return process(stage, batch)


def plain(result: Outcome) -> tuple[Any, Any, Any]:
    """An outcome as comparable data, values of failed rows and reasons of no row aside."""
    failed = set(result.failures)
    columns = {
        name: [None if row in failed else repr(value) for row, value in enumerate(values.to_pylist())]
        for name, values in result.columns.items()
    }
    drops = {name: mask.tolist() for name, mask in result.drops.items() if mask.any()}
    return columns, drops, dict(result.failures)


@pytest.mark.parametrize("name", STEPS)
def test_its_name_is_its_name_in_the_catalog(name: str) -> None:
    assert step_class(name).step_name() == name
    assert step_reference(example(step_class(name))) == name


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.step_name())
def test_it_is_documented(cls: type[Stage]) -> None:
    assert cls.__doc__
    assert cls.__doc__ != Stage.__doc__
    assert isinstance(cls.cost, Cost)
    for name, info in cls.model_fields.items():
        assert info.description, f"{cls.step_name()}.{name}"


@pytest.mark.parametrize("cls", STAGES, ids=lambda cls: cls.step_name())
def test_it_returns_what_it_declares(cls: type[Stage]) -> None:
    batch = records()
    result = outcome(cls, batch)
    derived = {field.name: field.type for field in DERIVED}
    types = {name: values.type for name, values in result.columns.items()}
    assert {name: kind for name, kind in types.items() if derived.get(name) != kind} == dict(cls.adds)
    assert all(len(values) == batch.num_rows for values in result.columns.values())
    assert all(mask.dtype == np.bool_ and mask.size == batch.num_rows for mask in result.drops.values())
    assert set(result.failures) <= set(range(batch.num_rows))


@pytest.mark.parametrize("cls", STAGES, ids=lambda cls: cls.step_name())
def test_a_row_is_judged_alike_in_any_company(cls: type[Stage]) -> None:
    batch = records()
    columns, drops, failures = plain(outcome(cls, batch))
    for row in range(batch.num_rows):
        alone = plain(outcome(cls, batch.slice(row, 1)))
        assert alone == (
            {name: [values[row]] for name, values in columns.items()},
            {name: [True] for name, mask in drops.items() if mask[row]},
            {0: failures[row]} if row in failures else {},
        )


@pytest.mark.parametrize("cls", STAGES, ids=lambda cls: cls.step_name())
def test_an_empty_batch_is_no_error(cls: type[Stage]) -> None:
    result = outcome(cls, records().slice(0, 0))
    assert all(len(values) == 0 for values in result.columns.values())


@pytest.mark.parametrize("cls", [cls for cls in STAGES if issubclass(cls, Filter)], ids=lambda cls: cls.step_name())
def test_verdicts_follow_from_the_stored_signals(cls: type[Filter]) -> None:
    result = outcome(cls, records())
    again = cls().verdict(dict(result.columns))
    assert {name: mask.tolist() for name, mask in again.items()} == {
        name: mask.tolist() for name, mask in result.drops.items()
    }
