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
    "compression": "pipeline.filters.compression:Compression",
    "mojibake": "pipeline.filters.mojibake:Mojibake",
    "length": "pipeline.filters.length:Length",
    "japanese": "pipeline.filters.japanese:Japanese",
    "lines": "pipeline.filters.lines:Lines",
    "checkpoint": "pipeline.stage:Checkpoint",
    "minhash": "pipeline.dedup.minhash:MinHash",
}


@cache
def step_class(name: str) -> type[Stage]:
    """Import the class behind a step's name, or behind ``module:Class`` for a step of the user's own.

    Raises KeyError with a message that names the nearest valid step.
    """
    reference = STEPS.get(name, name)
    module, colon, attribute = reference.partition(":")
    if not colon:
        raise KeyError(f"unknown step `{name}`{did_you_mean(name, STEPS)}")
    try:
        loaded = getattr(import_module(module), attribute)
    except Exception as error:
        raise KeyError(f"step `{name}` cannot be imported: {type(error).__name__}: {error}") from error
    if not (isinstance(loaded, type) and issubclass(loaded, Stage)):
        raise KeyError(f"step `{name}` is no Stage")
    return loaded


def step_reference(stage: Stage) -> str:
    """Return the name under which a recipe finds the class of a stage."""
    cls = type(stage)
    reference = f"{cls.__module__}:{cls.__qualname__}"
    return cls.step_name() if STEPS.get(cls.step_name()) == reference else reference


def did_you_mean(name: str, valid: Iterable[str]) -> str:
    """Return the ending of an error about a wrong name: the nearest valid one, or all of them."""
    names = list(valid)
    near = get_close_matches(name, names, n=1, cutoff=0.6)
    if near:
        return f"; did you mean `{near[0]}`?"
    return f"; valid here: {', '.join(f'`{item}`' for item in names)}"
