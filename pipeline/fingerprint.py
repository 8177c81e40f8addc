"""What a result depends on, as one hash: options, the code behind them, library versions and the input's identity."""

import ast
import hashlib
import json
import unicodedata
from collections.abc import Set
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pipeline.stage import Stage

OWN_PACKAGES = ("pipeline", "classifiers")


def digest(value: Any) -> str:
    """Hash plain data; equal data gives equal digests whatever the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


@cache
def code_version(module: str) -> str:
    """Hash of a module's source and of every module of our own that it imports, directly or not."""
    sources = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in _closure(module).items()}
    return digest(sources)


def stage_fingerprint(stage: Stage, options: Set[str] | None = None) -> dict[str, Any]:
    """All that decides what a stage does; ``options`` names those that matter here, all of them by default."""
    return {
        "name": stage.name(),
        "options": stage.model_dump(mode="json", include=set(options) if options is not None else None),
        "code": code_version(type(stage).__module__),
        "libraries": {library: version(library) for library in ("pyarrow", *stage.libraries)},
        "unicode": unicodedata.unidata_version,
    }


def _closure(module: str) -> dict[str, Path]:
    found: dict[str, Path] = {}
    pending = [module]
    while pending:
        name = pending.pop()
        path = _source(name) if name == module or name.partition(".")[0] in OWN_PACKAGES else None
        if path and name not in found:
            found[name] = path
            pending += _imports(path)
    return dict(sorted(found.items()))


def _source(module: str) -> Path | None:
    try:
        spec = find_spec(module)
    except ModuleNotFoundError:
        return None
    return Path(spec.origin) if spec and spec.origin else None


@cache
def _imports(path: Path) -> tuple[str, ...]:
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return tuple(names)
