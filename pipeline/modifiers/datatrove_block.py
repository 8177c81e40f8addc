"""Runs the filters and formatters of datatrove as steps, so that a chain built on them needs no rewriting."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from importlib.util import find_spec
from inspect import Parameter, isclass, signature
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pyarrow as pa
from datatrove.data import Document
from datatrove.pipeline import filters, formatters
from datatrove.pipeline.filters.base_filter import BaseFilter, get_filter_result
from datatrove.pipeline.formatters.base import BaseFormatter
from datatrove.utils.word_tokenizers import WordTokenizer, load_word_tokenizer
from pydantic import ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from pipeline.schema import CORPUS_COLUMNS
from pipeline.stage import Cost, Outcome, Stage, snake_case
from pipeline.suggest import did_you_mean
from pipeline.text.lines import CLOSERS, ENDERS
from pipeline.text.words import LIBRARIES, segment, word_arrays

BLOCKS: Mapping[str, Any] = {
    name: block
    for module in (filters, formatters)
    for name, block in vars(module).items()
    if isclass(block) and issubclass(block, BaseFilter | BaseFormatter)
}
REFUSED = {
    "C4BadWordsFilter": "it downloads its word list while documents are processed",
    "FastTextClassifierFilter": "it needs a package that cannot be installed beside Migaki's fastText",
    "LambdaFilter": "a recipe cannot hold a function; write a step of your own (docs/own-steps.md)",
    "LanguageFilter": "it needs a package that cannot be installed beside Migaki's fastText; use the step `language`",
    "SamplerFilter": "it draws a random number a document, so that the next run would keep others",
    "URLFilter": "it unpacks its lists into a cache outside the run; use the step `url`, which has the same lists",
    "UnigramLogProbFilter": "it downloads a table of English words",
}
WRITER = "exclusion_writer"
OPTIONAL_LIBRARIES = ("ftfy", "spacy", "sudachipy")
SENTENCE = re.compile(rf"[^{ENDERS}\n]*(?:[{ENDERS}\n]+[{CLOSERS}]*|\Z)")
LONGEST_REASON = 64


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a block makes of one document; ``reason`` is set if it drops it."""

    text: str | None
    metadata: str | None
    reason: str | None = None


class Datatrove(Stage):
    """Runs a filter or formatter of datatrove on one document after the other; further options are its arguments.

    The step is named after the block, ``gopher_quality_filter``; its reasons are the block's own words, ``dropped``
    where it gives none. Text that the block rewrites is taken over from documents it keeps; metadata that it adds goes
    into the column ``metadata``. Every document gets a fresh block, so that none depends on those before it.
    """

    model_config = ConfigDict(extra="allow")

    cost = Cost.WORDS
    reads = ("text",)
    adds: ClassVar[Mapping[str, pa.DataType]] = {"text": pa.string(), "metadata": pa.string()}
    libraries = ("datatrove", *LIBRARIES, *(name for name in OPTIONAL_LIBRARIES if find_spec(name)))

    block: str
    """Class in ``datatrove.pipeline.filters`` or ``datatrove.pipeline.formatters``."""
    words: Literal["fugashi", "datatrove"] = "fugashi"
    """Who finds the words where a block needs them: ``fugashi`` as everywhere in Migaki, or ``datatrove``, with the
    tokenizer of the block's ``language`` (for ``jpn_Jpan`` it needs spaCy and SudachiPy)."""
    label: str = Field(default="", pattern="^[a-z0-9_]*$")
    """Where a recipe holds a block twice, what this one is for: ``gopher_quality_filter_strict`` for ``strict``."""

    @field_validator("block")
    @classmethod
    def _usable(cls, block: str) -> str:
        if block in REFUSED:
            raise ValueError(f"it cannot be a step: {REFUSED[block]}")
        if block not in BLOCKS:
            raise ValueError(f"no such filter or formatter{did_you_mean(block, BLOCKS.keys() - REFUSED.keys())}")
        return block

    @model_validator(mode="after")
    def _constructible(self) -> Self:
        problems = list(self._wrong_arguments())
        if not problems:
            problems = list(self._what_fails())
        if problems:
            raise ValidationError.from_exception_data(type(self).__name__, problems)
        return self

    def name(self) -> str:
        """Name of the block in snake case, and the label if there is one."""
        return snake_case(f"{self.block}_{self.label}" if self.label else self.block)

    def process(self, batch: pa.RecordBatch) -> Outcome:
        """Show every document to the block."""
        block = self._constructor()
        verdicts = [judge(block(), *row) for row in _rows(batch)]
        reasons = np.array([verdict.reason for verdict in verdicts], dtype=object)
        return Outcome(
            columns={
                "text": pa.array([verdict.text for verdict in verdicts], pa.string()),
                "metadata": pa.array([verdict.metadata for verdict in verdicts], pa.string()),
            },
            drops={reason: reasons == reason for reason in dict.fromkeys(reasons) if reason is not None},
        )

    def _parameters(self) -> Mapping[str, Parameter]:
        return {name: info for name, info in signature(BLOCKS[self.block]).parameters.items() if name != WRITER}

    def _constructor(self) -> Callable[[], Any]:
        given = {name: _tuples(value) for name, value in (self.model_extra or {}).items()}
        if self.words == "fugashi" and "language" in self._parameters():
            given["language"] = JAPANESE
        return lambda: BLOCKS[self.block](**given)

    def _wrong_arguments(self) -> Iterator[InitErrorDetails]:
        parameters, given = self._parameters(), self.model_extra or {}
        for name, value in given.items():
            if message := self._misfit(name, value, parameters):
                yield _problem(name, message, value)
        for name, info in parameters.items():
            if info.default is Parameter.empty and name not in given:
                yield InitErrorDetails(type="missing", loc=(name,), input=given)

    def _misfit(self, name: str, value: Any, parameters: Mapping[str, Parameter]) -> str | None:
        if name == WRITER:
            return "Migaki itself keeps what is dropped, in excluded/"
        if name not in parameters:
            return f"{self.block} takes no such argument{did_you_mean(name, [*parameters, 'words', 'label'])}"
        if name == "language" and self.words == "fugashi":
            return "only with `words: datatrove`; fugashi finds Japanese words"
        default = parameters[name].default
        if isinstance(default, bool):
            return None if isinstance(value, bool) else "must be true or false"
        if isinstance(default, int | float):
            number = value is None or (isinstance(value, int | float) and not isinstance(value, bool))
            return None if number else "must be a number"
        return None

    def _what_fails(self) -> Iterator[InitErrorDetails]:
        """Build the block, and its tokenizer, as the work will: a missing package shows before any work starts."""
        try:
            language = getattr(self._constructor()(), "language", None)
            if language is not None:
                load_word_tokenizer(language).word_tokenize("語")
        except Exception as error:  # noqa: BLE001  whatever a block says against its arguments is the user's to read
            missing = isinstance(error, ImportError)
            yield _problem("block", str(error) if missing else f"{type(error).__name__}: {error}", self.block)


class JapaneseWords:
    """Words by fugashi and sentences by their enders, in the shape of datatrove's tokenizers."""

    def word_tokenize(self, text: str) -> list[str]:
        """Return the words of a text."""
        data = text.encode()
        _, starts, ends, _ = word_arrays(segment(pa.array([text])))
        return [data[start:end].decode() for start, end in zip(starts, ends, strict=True)]

    def span_tokenize(self, text: str) -> list[tuple[int, int]]:
        """Return where the sentences of a text begin and end; together they are the whole text."""
        return [found.span() for found in SENTENCE.finditer(text) if found[0]]

    def sent_tokenize(self, text: str) -> list[str]:
        """Return the sentences of a text, without white space around them."""
        sentences = (text[start:end].strip() for start, end in self.span_tokenize(text))
        return [sentence for sentence in sentences if sentence]


WordTokenizer.register(JapaneseWords)
JAPANESE = JapaneseWords()


def judge(block: Any, text: str | None, metadata: str | None, record: Mapping[str, Any]) -> Verdict:
    """Show one document to a block: its text, and as metadata its record and the JSON object ``metadata``.

    Raises what the block raises, and ValueError or TypeError for metadata that is no JSON.
    """
    known = (json.loads(metadata) if metadata else {}) | {key: value for key, value in record.items() if value}
    document = Document(text=text or "", id=str(known.pop("id", "")), metadata=deepcopy(known))
    kept, reason = _shown(block, document)
    added = {key: value for key, value in document.metadata.items() if key not in known or known[key] != value}
    if added:
        own = json.loads(metadata) if metadata else {}
        metadata = json.dumps(own | added, ensure_ascii=False, allow_nan=False, default=_plain)
    if not kept:
        return Verdict(text, metadata, _safe(reason))
    return Verdict(text if document.text == (text or "") else document.text, metadata)


def _shown(block: Any, document: Document) -> tuple[bool, str | None]:
    if isinstance(block, BaseFormatter):
        document.text = block.format(document.text)
        return True, None
    (result,) = block.filter_batch([document])
    return get_filter_result(result)


def _rows(batch: pa.RecordBatch) -> Iterator[tuple[str | None, str | None, dict[str, Any]]]:
    """Text, metadata and, of the other columns of a corpus, what is there."""
    names = batch.schema.names
    metadata = batch["metadata"].to_pylist() if "metadata" in names else [None] * batch.num_rows
    record = batch.select([name for name in CORPUS_COLUMNS if name in names and name not in ("text", "metadata")])
    return zip(batch["text"].to_pylist(), metadata, record.to_pylist(), strict=True)


def _safe(reason: str | None) -> str:
    """Turn a block's words into a reason."""
    words = str(reason or "").lower().replace("<", " below ").replace(">", " above ")
    return re.sub(r"[^a-z0-9]+", "_", words).strip("_")[:LONGEST_REASON] or "dropped"


def _tuples(value: Any) -> Any:
    """Turn the lists of YAML into the tuples that blocks expect."""
    return (
        tuple(_tuples(item) for item in value) if isinstance(value, Sequence) and not isinstance(value, str) else value
    )


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"metadata of type {type(value).__name__} cannot be stored")


def _problem(name: str, message: str, value: Any) -> InitErrorDetails:
    error = PydanticCustomError("argument", "{message}", {"message": message})
    return InitErrorDetails(type=error, loc=(name,), input=value)
