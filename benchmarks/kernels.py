"""The column functions of ``pipeline.text``, found by their signatures, so that a new one is measured by itself."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from inspect import Parameter, isfunction, signature
from pkgutil import iter_modules
from typing import Any

import pyarrow as pa

import pipeline.text
from benchmarks.peers import NGRAM, PERMUTATIONS
from pipeline.text.words import segment

COLUMNS = {"texts": pa.string(), "contents": pa.binary()}
"""Names of the first parameter of a function over documents, and what it takes."""
WORDS = "words"
ARGUMENTS = {
    "ngram": NGRAM,
    "permutations": PERMUTATIONS,
    "sizes": (5, 6, 7, 8, 9, 10),
    "longest": 10,
    "size": 5,
    "short": 30,
    "stop_words": ("の", "に", "は"),
}
"""What the functions are given for their other parameters; those that take more are left to their steps."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """A function over a column of documents, and the names of what else it takes."""

    name: str
    function: Callable[..., object]
    column: pa.DataType
    parameters: tuple[str, ...]

    @property
    def measurable(self) -> bool:
        """Whether there is a value for every parameter."""
        return set(self.parameters) <= {WORDS, *ARGUMENTS}

    @property
    def of_words(self) -> bool:
        """Whether it finds words or needs them, and so is given fewer documents."""
        return WORDS in self.parameters or self.function is segment

    def job(self, texts: pa.Array) -> Callable[[], object]:
        """The work on these texts; their words are found before."""
        values: dict[str, Any] = ARGUMENTS | ({WORDS: segment(texts)} if WORDS in self.parameters else {})
        column, others = texts.cast(self.column), {name: values[name] for name in self.parameters}
        return lambda: self.function(column, **others)


def kernels() -> Iterator[Kernel]:
    """Every public function of ``pipeline.text`` that takes an Arrow array of texts or contents first."""
    for module in iter_modules(pipeline.text.__path__, f"{pipeline.text.__name__}."):
        for name, function in vars(import_module(module.name)).items():
            if isfunction(function) and function.__module__ == module.name and not name.startswith("_"):
                yield from _kernel(f"{module.name.removeprefix('pipeline.')}.{name}", function)


def _kernel(name: str, function: Callable[..., object]) -> Iterator[Kernel]:
    parameters = list(signature(function).parameters.values())
    if not parameters or parameters[0].name not in COLUMNS or parameters[0].annotation is not pa.Array:
        return
    others = tuple(other.name for other in parameters[1:] if other.default is Parameter.empty)
    yield Kernel(name, function, COLUMNS[parameters[0].name], others)
