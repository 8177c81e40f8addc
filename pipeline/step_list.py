"""The page that lists every step with its options, made from the classes themselves."""

import inspect
import json

from pipeline.catalog import STEPS, step_class
from pipeline.stage import Barrier, Stage


def step_list() -> str:
    """Return ``docs/steps.md``."""
    head = "# Steps\n\nWritten by `make docs` from the docstrings; do not edit.\n"
    return "\n".join([head, *(_section(step_class(name)) for name in STEPS)])


def _section(cls: type[Stage]) -> str:
    kind = "looks across shards" if issubclass(cls, Barrier) else f"costs {cls.cost.name}"
    lines = [f"## {cls.name()}\n", inspect.cleandoc(cls.__doc__ or ""), "", f"Cost: {kind}."]
    if cls.adds:
        lines.append("Adds: " + ", ".join(f"`{name}` ({kind})" for name, kind in cls.adds.items()) + ".")
    if cls.model_fields:
        lines += ["", "| option | default | what it does |", "|---|---|---|"]
    defaults = cls().model_dump(mode="json", exclude_none=True)
    for name, info in cls.model_fields.items():
        default = json.dumps(defaults.get(name), ensure_ascii=False)
        description = " ".join((info.description or "").split()).replace("|", "\\|")
        lines.append(f"| `{name}` | `{default}` | {description} |")
    return "\n".join([*lines, ""])
