"""The table of steps a recipe may name; adding a stage adds one line here."""

from collections.abc import Iterable
from difflib import get_close_matches
from functools import cache
from importlib import import_module

from pipeline.stage import Stage

STEPS = {
    "http": "pipeline.filters.http:Http",
    "url": "pipeline.filters.url:Url",
    "kana_gate": "pipeline.filters.kana_gate:KanaGate",
    "extract": "pipeline.modifiers.extract:Extract",
    "language": "pipeline.filters.language:Language",
    "mojibake": "pipeline.filters.mojibake:Mojibake",
    "length": "pipeline.filters.length:Length",
    "japanese": "pipeline.filters.japanese:Japanese",
    "lines": "pipeline.filters.lines:Lines",
    "checkpoint": "pipeline.stage:Checkpoint",
    "minhash": "pipeline.dedup.minhash:MinHash",
}


@cache
def step_class(name: str) -> type[Stage]:
    """Import the class behind a step's name; KeyError says which name is nearest."""
    if name not in STEPS:
        raise KeyError(f"unknown step `{name}`{did_you_mean(name, STEPS)}")
    module, _, attribute = STEPS[name].partition(":")
    loaded: type[Stage] = getattr(import_module(module), attribute)
    return loaded


def did_you_mean(name: str, valid: Iterable[str]) -> str:
    """Return the ending of an error about a wrong name: the nearest valid one, or all of them."""
    names = list(valid)
    near = get_close_matches(name, names, n=1, cutoff=0.6)
    if near:
        return f"; did you mean `{near[0]}`?"
    return f"; valid here: {', '.join(f'`{item}`' for item in names)}"
