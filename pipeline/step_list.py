"""The page that lists what a recipe may say: its own options, how to read, and every step."""

import inspect
import json
from collections.abc import Iterable

from pipeline.barrier import Barrier
from pipeline.catalog import STEPS, step_class
from pipeline.readers.chunk import Read
from pipeline.recipe import Recipe
from pipeline.stage import Options, Stage


def step_list() -> str:
    """Return ``docs/steps.md``."""
    recipe = [*_options(Recipe, Recipe(name="name", steps=()), leave_out=("read", "steps"))]
    head = [
        "# Recipes and steps",
        "",
        "Written by `make docs` from the docstrings; do not edit. Bounds are inclusive: `{min: ..., max: ...}`.",
        "",
        "## The recipe",
        "",
        *recipe,
        "",
        "## read",
        "",
        "Options of the section `read`.",
        "",
        *_options(Read, Read()),
        "",
    ]
    return "\n".join([*head, *(_section(step_class(name)) for name in STEPS)])


def _section(cls: type[Stage]) -> str:
    kind = cls.cost.name + (", and looks across shards" if issubclass(cls, Barrier) else "")
    lines = [f"## {cls.step_name()}\n", inspect.cleandoc(cls.__doc__ or ""), "", f"Cost: {kind}."]
    if cls.adds:
        lines.append("Adds: " + ", ".join(f"`{name}` ({kind})" for name, kind in cls.adds.items()) + ".")
    if cls.model_fields:
        lines += ["", *_options(cls, cls.model_construct())]
    return "\n".join([*lines, ""])


def _options(cls: type[Options], defaults: Options, leave_out: tuple[str, ...] = ()) -> Iterable[str]:
    yield "| option | default | what it does |"
    yield "|---|---|---|"
    plain = defaults.model_dump(mode="json", exclude_none=True)
    for name, info in cls.model_fields.items():
        if name not in leave_out:
            default = "" if info.is_required() else f"`{json.dumps(plain.get(name), ensure_ascii=False)}`"
            description = " ".join((info.description or "").split()).replace("|", "\\|")
            yield f"| `{name}` | {default} | {description} |"
