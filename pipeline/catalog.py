"""The table of steps a recipe may name; adding a stage adds one line here."""

from functools import cache
from importlib import import_module

from pipeline.stage import Stage
from pipeline.suggest import did_you_mean

STEPS = {
    "http": "pipeline.filters.http:Http",
    "url": "pipeline.filters.url:Url",
    "kana_gate": "pipeline.filters.kana_gate:KanaGate",
    "extract": "pipeline.modifiers.extract:Extract",
    "language": "pipeline.filters.language:Language",
    "compression": "pipeline.filters.compression:Compression",
    "mojibake": "pipeline.filters.mojibake:Mojibake",
    "boilerplate": "pipeline.modifiers.boilerplate:Boilerplate",
    "length": "pipeline.filters.length:Length",
    "japanese": "pipeline.filters.japanese:Japanese",
    "lines": "pipeline.filters.lines:Lines",
    "sentences": "pipeline.filters.sentences:Sentences",
    "repetition": "pipeline.filters.repetition:Repetition",
    "words": "pipeline.filters.words:Words",
    "gopher_repetition": "pipeline.filters.gopher_repetition:GopherRepetition",
    "gopher_quality": "pipeline.filters.gopher_quality:GopherQuality",
    "fineweb_quality": "pipeline.filters.fineweb_quality:FinewebQuality",
    "c4_quality": "pipeline.modifiers.c4_quality:C4Quality",
    "c4_paragraphs": "pipeline.filters.c4_paragraphs:C4Paragraphs",
    "word_list": "pipeline.filters.word_list:WordList",
    "swallow_v1": "pipeline.filters.swallow_v1:SwallowV1",
    "swallow_punctuation": "pipeline.modifiers.swallow:SwallowPunctuation",
    "swallow_footer": "pipeline.modifiers.swallow:SwallowFooter",
    "llmjp_v1": "pipeline.filters.llmjp_v1:LlmjpV1",
    "llmjp_v1_lines": "pipeline.modifiers.llmjp_v1_lines:LlmjpV1Lines",
    "hojichar": "pipeline.filters.hojichar:Hojichar",
    "hojichar_words": "pipeline.filters.hojichar:HojicharWords",
    "quality": "classifiers.serving.quality:Quality",
    "toxicity": "classifiers.serving.toxicity:Toxicity",
    "genre": "classifiers.serving.genre:Genre",
    "percentile": "classifiers.serving.percentile:Percentile",
    "checkpoint": "pipeline.stage:Checkpoint",
    "datatrove": "pipeline.modifiers.datatrove_block:Datatrove",
    "exact_text": "pipeline.dedup.exact:ExactText",
    "exact_url": "pipeline.dedup.exact:ExactUrl",
    "minhash": "pipeline.dedup.minhash:MinHash",
    "repeated_lines": "pipeline.dedup.repeated_lines:RepeatedLines",
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
