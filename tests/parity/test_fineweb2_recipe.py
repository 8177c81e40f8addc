"""The recipe ``fineweb2_ja`` against FineWeb-2's order of steps and the steps' defaults, which are its limits."""

import pytest

from pipeline.recipe import load

FINEWEB_2 = [
    "url",
    "extract",
    "language",
    "minhash",
    "gopher_repetition",
    "fineweb_quality",
    "gopher_quality",
    "ftfy_formatter",
    "pii_formatter",
    "symbol_lines_formatter",
]
OUR_OWN = {"http", "kana_gate", "checkpoint"}


def test_the_steps_stand_in_fineweb_2s_order() -> None:
    names = [step.name() for step in load("fineweb2_ja").steps]
    assert [name for name in names if name not in OUR_OWN] == FINEWEB_2


@pytest.mark.parametrize("name", ["gopher_repetition", "fineweb_quality", "gopher_quality"])
def test_the_limits_are_the_defaults_spelled_out(name: str) -> None:
    step = next(step for step in load("fineweb2_ja").steps if step.name() == name)
    assert step.model_fields_set
    assert step == type(step)()
