"""What a result depends on, as one hash: options, the code behind them, library versions and the input's identity."""

import ast
import hashlib
import json
import unicodedata
from collections.abc import Set
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec, resolve_name
from pathlib import Path
from typing import Any

from pipeline.stage import Stage

OWN_PACKAGES = ("pipeline", "classifiers")


def digest(value: Any) -> str:
    """Hash plain data; equal data gives equal digests whatever the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


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
        "data": dict(stage.data()),
        "libraries": {library: version(library) for library in ("pyarrow", *stage.libraries)},
        "unicode": unicodedata.unidata_version,
    }


def _closure(module: str) -> dict[str, Path]:
    found: dict[str, Path] = {}
    pending = [module]
    while pending:
        name = pending.pop()
        path = _source(name)
        if path and name not in found and _is_own(name, path, module):
            found[name] = path
            pending += _imports(name, path)
    return dict(sorted(found.items()))


def _is_own(name: str, path: Path, start: str) -> bool:
    """Ours, of the same package as the start, or for a user's own module, a file beside it."""
    top = name.partition(".")[0]
    if top in OWN_PACKAGES or top == start.partition(".")[0]:
        return True
    beside = _source(start.partition(".")[0])
    return beside is not None and not {"site-packages", "lib"} & set(path.parts) and path.is_relative_to(beside.parent)


def _source(module: str) -> Path | None:
    try:
        spec = find_spec(module)
    except (ModuleNotFoundError, ValueError):
        return None
    return Path(spec.origin) if spec and spec.origin and spec.origin.endswith(".py") else None


@cache
def _imports(module: str, path: Path) -> tuple[str, ...]:
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), package) if node.level else node.module or ""
            names.append(base)
            if _is_package(base):
                names += [f"{base}.{alias.name}" for alias in node.names]
    return tuple(names)


def _is_package(module: str) -> bool:
    path = _source(module)
    return path is not None and path.name == "__init__.py"
